"""The loop of a remote edit: read the tip, decide, commit, push; if overtaken, begin again at the new tip.

What is repeated is the meaning of the edit, not its text, so two runs that change neighbouring lines
do not get in each other's way. Nothing is ever forced or merged. A bump that was overtaken twice joins
those that wait, and one of them pushes for all (group.py). If the response to a push was lost, the branch
is checked before the push is repeated.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.core import interruption
from bootstrap.core.errors import GitUnreachable, ProviderError, PushRefused, RefLocked, StalePlan
from bootstrap.core.output import Output
from bootstrap.edit import backoff
from bootstrap.edit.busy import wait_out
from bootstrap.edit.turns import turn
from bootstrap.git import errors
from bootstrap.git import refusals as git_refusals
from bootstrap.git.branch import Branch
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import Identity

if TYPE_CHECKING:
    from bootstrap.edit.requests import Group, Joined

TURNS = "BOOTSTRAP_TURNS"
"""`off`: runs on this machine do not take turns, just as runs on different machines cannot."""
REFUSALS = 2
"""A bump that was overtaken this often waits with the others.

Once is enough if others already wait, or if more than one commit came before it could try again: where so
many push, the next push would very likely be overtaken, too.
"""
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


@dataclass(frozen=True)
class _Edit:
    """What to push, and how; `deadline` is in time.monotonic()."""

    branch: Branch
    decide: Callable[[], Draft]
    author: Callable[[], Identity]
    output: Output
    timeout: float
    deadline: float
    sign: bool
    publish: Callable[[Draft], str] | None
    group: Callable[[], Group | None]

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()


@dataclass
class _Tried:
    """The tries so far.

    `unanswered` are commits whose push broke off: a slow host may accept one after the branch was checked.
    `began` is when the last try began, `quickest` the duration of the quickest overtaken one, in seconds.
    `alone`: waiting with others is useless or impossible.
    """

    alone: bool
    quickest: float
    attempts: int = 0
    breaks: int = 0
    refusals: int = 0
    began: float = 0.0
    unanswered: list[str] = field(default_factory=list)
    draft: Draft | None = None


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
    """Push what `decide` makes of the branch as it is; repeated until `timeout` seconds have passed.

    `publish` pushes by other means than git, and returns the commit's id (StalePlan: overtaken).
    `group` returns the group that pushes together, called when needed; None: each run pushes for itself.
    Raises StalePlan or GitUnreachable when the time is up; PushRefused, InputError and others at once.
    """
    deadline = time.monotonic() + timeout
    edit = _Edit(branch, decide, author, output, timeout, deadline, sign, publish, group)
    branch.calls.patience.deadline, branch.calls.patience.detail = deadline, output.detail
    tried = _Tried(alone=sign or publish is not None, quickest=timeout)
    while True:
        tried.attempts += 1
        try:
            return _attempt(edit, tried)
        except StalePlan as error:
            if done := _overtaken(edit, tried, error):
                return done
        except _Busy as busy:
            tried.breaks += 1
            tried.unanswered += [busy.commit] if busy.commit else []
            wait_out(busy.cause, tried.breaks, edit.left, timeout, output)


def _attempt(edit: _Edit, tried: _Tried) -> Pushed:
    """Decide at the branch's tip and push. Raises StalePlan if overtaken, _Busy if the host has a problem."""
    branch, before = edit.branch, edit.branch.tip
    tried.began = time.monotonic()
    branch.refresh()
    if late := next((sha for sha in tried.unanswered if branch.has_taken(sha, back=True)), None):
        return Pushed(late, tried.attempts)
    tried.draft = edit.decide()
    if not tried.draft.changes:
        return Pushed(None, tried.attempts)
    far = tried.refusals and before not in (branch.tip, *branch.parents)
    if far and not tried.alone and edit.group() is not None:
        raise StalePlan("pushing", "others pushed several commits", "wait with the others", branch.shown)
    with _turn(branch, edit.output, edit.deadline) as waited:
        tried.began = time.monotonic()
        if waited:
            branch.refresh()
            tried.draft = edit.decide()
        return Pushed(_try(edit, tried.draft), tried.attempts)


