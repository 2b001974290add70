"""Many bumps of one branch as one push: overtaken runs wait in a ref each, and one of them pushes for all.

The first one that waits leads: it makes every waiting change at the tip, one commit each, and pushes
them together with the deletion of their refs, all or nothing. When its ref is gone, an owner checks: its
commit is in the branch, or was given back to be decided again. If a leader dies, the next in line
leads; a change is only made if it still is what its owner decided.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bootstrap.core import process_group
from bootstrap.core.errors import (
    AuthenticationFailed,
    BootstrapError,
    GitError,
    GitUnreachable,
    PushRefused,
    StalePlan,
)
from bootstrap.core.output import Output
from bootstrap.edit.requests import Group, Joined, Layered, Own
from bootstrap.git import commit as git_writing
from bootstrap.git import queue as git_waiting
from bootstrap.git.branch import Branch
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import Identity
from bootstrap.git.objects import NewCommit
from bootstrap.git.queue import Waiting

LEADER_SECONDS = 5.0
"""A leader that has pushed nothing for this long is replaced by the next in line."""
LEADER_CALLS = 8
"""Where the host is slow, a leader has the time of this many pushes: two leaders undo each other's work."""
WITHDRAWING_SECONDS = 5.0
TURN_SECONDS = 6.0
"""A leader makes changes for no longer than this, or than reading took: others push meanwhile."""
LONGEST_PAUSE = 30.0


def others_wait(branch: Branch, group: Group) -> int:
    """How many others are waiting, including what a killed run has left: the leader removes that."""
    return len(git_waiting.names(branch, group.name))


def join(
    branch: Branch,
    group: Group,
    own: Own,
    who: Identity,
    message: str,
    output: Output,
    deadline: float,
    others: int = 0,
) -> Joined:
    """Wait in the group until the change is in the branch, or until `deadline` (time.monotonic()).

    `message` belongs to what `own` decided last. Raises what `own` raises. The ref is removed in any case.
    """
    clock = output.invocation.clock
    author, committer = git_writing.stamps(branch.calls, who, clock())
    text = group.write(author, committer, clock() + deadline - time.monotonic())
    name = f"{_name_at(clock())}-{branch.private[-8:]}"
    mine = git_waiting.new_waiting(branch, name, text, who, clock())
    member = _Member(branch, group, own, mine, author, committer, [message], output, deadline, branch.tip)
    try:
        if not member.begin():
            return Joined(None, False, 0, refused=True)
        return member.wait(others)
    finally:
        if not member.gone:
            patience = branch.calls.patience
            before, patience.deadline = patience.deadline, time.monotonic() + WITHDRAWING_SECONDS
            with suppress(BootstrapError), process_group.cleaning_up():
                git_waiting.withdraw(branch, group.name, mine)
            patience.deadline = before  # a run that goes on alone has all its time


