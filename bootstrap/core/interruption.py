"""Ctrl-C, SIGTERM and SIGHUP end a run in one way: programs first, then its temporary folders."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bootstrap.core import process_group
from bootstrap.core.errors import ExitStatus

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_unknown: list[str] = []


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end; whatever cleans up after Ctrl-C does so after this."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def listen() -> None:
    """Take over the signals, in the main thread; one that is ignored (nohup) stays ignored."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A second one of these would end the cleaning up; Ctrl-C may, for who sits there. They are not ignored,
    # because what is started from here on would ignore them too.
    for other in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(other) is not signal.SIG_IGN:
            signal.signal(other, lambda *_: None)
    process_group.end_all()
    error = Interrupted(number)
    if not process_group.defers(error):
        raise error


def status_of(error: BaseException) -> ExitStatus:
    """The exit status of a run that was ended so: 128 and the signal's number."""
    return ExitStatus(128 + (error.number if isinstance(error, Interrupted) else signal.SIGINT))


@contextmanager
def unknown_when_interrupted(text: str) -> Iterator[None]:
    """What the block does at another host may be done or not when it is interrupted: `text` says how to see.

    It is told at the end of the run.
    """
    try:
        yield
    except KeyboardInterrupt:
        _unknown.append(text)
        raise


def told() -> list[str]:
    """What is not known, each once."""
    found = list(dict.fromkeys(_unknown))
    _unknown.clear()
    return found
