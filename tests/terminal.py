"""A command under a pseudo-terminal: what it draws, keys for it, and how it leaves the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

PATIENCE = 120.0
"""Seconds for something to be drawn, or for the command to end."""


@dataclass
class Terminal:
    """A running command. `drawn` is everything that it wrote, control sequences too."""

    process: subprocess.Popen[bytes]
    outer: int
    before: object
    drawn: bytes = field(default=b"")

    def until(self, text: str) -> None:
        """Read until the text was drawn."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.drawn:
            assert time.monotonic() < end, self.drawn[-4000:]
            if not self._read():
                raise AssertionError(f"it ended without {text!r}: {self.drawn[-4000:]!r}")

    def press(self, keys: str) -> None:
        os.write(self.outer, keys.encode())

    def ended(self) -> int:
        """Its exit status; what it still draws is read meanwhile."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, self.drawn[-4000:]
            self._read()
        while select.select([self.outer], [], [], 0)[0] and self._read():
            pass
        return self.process.returncode

    def _read(self) -> bool:
        if not select.select([self.outer], [], [], 0.2)[0]:
            return True
        try:
            part = os.read(self.outer, 65536)
        except OSError:  # the other end is closed
            return False
        self.drawn += part
        return bool(part)


@contextmanager
def running(
    *arguments: str, environ: Mapping[str, str], size: tuple[int, int] = (24, 100)
) -> Iterator[Terminal]:
    """`bootstrap ARGUMENTS` on a terminal of `size` (rows, columns), ended with the block."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    before = termios.tcgetattr(inner)
    command = [sys.executable, "-m", "bootstrap", *arguments]
    process = subprocess.Popen(
        command,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**os.environ, **environ, "TERM": "xterm-256color"},
        preexec_fn=_own_terminal,
    )
    try:
        terminal = Terminal(process, outer, before)
        yield terminal
        if process.poll() is not None:
            assert termios.tcgetattr(inner) == before, "the terminal is not as it was"
    finally:
        process.kill()
        process.wait()
        os.close(inner)
        os.close(outer)


def _own_terminal() -> None:
    """In the child: a session of its own, so that Ctrl-C reaches it alone."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
