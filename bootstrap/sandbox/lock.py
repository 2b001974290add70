"""One command at a time works on a sandbox; the kernel releases the lock of a killed one."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.core.errors import SandboxError
from bootstrap.sandbox.files import private_folder

PAUSE = 0.1


@contextmanager
def held(path: Path, timeout: float, report: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the lock file; waits up to `timeout` seconds for another holder, then SandboxError."""
    private_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(descriptor, path, timeout, report)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, timeout: float, report: Callable[[str], None]) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode().strip() or "?"
            if time.monotonic() > deadline:
                raise SandboxError(
                    "waiting for the sandbox",
                    f"process {holder} is still working on it",
                    "wait for that command, or end it, then run again",
                    str(path),
                ) from error
            report(f"waiting for another command to finish (process {holder})")
            time.sleep(PAUSE)
