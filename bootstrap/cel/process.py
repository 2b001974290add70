"""The child process that evaluates, from outside: it is started without rights, queried, and ended.

It may only read Python and the library: no file of the repository, no variable of the user,
no program, no socket (bootstrap/programs/confine.py).
"""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import selectors
import signal
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE, TimeoutExpired
from typing import Any

from bootstrap.core import process_group, scratch
from bootstrap.programs import run

ALL_SECONDS = 120
"""Seconds of processor time that one child may use."""
WALL_SECONDS = 60.0
"""Seconds without an answer after which the child is ended."""
_LONGEST = 1 << 16
"""Bytes of an answer."""

_START = """
import sys, types
for name, folder in (("bootstrap", sys.argv[1]), ("cel_expr_python", sys.argv[2])):
    module = types.ModuleType(name)
    module.__path__ = [folder]
    sys.modules[name] = module
from bootstrap.cel import child
from cel_expr_python import cel
child.main(cel)
"""


def library() -> Path | None:
    """The folder of the library; None when it is not installed."""
    spec = find_spec("cel_expr_python")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(folders[0]) if folders else None


class Child:
    """One child. Every method but `end` raises OSError or EOFError after it has ended."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        """`folder` is the library's. Raises OSError, process_group.Over."""
        self._scratch = scratch.take("cel")
        own = Path(__file__).parents[1]
        command = [os.path.realpath(sys.executable), "-I", "-S", "-B", "-c", _START, str(own), str(folder)]
        read = (Path(sys.base_prefix), Path(sys.base_exec_prefix), own, folder)
        try:
            self._process = run.begin(
                command, self._scratch, environ, read, False, ALL_SECONDS, PIPE, DEVNULL
            )
        except BaseException:
            scratch.give_back(self._scratch)
            raise
        self._rest = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, request: Any) -> None:
        """Send a request. The child reads all of it before it answers."""
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe
        data = marshal.dumps(request)
        self._process.stdin.write(len(data).to_bytes(8, "big") + data)
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The next line that it writes."""
        assert self._process.stdout is not None  # noqa: S101
        stream = self._process.stdout.fileno()
        with selectors.DefaultSelector() as waiting:
            waiting.register(stream, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if len(self._rest) > _LONGEST or not waiting.select(WALL_SECONDS):
                    raise EOFError
                part = os.read(stream, 1 << 16)
                if not part:
                    raise EOFError
                self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            found = json.loads(line)
        except ValueError as error:
            raise EOFError from error
        if not isinstance(found, dict):
            raise EOFError
        return found

    def end(self) -> int | None:
        """End it; returns the signal that had ended it, 0 if it had exited, None if it was still running."""
        try:
            status = self._ended()
            process_group.kill(self._process)
        finally:
            process_group.done(self._process)
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            scratch.give_back(self._scratch)
        return None if status is None else max(-status, 0)

    def _ended(self) -> int | None:
        """Its exit status, None while it runs; its streams may end a moment before the process does."""
        try:
            return self._process.wait(0.2 if self._rest == b"" else 0)
        except TimeoutExpired:
            return None


def reason(ended: int | None) -> str:
    """Why there is no answer, in words."""
    if ended == signal.SIGPROF:
        return "it did not finish within a second of processor time"
    if ended == signal.SIGXCPU:
        return f"all of them together took more than {ALL_SECONDS} seconds of processor time"
    if ended is None:
        return f"there was no answer within {WALL_SECONDS:.0f} seconds"
    return "its evaluation was aborted, probably for lack of memory"
