"""Runs on one machine that push to the same branch take turns, so that they do not overtake each other.

A courtesy, not a guard: the push itself refuses what is out of date. Whoever cannot take part (another
machine or container) loses nothing but time. A turn is a name in Linux's abstract socket namespace: it
needs no file, holds for every user and home folder, and ends with its process.
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
    """Wait for our turn, at most `patience` seconds; yields whether it had to be waited for."""
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
        time.sleep(POLL_SECONDS * (1 + random.random()))  # noqa: S311 - no secret, only spread
    return waited


def _take(place: socket.socket, name: str) -> bool:
    """Whether it is our turn (or turns cannot be taken here, as on systems other than Linux)."""
    try:
        place.bind(name)
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True
