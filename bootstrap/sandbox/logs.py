"""Show what the sandbox's processes wrote, and follow one of them."""

from __future__ import annotations

import time
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.sandbox import process, state

PAUSE = 0.3
SHORT = 10
"""Lines shown of each log when no process is named."""


def show(name: str, wanted: str | None, output: Output, follow: bool, lines: int) -> None:
    """Print the log of a process, or the end of every one. InputError: no such sandbox or process."""
    found = available(name, output.invocation)
    if wanted is None:
        if follow:
            raise InputError(
                "reading the options", "-f follows one process", f"name one of {', '.join(found)}"
            )
        text = "\n".join(f"== {item}\n{process.tail(log, SHORT)}" for item, log in found.items())
        output.result({item: process.tail(log, SHORT).splitlines() for item, log in found.items()}, text)
        return
    if wanted not in found:
        raise InputError("reading PROCESS", f"no log of {wanted!r}", f"name one of {', '.join(found)}")
    size = found[wanted].stat().st_size
    text = process.tail(found[wanted], lines, size)
    output.result({wanted: text.splitlines()}, text)
    if follow:
        _follow(found[wanted], size, output)


def available(name: str, invocation: Invocation) -> dict[str, Path]:
    """The logs by process; InputError when the sandbox was never started."""
    folder = state.folder_of(name, invocation)
    if state.load(folder) is None:
        raise state.unknown(name)
    return {path.stem: path for path in sorted((folder / "logs").glob("*.log"))}


def _follow(log: Path, start: int, output: Output) -> None:
    """Print whole lines from the byte `start` on, as they are written, until interrupted."""
    with log.open("rb") as stream:
        stream.seek(start)
        rest = b""
        while True:
            *lines, rest = (rest + stream.read()).split(b"\n")
            for line in lines:
                output.line(line.decode(errors="replace"))
            if not lines:
                time.sleep(PAUSE)
