"""Free TCP ports on loopback: kept between runs, replaced only when something else took one."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection, Mapping, Sequence

from bootstrap.core.errors import SandboxError

RANGE = range(20000, 32768)
"""Below Linux's ephemeral ports, so that no outgoing connection can take one by chance."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether nothing listens on the port; closing connections do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(
    names: Sequence[str], kept: Mapping[str, int], ours: Collection[str], taken: Collection[int]
) -> dict[str, int]:
    """A port for each name: the previous one, unless another program listens there.

    `ours` are names whose own process is running (so that its port is rightly in use); `taken`
    are ports that other sandboxes have reserved. SandboxError when none is left.
    """
    chosen: dict[str, int] = {}
    used = set(taken)
    for name in names:
        port = kept.get(name)
        if port is None or not (name in ours or is_free(port)):
            port = _any(used | set(kept.values()) | set(chosen.values()))
        chosen[name] = port
    return chosen


def _any(used: Collection[int]) -> int:
    for _ in range(1000):
        port = random.choice(RANGE)  # noqa: S311 - not a secret: random, so that two programs do not race for one
        if port not in used and is_free(port):
            return port
    raise SandboxError(
        "choosing a port",
        f"none is free in {RANGE.start}-{RANGE.stop - 1}",
        "stop a program that listens there",
    )
