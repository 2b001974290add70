"""The loop of a remote edit: read the tip, decide, commit, push; overtaken, begin again at the new tip.

What is repeated is the meaning of the edit, not its text, so two runs that change neighbouring lines
do not get into each other's way. Nothing is ever forced or merged.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from bootstrap.core import interruption
from bootstrap.core.errors import GitUnreachable, ProviderError, PushRefused, StalePlan
from bootstrap.core.output import Output
from bootstrap.edit import backoff
from bootstrap.edit.turns import turn
from bootstrap.git import errors
from bootstrap.git.branch import Branch
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import Identity

MAX_BREAKS = 4
"""How often the host may break the connection before that is the answer."""
_PATIENCE = 0.8
"""How much of the time left is waited for a turn; one that does not come may be of a run that hangs."""


@dataclass(frozen=True)
class Draft:
    """A commit to be; without changes there is none."""

    changes: tuple[FileChange, ...]
    message: str


@dataclass(frozen=True)
class Pushed:
    """What came of it: the commit (None: nothing to do, or only looked at) and how many tries it took."""

    commit: str | None
    attempts: int


def push(
    branch: Branch,
    decide: Callable[[], Draft],
    author: Callable[[], Identity],
    output: Output,
    timeout: float,
    *,
    sign: bool = False,
    publish: Callable[[Draft], str] | None = None,
) -> Pushed:
    """Push what `decide` makes of the branch as it is; again and again, until `timeout` seconds are over.

    `publish` does it in another way than git, and returns the commit's id (StalePlan: overtaken).
    Raises StalePlan then; PushRefused, InputError and all others at once.
    """
    deadline = time.monotonic() + timeout
    attempts = breaks = 0
    quickest = timeout
    while True:
        attempts += 1
        began = time.monotonic()
        try:
            branch.refresh()
            draft = decide()
            if not draft.changes:
                return Pushed(None, attempts)
            patience = _PATIENCE * (deadline - time.monotonic())
            with turn(branch.shown, branch.branch, patience) as waited:
                began = time.monotonic()
                if waited:
                    branch.refresh()
                    draft = decide()
                sha = _try(branch, draft, author, output, sign, publish)
            return Pushed(sha, attempts)
        except StalePlan as error:
            quickest = min(quickest, time.monotonic() - began)
            left = deadline - time.monotonic()
            if left <= 0:
                found = f"{attempts} attempts in {timeout:.0f} s were all overtaken by others"
                hint = "run again, or raise --timeout"
                raise StalePlan(f"pushing to branch {branch.branch}", found, hint, branch.shown) from error
            wait = backoff.pause(attempts, quickest, left, random.random)
        except GitUnreachable as error:
            breaks += 1
            left = deadline - time.monotonic()
            if not branch.tip or breaks >= MAX_BREAKS or left <= 0:
                raise
            wait = backoff.pause(breaks, 0.5, left, random.random)
            output.detail(f"{error.tried}: {error.found}; trying again")
        output.detail(f"attempt {attempts}: overtaken; waiting {wait:.2f} s")
        time.sleep(wait)


def _try(
    branch: Branch,
    draft: Draft,
    author: Callable[[], Identity],
    output: Output,
    sign: bool,
    publish: Callable[[Draft], str] | None,
) -> str | None:
    """One commit and push; None when others have made the change meanwhile."""
    if not draft.changes:
        return None
    review = "propose the change instead: --pr in place of --push"
    if publish is not None:
        try:
            with interruption.unknown_when_interrupted(errors.under_way(branch.branch, branch.shown)):
                return publish(draft)
        except ProviderError as error:
            raise PushRefused(error.tried, error.found, f"{error.hint}; or {review}", error.where) from error
    sha = branch.commit(draft.changes, draft.message, author(), output.invocation.clock(), sign)
    try:
        branch.push(sha)
    except PushRefused as error:
        raise PushRefused(error.tried, error.found, f"{error.hint}; or {review}", error.where) from error
    except GitUnreachable:
        # The line may have broken after the host took it.
        if branch.refresh() != sha:
            raise
    return sha