def _overtaken(edit: _Edit, tried: _Tried, error: StalePlan) -> Pushed | None:
    """Wait for the next try, alone or with others; the commit if one of them pushed ours with theirs."""
    tried.refusals += 1
    tried.quickest = min(tried.quickest, time.monotonic() - tried.began)
    left = edit.left
    if left <= 0:
        raise _given_up(error, edit, tried.attempts) from error
    wait = backoff.pause(tried.attempts, tried.quickest, left, random.random)
    edit.output.detail(f"attempt {tried.attempts}: overtaken; waiting {wait:.2f} s")
    if tried.draft is None or not tried.draft.changes or tried.alone or (who := edit.group()) is None:
        time.sleep(wait)
        return None
    if tried.refusals < REFUSALS:
        time.sleep(wait)
    joined = _joined(edit, tried.draft, who, tried.refusals)
    if joined is None:
        return None
    tried.attempts += joined.pushes
    if joined.settled:
        return Pushed(joined.commit, tried.attempts)
    # Given back: a push of its own would undo what a leader does now, if others pushed before and still wait.
    tried.alone, tried.refusals = joined.refused, REFUSALS - 1
    if edit.left <= 0:
        raise _given_up(error, edit, tried.attempts) from error
    return None


def _turn(branch: Branch, output: Output, deadline: float) -> AbstractContextManager[bool]:
    if output.invocation.environ.get(TURNS) == "off":
        return nullcontext(False)
    return turn(branch.shown, branch.branch, _PATIENCE * (deadline - time.monotonic()))


def _joined(edit: _Edit, draft: Draft, group: Group, refusals: int) -> Joined | None:
    """The result of waiting with the others; None: not needed yet."""
    from bootstrap.edit import group as image_group

    branch, output = edit.branch, edit.output
    others = image_group.others_wait(branch, group) if refusals < REFUSALS else 0
    if refusals < REFUSALS and not others:
        return None

    def own() -> tuple[tuple[FileChange, ...], str]:
        now = edit.decide()
        return now.changes, now.message

    author = edit.author()
    return image_group.join(branch, group, own, author, draft.message, output, edit.deadline, others)


def _given_up(error: StalePlan, edit: _Edit, attempts: int) -> StalePlan:
    tried = f"pushing to branch {edit.branch.branch}"
    if isinstance(error, RefLocked):
        found = f"{error.found} ({attempts} attempts in {edit.timeout:.0f} s)"
        return RefLocked(tried, found, error.hint, edit.branch.shown)
    found = f"{attempts} attempts in {edit.timeout:.0f} s were all overtaken by others"
    return StalePlan(tried, found, "run again, or raise --timeout", edit.branch.shown)


def _try(edit: _Edit, draft: Draft) -> str | None:
    """One commit and push; None when others have made the change meanwhile."""
    branch = edit.branch
    if not draft.changes:
        return None
    if edit.publish is not None:
        return _publish(branch, draft, edit.publish)
    sha = branch.commit(
        draft.changes, draft.message, edit.author(), edit.output.invocation.clock(), edit.sign
    )
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
        if not error.is_transient:
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
        if not error.is_transient:
            raise
        raise _Busy(error) from error
    except ProviderError as error:
        hint = f"{error.hint}; or propose the change: --pr instead of --push"
        raise PushRefused(error.tried, error.found, hint, error.where) from error


def _advised(error: PushRefused) -> PushRefused:
    """The refusal, with the option of `image set` that would help."""
    more = {
        git_refusals.SIGNATURE: "or have the host make and sign it: --via api",
        git_refusals.REVIEW: "or propose the change: --pr instead of --push",
        git_refusals.OTHER: "or propose the change: --pr instead of --push",
    }.get(error.reason)
    hint = f"{error.hint}; {more}" if more else error.hint
    return PushRefused(error.tried, error.found, hint, error.where, reason=error.reason)
