"""The loop of a remote edit: read the tip, decide, commit, push; if overtaken, begin again at the new tip.

What is repeated is the meaning of the edit, not its text, so two runs that change neighbouring lines
do not get in each other's way. Nothing is ever forced or merged. A bump that was overtaken twice joins
those that wait, and one of them pushes for all (group.py). If the answer to a push was lost, the branch
is checked before the push is repeated.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.core import interruption
from bootstrap.core.errors import GitUnreachable, ProviderError, PushRefused, RefLocked, StalePlan
from bootstrap.core.output import Output
from bootstrap.edit import backoff
from bootstrap.edit.turns import turn
from bootstrap.git import errors, patience
from bootstrap.git import refusals as git_refusals
from bootstrap.git.branch import Branch
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import Identity

if TYPE_CHECKING:
    from bootstrap.edit.group import Group, Joined

TURNS = "BOOTSTRAP_TURNS"
"""`off`: runs on this machine do not take turns, just as runs on different machines cannot."""
REFUSALS = 2
"""A bump that was overtaken this often waits with the others; once is enough if others already wait."""
_PATIENCE = 0.8
"""The share of the remaining time to wait for a turn; if it does not come, a run may be hanging."""


@dataclass(frozen=True)
class Draft:
    """A commit to be made; none if there are no changes."""

    changes: tuple[FileChange, ...]
    message: str


@dataclass(frozen=True)
class Pushed:
    """The result: the commit (None: nothing to do, or a dry run) and how many attempts it took."""

    commit: str | None
    attempts: int


class _Busy(Exception):
    """The host did not accept a push but may accept the next one; `cause` says why, `commit` was pushed."""

    def __init__(self, cause: GitUnreachable, commit: str | None = None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.commit = commit


def push(
    branch: Branch,
    decide: Callable[[], Draft],
    author: Callable[[], Identity],
    output: Output,
    timeout: float,
    *,
    sign: bool = False,
    publish: Callable[[Draft], str] | None = None,
    group: Callable[[], Group | None] = lambda: None,
) -> Pushed:
    """Push what `decide` makes of the branch as it is; repeated until `timeout` seconds are over.

    `publish` pushes by other means than git, and returns the commit's id (StalePlan: overtaken).
    `group` returns the group that pushes together, called when needed; None: each run pushes for itself.
    Raises StalePlan or GitUnreachable when the time is over; PushRefused, InputError and others at once.
    """
    began_all = time.monotonic()
    deadline = began_all + timeout
    branch.calls.patience.deadline, branch.calls.patience.detail = deadline, output.detail
    attempts = breaks = refusals = 0
    unanswered: list[str] = []
    """Commits whose push broke off: a slow host may accept one after the branch was checked."""
    quickest = timeout
    alone = sign or publish is not None
    draft: Draft | None = None
    while True:
        attempts += 1
        began = time.monotonic()
        try:
            branch.refresh()
            if late := next((sha for sha in unanswered if branch.has_taken(sha, back=True)), None):
                return Pushed(late, attempts)
            draft = decide()
            if not draft.changes:
                return Pushed(None, attempts)
            with _turn(branch, output, deadline) as waited:
                began = time.monotonic()
                if waited:
                    branch.refresh()
                    draft = decide()
                sha = _try(branch, draft, author, output, sign, publish)
            return Pushed(sha, attempts)
        except StalePlan as error:
            refusals += 1
            quickest = min(quickest, time.monotonic() - began)
            left = deadline - time.monotonic()
            if left <= 0:
                raise _given_up(error, branch, attempts, timeout) from error
            wait = backoff.pause(attempts, quickest, left, random.random)
            output.detail(f"attempt {attempts}: overtaken; waiting {wait:.2f} s")
            if draft is None or not draft.changes or alone or (who := group()) is None:
                time.sleep(wait)
                continue
            if refusals < REFUSALS:
                time.sleep(wait)
            joined = _joined(branch, draft, decide, author, output, deadline, who, refusals)
            if joined is None:
                continue
            attempts += joined.pushes
            if joined.settled:
                return Pushed(joined.commit, attempts)
            alone, refusals = joined.refused, 0
            if time.monotonic() >= deadline:
                raise _given_up(error, branch, attempts, timeout) from error
        except _Busy as busy:
            breaks += 1
            unanswered += [busy.commit] if busy.commit else []
            left, cause = deadline - time.monotonic(), busy.cause
            if left <= 0 or cause.patience > left:
                spent = time.monotonic() - began_all
                cause.found += f" ({breaks} {'tries' if breaks > 1 else 'try'} in {spent:.0f} s)"
                raise cause from busy
            wait = min(max(cause.patience, patience.between(breaks)), left)
            output.detail(f"{cause.tried}: {cause.found}; waiting {wait:.2f} s")
            time.sleep(wait)


def _turn(branch: Branch, output: Output, deadline: float) -> AbstractContextManager[bool]:
    if output.invocation.environ.get(TURNS) == "off":
        return nullcontext(False)
    return turn(branch.shown, branch.branch, _PATIENCE * (deadline - time.monotonic()))


def _joined(
    branch: Branch,
    draft: Draft,
    decide: Callable[[], Draft],
    author: Callable[[], Identity],
    output: Output,
    deadline: float,
    group: Group,
    refusals: int,
) -> Joined | None:
    """The result of waiting with the others; None: not needed yet."""
    from bootstrap.edit import group as image_group

    others = image_group.others_wait(branch, group, output.invocation.clock())
    if refusals < REFUSALS and not others:
        return None

    def own() -> tuple[tuple[FileChange, ...], str]:
        now = decide()
        return now.changes, now.message

    return image_group.join(branch, group, own, author(), draft.message, output, deadline, others)


def _given_up(error: StalePlan, branch: Branch, attempts: int, timeout: float) -> StalePlan:
    tried = f"pushing to branch {branch.branch}"
    if isinstance(error, RefLocked):
        found = f"{error.found} ({attempts} attempts in {timeout:.0f} s)"
        return RefLocked(tried, found, error.hint, branch.shown)
    found = f"{attempts} attempts in {timeout:.0f} s were all overtaken by others"
    return StalePlan(tried, found, "run again, or raise --timeout", branch.shown)


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
    if publish is not None:
        return _publish(branch, draft, publish)
    sha = branch.commit(draft.changes, draft.message, author(), output.invocation.clock(), sign)
    try:
        branch.push(sha)
    except PushRefused as error:
        if error.reason == git_refusals.LOST and branch.has_taken(sha):
            return sha
        raise _advised(error) from error
    except GitUnreachable as error:
        # The connection may have broken after the host accepted it.
        if branch.has_taken(sha):
            return sha
        if not error.passes:
            raise
        raise _Busy(error, sha) from error
    return sha


def _publish(branch: Branch, draft: Draft, publish: Callable[[Draft], str]) -> str:
    try:
        with interruption.unknown_when_interrupted(errors.under_way(branch.branch, branch.shown)):
            return publish(draft)
    except GitUnreachable as error:
        if (sha := branch.taken_since(draft.message)) is not None:
            return sha
        if not error.passes:
            raise
        raise _Busy(error) from error
    except ProviderError as error:
        hint = f"{error.hint}; or propose the change: --pr in place of --push"
        raise PushRefused(error.tried, error.found, hint, error.where) from error


def _advised(error: PushRefused) -> PushRefused:
    """The refusal, with the option of `image set` that would help."""
    more = {
        git_refusals.SIGNATURE: "or have the host make and sign it: --via api",
        git_refusals.REVIEW: "or propose the change: --pr in place of --push",
        git_refusals.OTHER: "or propose the change: --pr in place of --push",
    }.get(error.reason)
    hint = f"{error.hint}; {more}" if more else error.hint
    return PushRefused(error.tried, error.found, hint, error.where, reason=error.reason)
