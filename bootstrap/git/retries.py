"""Retries for busy hosts: what may be repeated, how often, with which pauses, and until when.

What only reads (fetch, clone, ls-remote) is repeated here. A push is not: whoever pushes checks first
whether the host has the commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from bootstrap.core import backoff
from bootstrap.git import errors
from bootstrap.git.command import Answer
from bootstrap.git.responses import Wire

SECONDS = 60.0
"""How long to wait for a host without --timeout."""
FIRST_SECONDS = 10.0
"""How long to wait for a host that has never answered: the address may be wrong."""
LONGEST_PAUSE = 15.0
_READING = frozenset({"fetch", "clone", "ls-remote"})


class Patience:
    """One run's retries for one host. `deadline` is in time.monotonic(); None: SECONDS from a failure."""

    def __init__(self, deadline: float | None = None, detail: Callable[[str], None] = lambda _: None) -> None:
        self.deadline = deadline
        self.detail = detail
        self.reached = False
        """Whether the host has answered in this run."""
        self.authenticated = False
        """Whether it has accepted the credential: a later refusal may then be temporary."""
        self.anonymous = False
        """Whether it has answered without a credential."""

    def left(self, began: float) -> float:
        """Seconds left for a call that began at `began`."""
        end = began + SECONDS if self.deadline is None else self.deadline
        return end - time.monotonic()

    def answered(
        self, once: Callable[[], Answer], clean: Callable[[], None] = lambda: None, ssh: bool = False
    ) -> Answer:
        """The final answer of a call that only reads, after all its tries; `clean` runs between them."""
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
        self.authenticated = self.authenticated or wire.shown or ssh
        self.anonymous = self.anonymous or (wire.status is not None and not wire.shown)

    def pause(self, err: str, wire: Wire, tries: int, began: float) -> float | None:
        """Seconds to wait before the next try; None: another try cannot help, or the time is up."""
        left = self.left(began)
        kind = errors.transient_kind(err)
        if wire.patience and wire.status in (403, 429, 503):
            kind = "busy"
        if kind == "busy":
            self.reached = True
        elif kind == "down" and not self.reached:
            left = min(left, FIRST_SECONDS - (time.monotonic() - began))
        elif kind == "denied" and not self.authenticated:
            # A host under load also refuses valid credentials: one that was sent is sent once more.
            left = left if wire.shown and tries == 1 else 0.0
        elif kind is None:
            return None
        if left <= 0 or wire.patience > left:
            return None
        return min(backoff.between(tries, longest=LONGEST_PAUSE, asked=wire.patience), left)


def is_reading(arguments: Sequence[str]) -> bool:
    """Whether a git command reads from a host and changes nothing there."""
    return command_of(arguments) in _READING


def is_remote(arguments: Sequence[str]) -> bool:
    """Whether a git command contacts a host."""
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
