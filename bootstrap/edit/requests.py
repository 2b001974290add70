"""What a group of bumps consists of: requests, how one is repeated, the result of waiting (group.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bootstrap.edit.files import Files
from bootstrap.git.branch import Branch
from bootstrap.git.changes import FileChange


class Asked(Protocol):
    """A waiting request, as far as the leader needs to know it; `Group.replay` knows the rest."""

    @property
    def message(self) -> str:
        """The commit's message."""

    @property
    def author(self) -> str:
        """As in a commit: name, address, seconds, zone."""

    @property
    def committer(self) -> str:
        """In the same form."""

    @property
    def until(self) -> float:
        """Seconds since the epoch when the owner stops waiting."""

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that are read to decide."""


@dataclass(frozen=True)
class Group:
    """What `image set` provides: the group's name on the host, and how to write, read and repeat a change."""

    name: str
    write: Callable[[str, str, float], str]
    """From author, committer and deadline: the text of the change that was decided last."""
    read: Callable[[str], Asked | None]
    replay: Callable[[str, Files], tuple[FileChange, ...] | None]
    """From a request: the changes of the files; None if its owner has to decide."""


@dataclass
class Layered:
    """A branch with changes on top that are not pushed yet."""

    branch: Branch
    new: dict[str, bytes | None] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        return self.new[path] if path in self.new else self.branch.read(path)

    def under(self, folder: str) -> Iterable[str]:
        return self.branch.under(folder)

    def add(self, changes: Sequence[FileChange]) -> None:
        self.new |= {change.path: change.content for change in changes}


@dataclass(frozen=True)
class Joined:
    """The result of waiting: `settled` by `commit` (None: nothing to do); else decide again.

    `pushes`: how often the branch was pushed to. `refused`: the host does not accept such refs or pushes.
    """

    commit: str | None
    settled: bool
    pushes: int
    refused: bool = False


Own = Callable[[], tuple[tuple[FileChange, ...], str]]
"""A run's own change, decided at the current tip: files (none: nothing to do) and message."""
