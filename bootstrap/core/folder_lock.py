"""The lock of a folder that other processes may hold: waited for with a word, and not for ever."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from pathlib import Path

from bootstrap.core.errors import RefusedError

PATIENCE = 60.0
"""Seconds to wait for another process."""
QUIET = 1.0
"""Seconds before anybody is told that it waits."""
PAUSE = 0.05


def wait(
    descriptor: int, folder: Path, tried: str, report: Callable[[str], None], shared: bool = False
) -> None:
    """Lock the folder that `descriptor` has opened, until that is closed; `shared` with others.

    RefusedError, for what was `tried`, when another process keeps it for PATIENCE seconds. OSError: a file
    system without locks.
    """
    began, told = time.monotonic(), False
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > began + PATIENCE:
                found = f"another process has held its lock for {PATIENCE:.0f} s"
                hint = f"wait for that process, or end it (fuser -v {folder} shows it), then run again"
                raise RefusedError(tried, found, hint, str(folder)) from error
        if not told and time.monotonic() > began + QUIET:
            report(f"waiting up to {PATIENCE:.0f} s for another process that locks {folder}")
            told = True
        time.sleep(PAUSE)