@dataclass
class _Member:
    """A waiting run. `gone`: its ref no longer exists."""

    branch: Branch
    group: Group
    own: Own
    mine: Waiting
    author: str
    committer: str
    messages: list[str]
    """Ids of the change as it was decided: they include the state before, so that they differ."""
    output: Output
    deadline: float
    start: str
    """The tip at which it was first decided."""
    pushes: int = 0
    gone: bool = False
    over: list[Waiting] = field(default_factory=list)
    """Those whose owners no longer wait: their refs are removed with the next push."""
    dead: set[str] = field(default_factory=set)
    """Names that lead nobody: their owners no longer wait, or others have sealed them."""
    asking: float = 0.2
    """Seconds that the host took to list those who wait."""
    putting: float = 0.2
    """Seconds that the host took to accept the ref."""
    already: bool = False
    """Whether the ref existed when the change was decided last: it may have been pushed just before."""

    def begin(self) -> bool:
        """Push the ref to the host; False when the host does not accept it."""
        began = time.monotonic()
        try:
            git_waiting.put(self.branch, self.group.name, self.mine)
        except GitUnreachable as error:
            if not error.is_transient:
                raise
            self.output.detail(f"{error.found}; the list will show whether the ref was pushed")
        except GitError as error:
            self.gone = True
            self.output.detail(f"the host does not accept waiting refs ({error.found}): continuing without")
            return False
        self.putting = time.monotonic() - began
        return True

    def wait(self, others: int) -> Joined:
        seen: list[str] = []
        since = time.monotonic()
        there = _name_at(self.output.invocation.clock())
        behind = True
        if others:  # one of them is about to read the list
            self._pause(others)
        while time.monotonic() < self.deadline:
            names = self._names()
            if self.mine.name not in names:
                self.gone = True
                return self._look()
            if not set(seen) <= set(names):  # a change was pushed: the leader is alive
                since = time.monotonic()
                behind = False
            rank = sum(name < self.mine.name for name in names if name not in self.dead)
            # Whoever asked later may have been on the host earlier, and lead already.
            behind = behind and any(self.mine.name < name < there for name in names)
            seen = names
            idle = time.monotonic() - since
            if idle < max(rank, 0.5 * behind) * self._turn():
                if idle > self._turn() and not self.dead:
                    self._waiting()
                self._pause(len(names) if rank > 1 else rank)
                continue
            waiting = self._waiting()
            if self.mine not in waiting:
                self.gone = True
                return self._look()
            try:
                return self._lead(waiting)
            except StalePlan as error:
                self.output.detail(f"leading {len(waiting)}: {error.found}")
            except (PushRefused, AuthenticationFailed) as error:
                self.output.detail(f"the host refuses a push for the group ({error.found}): continuing alone")
                return Joined(None, False, self.pushes, refused=True)
            except GitUnreachable as error:
                if not error.is_transient:
                    raise
                self._pause(0)
        self.branch.calls.patience.deadline = time.monotonic() + WITHDRAWING_SECONDS
        self.gone = not git_waiting.withdraw(self.branch, self.group.name, self.mine)
        if self.gone:
            return self._look()
        self.gone = True
        return Joined(None, False, self.pushes)

    def _turn(self) -> float:
        """Seconds that a leader has, from how long the host takes."""
        return max(LEADER_SECONDS, LEADER_CALLS * max(self.asking, self.putting))

    def _names(self) -> list[str]:
        began = time.monotonic()
        found = git_waiting.names(self.branch, self.group.name)
        self.asking = time.monotonic() - began
        return found

    def _waiting(self) -> list[Waiting]:
        """The waiting refs of the group, without those that have expired."""
        now = self.output.invocation.clock()
        listed = git_waiting.listed(self.branch, self.group.name)
        self.over = [one for one in listed if one != self.mine and _is_over(self.group, one, now)]
        alive = [one for one in listed if one == self.mine or _alive(self.group, one, now)]
        self.dead = {one.name for one in listed}.difference(one.name for one in alive)
        return alive

    def _pause(self, others: int) -> None:
        """The more runs wait and the slower the host is, the less often each asks: the sum stays even."""
        longest = min(LONGEST_PAUSE, max(0.0, self.deadline - time.monotonic()))
        window = 0.8 + others * min(max(self.asking, 0.1), 0.3)
        time.sleep(min(window * random.uniform(0.5, 1.5), longest))  # noqa: S311 - only jitter

    def _look(self) -> Joined:
        """The ref is gone: find its commit, or decide again if there is none."""
        author = self.author.rpartition(" ")[0]
        sha = self._taken(author)
        if sha is None and self.already:
            sha = self._taken(author, self.start)
        return Joined(sha, sha is not None or self.already, self.pushes)

    def _taken(self, author: str, since: str | None = None) -> str | None:
        found = (self.branch.taken_since(message, author, since) for message in self.messages)
        return next((sha for sha in found if sha is not None), None)

    def _lead(self, waiting: Sequence[Waiting]) -> Joined:
        began = time.monotonic()
        self.branch.refresh()
        changes, message = self.own()
        self.already = not changes
        if changes and message not in self.messages:
            self.messages.append(message)
        layered = Layered(self.branch)
        new: list[NewCommit] = []
        if changes:
            new.append(NewCommit(changes, message, self.author, self._now(self.committer)))
            layered.add(changes)
        taken = [self.mine, *self.over]
        others = [(one, self.group.read(one.text)) for one in waiting if one != self.mine]
        self.branch.fetch_folders([folder for _, asked in others if asked for folder in asked.folders])
        ready = time.monotonic()
        turn = max(TURN_SECONDS, ready - began)
        for one, asked in others:
            if asked is None:
                continue
            if (found := self._replayed(one.text, layered)) is not None:
                new.append(NewCommit(found, asked.message, asked.author, self._now(asked.committer)))
                layered.add(found)
            taken.append(one)
            if time.monotonic() - ready > turn:
                break
        shas = self.branch.commits(new) if new else ()
        self._push(shas[-1] if shas else None, taken)
        self.gone = True
        self.output.detail(f"pushed {len(new)} of {len(waiting)} waiting changes")
        return Joined(shas[0] if changes else None, True, self.pushes)

    def _replayed(self, text: str, layered: Layered) -> tuple[FileChange, ...] | None:
        try:
            return self.group.replay(text, layered)
        except GitUnreachable:
            raise
        except BootstrapError as error:
            self.output.detail(f"given back to its owner: {error}")
            return None

    def _push(self, sha: str | None, taken: Sequence[Waiting]) -> None:
        self.pushes += sha is not None
        try:
            git_waiting.take(self.branch, self.group.name, sha, taken)
        except GitUnreachable:
            # The connection may have broken after the host accepted it.
            if sha is None or not self.branch.has_taken(sha):
                raise

    def _now(self, stamp: str) -> str:
        """A committer's stamp with the current time: when the commit is made, not when it was requested."""
        who, _, _ = stamp.rpartition("> ")
        return f"{who}> {int(self.output.invocation.clock())} +0000"


def _name_at(when: float) -> str:
    """The prefix of the names of runs that ask at this time, in seconds since the epoch."""
    return f"{int(when * 1000):015d}"


def _is_over(group: Group, one: Waiting, now: float) -> bool:
    asked = group.read(one.text)
    return asked is not None and asked.until <= now


def _alive(group: Group, one: Waiting, now: float) -> bool:
    asked = group.read(one.text)
    return asked is not None and asked.until > now
