"""A busy host is asked again: what may be repeated, how often, with which pauses, and until when.

What only reads (fetch, clone, ls-remote) is repeated here. A push is not: whoever makes it looks first
whether the host took it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from bootstrap.git import errors
from bootstrap.git.command import Answer
from bootstrap.git.wire import Wire

SECONDS = 60.0
"""How long a host is waited for where no --timeout says otherwise."""
FIRST_SECONDS = 10.0
"""A host that has not answered once may be a wrong address: it is waited for so long and no longer."""
LONGEST_PAUSE = 15.0
_READING = frozenset({"fetch", "clone", "ls-remote"})


class Patience:
    """One run's, for one host. `deadline` is by time.monotonic(); None: SECONDS from each first failure."""

    def __init__(self, deadline: float | None = None, detail: Callable[[str], None] = lambda _: None) -> None:
        self.deadline = deadline
        self.detail = detail
        self.reached = False
        """Whether the host has answered in this run."""
        self.let_in = False
        """Whether it took the credential: if it refuses it afterwards, that may pass."""
        self.anonymous = False
        """Whether it has answered without a credential."""

    def left(self, began: float) -> float:
        """Seconds that there are for a call which began at `began`."""
        end = began + SECONDS if self.deadline is None else self.deadline
        return end - time.monotonic()

    def answered(
        self, once: Callable[[], Answer], clean: Callable[[], None] = lambda: None, ssh: bool = False
    ) -> Answer:
        """What a call that only reads ends with, after as many tries as it takes, `clean` between them."""
        began, tries = time.monotonic(), 0
        while True:
            tries += 1
            answer = replace(once(), tries=tries, seconds=time.monotonic() - began)
            if answer.status == 0:
                self.succeeded(answer.wire, ssh)
                return answer
            pause = self.pause(answer.err, answer.wire, tries, began)
            if pause is None:
                return answer
            self.detail(f"try {tries}: {errors.summary(answer.err)}; waiting {pause:.1f} s")
            time.sleep(pause)
            clean()

    def succeeded(self, wire: Wire, ssh: bool = False) -> None:
        self.reached = True
        self.let_in = self.let_in or wire.shown or ssh
        self.anonymous = self.anonymous or (wire.status is not None and not wire.shown)

    def pause(self, err: str, wire: Wire, tries: int, began: float) -> float | None:
        """Seconds to wait before the next try; None: it would be of no use, or the time is over."""
        left = self.left(began)
        kind = errors.passing(err)
        if wire.patience and wire.status in (403, 429, 503):
            kind = "busy"
        if kind == "busy":
            self.reached = True
        elif kind == "down" and not self.reached:
            left = min(left, FIRST_SECONDS - (time.monotonic() - began))
        elif kind == "denied" and not self.let_in:
            # A host under load refuses good credentials too: one that was shown is shown once more.
            left = left if wire.shown and tries == 1 else 0.0
        elif kind is None:
            return None
        if left <= 0 or wire.patience > left:
            return None
        return min(max(wire.patience, between(tries)), left)


def between(tries: int) -> float:
    """Seconds between two tries: a window that doubles, somewhere in its upper half."""
    window = min(0.25 * 2.0**tries, LONGEST_PAUSE)
    return window * random.uniform(0.5, 1.0)  # noqa: S311 - no secret, only spread


def is_reading(arguments: Sequence[str]) -> bool:
    """Whether a git command asks a host and changes nothing there."""
    return command_of(arguments) in _READING


def is_remote(arguments: Sequence[str]) -> bool:
    """Whether a git command talks to a host."""
    return command_of(arguments) in _READING | {"push"}


def command_of(arguments: Sequence[str]) -> str:
    """`fetch` of `-c key=value fetch --quiet`."""
    words = iter(arguments)
    for word in words:
        if word in ("-c", "-C", "--git-dir"):
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""
