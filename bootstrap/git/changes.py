"""A change of files, the commit that makes it, and the observed state of a repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PARENT_COMMIT = "0000000000000000000000000000000000000000"
"""In the layout's record, a placeholder for the id of the previous commit of the same push."""


@dataclass(frozen=True)
class RepositoryState:
    """A branch of a repository, as its host shows it.

    `tip` is None when the branch does not exist; `files` has what was asked for, path → content.
    `push_refusal` is None when a push would be accepted, as far as the host says beforehand.
    """

    url: str
    branch: str
    exists: bool
    tip: str | None = None
    default_branch: str | None = None
    branches: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    push_refusal: str | None = None

    @property
    def empty(self) -> bool:
        """No branch at all: nothing was ever pushed."""
        return not self.branches


@dataclass(frozen=True)
class FileChange:
    """The content that a file is to have (None: it is deleted); `before` is the tip's (None: no file)."""

    path: str
    content: bytes | None
    before: bytes | None = None


@dataclass(frozen=True)
class Commit:
    """One commit: changes on top of the one before (see PARENT_COMMIT).

    A `separate` one is not on the branch: its parent is the commit `onto` (None: it has no parent), and
    the next commit of the push merges it.
    """

    message: str
    changes: tuple[FileChange, ...]
    separate: bool = False
    onto: str | None = None
