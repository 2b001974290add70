"""Runs on one machine that push to the same branch take turns, so that they do not overtake each other.

A courtesy, not a guard: the push itself refuses what is out of date. Whoever cannot take part (another
machine, a read-only home) loses nothing but time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.05


@contextmanager
def turn(folder: Path, url: str, branch: str, patience: float) -> Iterator[bool]:
    """Wait for our turn, at most `patience` seconds; yields whether it had to be waited for.

    `folder` holds the locks; a lock ends with its process.
    """
    handle = _open(folder, f"{url}#{branch}")
    if handle is None:
        yield False
        return
    try:
        yield _wait(handle, patience)
    finally:
        os.close(handle)


def _open(folder: Path, key: str) -> int | None:
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None


def _wait(handle: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    waited = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = True
        except OSError:  # a file system without locks
            return waited
        else:
            return waited
        if time.monotonic() >= deadline:
            return waited
        time.sleep(POLL_SECONDS * (1 + random.random()))  # noqa: S311 - no secret, only spread
