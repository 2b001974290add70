"""Ctrl-C, SIGTERM and SIGHUP end a run in the same way: programs first, then its temporary folders."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bootstrap.core import process_group
from bootstrap.core.errors import ExitStatus

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_unknown: list[str] = []
_received: list[signal.Signals] = []


class Interrupted(KeyboardInterrupt):
    """A signal requested termination; whatever cleans up after Ctrl-C also cleans up after this."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)


def listen() -> None:
    """Handle the signals, in the main thread; an ignored one (nohup) stays ignored."""
    _received.clear()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A second signal would abort the cleanup; Ctrl-C may, for a person at the terminal. They are not set to
    # "ignore", because programs started from here on would ignore them too.
    for other in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(other) is not signal.SIG_IGN:
            signal.signal(other, lambda *_: None)
    _received.append(signal.Signals(number))
    process_group.end_all()
    error = Interrupted(number)
    if not process_group.defers(error):
        raise error


def status() -> ExitStatus:
    """The exit status of a run that a signal ended: 128 plus the number of the first one.

    Not of the error that arrives: what cleans up after the signal may be refused a program, and that error
    then takes the place of the first.
    """
    return ExitStatus(128 + (_received[0] if _received else signal.SIGINT))


@contextmanager
def unknown_when_interrupted(text: str) -> Iterator[None]:
    """An interrupted block may or may not have done its work on another host: `text` says how to check.

    It is printed at the end of the run.
    """
    try:
        yield
    except KeyboardInterrupt:
        _unknown.append(text)
        raise


def unknown_results() -> list[str]:
    """The texts of the blocks that were interrupted since the last call, each once."""
    found = list(dict.fromkeys(_unknown))
    _unknown.clear()
    return found
