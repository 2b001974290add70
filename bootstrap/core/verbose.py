"""What --verbose shows: each git command, HTTP request, renderer and file, as it happens.

One listener for the process: calls are made far down the stack and on threads, where no Output is at hand.
Callers must not pass credentials; the listener redacts the known ones anyway.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_listeners: list[Callable[[str], None]] = []


@contextmanager
def to(listener: Callable[[str], None] | None) -> Iterator[None]:
    """Pass every line to a listener (None: nobody) while the block runs."""
    if listener is None:
        yield
        return
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def say(text: str) -> None:
    """Pass on one line, if there is a listener."""
    for listener in _listeners:
        listener(text)


class Call:
    """A call in progress; `ended` is how it ended, in words."""

    ended = "no answer"


@contextmanager
def call(what: str) -> Iterator[Call]:
    """Report a call, how it ended and the seconds it took."""
    if not _listeners:
        yield Call()
        return
    made, start = Call(), time.monotonic()
    try:
        yield made
    finally:
        say(f"{what}: {made.ended}, {time.monotonic() - start:.2f} s")


def git(arguments: Sequence[str], folder: object) -> str:
    """A git command for display: without passwords in URLs, shortened, with its folder."""
    words = [re.sub(r"(?<=://)[^/@\s]*@", "", word) for word in arguments if _listeners]
    line = " ".join(word if len(word) <= _LONG else f"{word[:_LONG]}…" for word in words[:_MANY])
    return f"git {line}{f' and {len(words) - _MANY} more' if len(words) > _MANY else ''} (in {folder})"


def address(url: str) -> str:
    """A URL for display: without user, password and query."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", url.partition("?")[0])


def follow(session: Any) -> None:
    """Report every response of a requests session."""

    def report(answer: Any, **_: Any) -> None:
        if _listeners:
            seconds = answer.elapsed.total_seconds()
            url = address(str(answer.request.url))
            say(f"{answer.request.method} {url}: {answer.status_code}, {seconds:.2f} s")

    session.hooks["response"].append(report)


_LONG, _MANY = 120, 12
"""Characters of a word, and words of a git command, that are shown."""
