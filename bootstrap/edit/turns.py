"""Runs on one machine that push to the same branch take turns, so that they do not overtake each other.

This only saves work: the push itself refuses what is out of date. A run that cannot take part (on another
machine or in a container) only loses time. A turn is a name in Linux's abstract socket namespace: it
needs no file, works across users and home folders, and ends with its process.
"""

from __future__ import annotations

import errno
import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

POLL_SECONDS = 0.05


@contextmanager
def turn(url: str, branch: str, patience: float) -> Iterator[bool]:
    """Wait for our turn, at most `patience` seconds; yields whether there was a wait."""
    import socket

    if not hasattr(socket, "AF_UNIX"):
        yield False
        return
    name = hashlib.sha256(f"{url}#{branch}".encode()).hexdigest()[:32]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as place:
        yield _wait(place, f"\0gitops-bootstrap/{name}", patience)


def _wait(place: socket.socket, name: str, patience: float) -> bool:
    deadline = time.monotonic() + patience
    waited = False
    while not _take(place, name):
        waited = True
        if time.monotonic() >= deadline:
            break
        time.sleep(POLL_SECONDS * (1 + random.random()))  # noqa: S311 - not a secret, only jitter
    return waited


def _take(place: socket.socket, name: str) -> bool:
    """Whether it is our turn (always true where there are no turns, as on systems other than Linux)."""
    try:
        place.bind(name)
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True
