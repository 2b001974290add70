"""Runs `bootstrap` and ends it right before the Nth change (from 0) of a folder's files or of a cluster.

python -m tests.sandbox.backup.killed_files N SIGNAL FOLDER backup --to FOLDER …

A change is what Python's audit events call one: a folder or a file made, renamed, linked or removed; and a
request that is more than a question.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import Any

from bootstrap import main
from bootstrap.core import interruption

CHANGES = frozenset({"os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"})
ASKS = (b"POST ", b"PUT ", b"PATCH ", b"DELETE ")


def end_before(number: int, how: signal.Signals, folder: str) -> None:
    """Have this process get the signal once; SIGTERM leaves it the time to clean up."""
    numbers = count()

    def changes(event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            return writes and _is_below(path, folder)
        if event == "http.client.send":
            return bytes(arguments[1]).startswith(ASKS)
        return event in CHANGES and any(_is_below(one, folder) for one in arguments)

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if changes(event, arguments) and next(numbers) == number:
            os.kill(os.getpid(), how)

    sys.addaudithook(look)


def _is_below(path: Any, folder: str) -> bool:
    return isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(folder)


if __name__ == "__main__":
    interruption.listen()  # as `python -m bootstrap` does
    end_before(int(sys.argv[1]), signal.Signals[sys.argv[2]], sys.argv[3])
    sys.exit(main.run(sys.argv[4:]))
