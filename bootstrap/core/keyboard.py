"""Keys pressed at the terminal, read without blocking: how a live view is ended."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bootstrap.core.invocation import Invocation


@contextmanager
def pressed(invocation: Invocation) -> Iterator[Callable[[], str]]:
    """A function that returns what was typed since the last call, without Enter; "" without a terminal.

    The terminal is restored when the block ends, however it ends. Ctrl-C still interrupts.
    """
    try:
        descriptor = invocation.stdin.fileno()
    except (io.UnsupportedOperation, ValueError, OSError):
        yield lambda: ""
        return
    if not os.isatty(descriptor):
        yield lambda: ""
        return
    import termios
    import tty

    before = termios.tcgetattr(descriptor)

    def typed() -> str:
        found = b""
        while select.select([descriptor], [], [], 0)[0]:
            part = os.read(descriptor, 64)
            if not part:
                break
            found += part
        return found.decode("utf-8", "ignore")

    try:
        tty.setcbreak(descriptor)
        yield typed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
