"""A registry that a machine reaches only through its proxy, by a name or address that leads nowhere."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bootstrap.sandbox.node import archive, registry, relay
from tests import mirror, registries
from tests.tools import tool


@dataclass(frozen=True)
class Upstream:
    """`proxy` and `authority` are what HTTPS_PROXY and SSL_CERT_FILE name; `asked`: for what."""

    proxy: str
    authority: Path
    asked: list[tuple[str, int]]


@contextmanager
def running(folder: Path, host: str, archives: Sequence[Path]) -> Iterator[Upstream]:
    """With the images of the archives, by the names that they have without their registry's."""
    authority, certificate = mirror.certificates(folder / "certificates", host)
    program, store = tool("registry"), folder / "registry"
    with registries.running(store, built=program) as plain:
        for place in archives:
            with archive.opened(place) as found:
                for image in found:
                    registry.push(_port(plain), image)
    with registries.running(store, certificate=certificate, built=program) as secure:
        url, asked = _proxy(host, ("127.0.0.1", _port(secure)))
        yield Upstream(url, authority, asked)


def _port(found: registries.Registry) -> int:
    return urlsplit(found.url).port or 0


def _proxy(way: str, target: tuple[str, int]) -> tuple[str, list[tuple[str, int]]]:
    """A proxy that knows the way to one host; its URL, and what it is asked for."""
    asked: list[tuple[str, int]] = []

    def dial(host: str, port: int) -> socket.socket:
        asked.append((host, port))
        if host != way:
            raise OSError("no way there")
        return relay.directly(*target)

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=relay.wherever_asked, args=(listener, dial), daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", asked
