"""Carry out an edit of a layout: in the files on this machine, or as one commit on a branch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bootstrap.core.errors import InputError
from bootstrap.core.output import Output
from bootstrap.edit.access import Access, open_branch, open_tree
from bootstrap.edit.files import Files
from bootstrap.edit.push import Draft, push
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import identity

T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """Which cluster, and how its files are reached; `push` commits on the branch instead of writing files."""

    cluster: str = "default"
    access: Access = field(default_factory=Access)
    push: bool = False
    dry_run: bool = False
    message: str | None = None
    author: str | None = None
    timeout: float = 300.0


@dataclass(frozen=True)
class Edit(Generic[T]):
    """What was decided, the files that it changes, and the subject of the commit with them."""

    what: T
    changes: tuple[FileChange, ...]
    subject: str


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The edit that was made; `commit` is None when nothing was pushed."""

    edit: Edit[T]
    commit: str | None = None


def carry_out(where: Where, decide: Callable[[Files, str], Edit[T]], output: Output) -> Outcome[T]:
    """Make the edit that `decide` returns for the files (and the folder in them that PATH names).

    On a branch it is called again whenever others have pushed meanwhile. A dry run writes nothing.
    """
    if not (where.push or where.access.repo):
        tree, under = open_tree(where.access)
        with tree.locked():
            edit = decide(tree, under)
            if not where.dry_run:
                tree.write(edit.changes)
        return Outcome(edit)
    if not (where.push or where.dry_run):
        found, hint = "--repo without --push would change nothing", "add --push, or --dry-run to preview"
        raise InputError("reading the options", found, hint)
    return _on_branch(where, decide, output)


def _on_branch(where: Where, decide: Callable[[Files, str], Edit[T]], output: Output) -> Outcome[T]:
    last: list[Edit[T]] = []
    with open_branch(where.access, output) as (branch, under):

        def draft() -> Draft:
            last[:] = [decide(branch, under)]
            message = where.message or last[0].subject
            return Draft(() if where.dry_run else last[0].changes, f"{message.strip()}\n")

        invocation = output.invocation
        pushed = push(branch, draft, lambda: identity(invocation, where.author), output, where.timeout)
        if pushed.commit and not branch.follow(pushed.commit):
            output.warn("the work tree was not changed: git pull brings the commit into it")
    return Outcome(last[0], pushed.commit)
