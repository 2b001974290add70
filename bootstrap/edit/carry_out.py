"""Carry out an edit of a layout: in the files on this machine, or as one commit on a branch."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bootstrap.core.errors import InputError
from bootstrap.core.names import REVIEW_TRAILER
from bootstrap.core.output import Output
from bootstrap.edit import signatures
from bootstrap.edit.access import Access, open_branch, open_tree
from bootstrap.edit.files import Files
from bootstrap.edit.push import Draft, push
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import identity

if TYPE_CHECKING:
    from bootstrap.git.branch import Branch
    from bootstrap.providers import PullRequest

T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """Which cluster, and how its files are reached.

    `push` commits on the branch instead of writing files, `pr` opens a pull request for the commit.
    """

    cluster: str = "default"
    access: Access = field(default_factory=Access)
    push: bool = False
    pr: bool = False
    dry_run: bool = False
    message: str | None = None
    author: str | None = None
    sign: bool = False
    timeout: float = 300.0


@dataclass(frozen=True)
class Edit(Generic[T]):
    """What was decided, the files that it changes, and the subject of the commit with them."""

    what: T
    changes: tuple[FileChange, ...]
    subject: str


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The edit that was made; `commit` is None when nothing was pushed, `request` when none was opened."""

    edit: Edit[T]
    commit: str | None = None
    request: PullRequest | None = None

    @property
    def asked(self) -> dict[str, Any] | None:
        """The pull request as JSON data (docs/json.md)."""
        return {"url": self.request.url, "number": self.request.number} if self.request else None

    def summary(self, otherwise: str) -> str:
        """Where the edit went, in a few words; `otherwise` if it is in files on this machine."""
        if self.request:
            return f"pull request: {self.request.url}"
        return f"pushed {self.commit[:12]}" if self.commit else otherwise


def carry_out(where: Where, decide: Callable[[Files, str], Edit[T]], output: Output) -> Outcome[T]:
    """Make the edit that `decide` returns for the files (and the folder in them that PATH names).

    On a branch it is called again whenever others have pushed meanwhile. A dry run writes nothing.
    """
    if where.push and where.pr:
        raise InputError("reading the options", "--push and --pr cannot be combined", "give one")
    if where.sign and not (where.push or where.pr):
        found = "--sign describes a commit, but none is made"
        raise InputError("reading the options", found, "add --push or --pr, or omit it")
    if not (where.push or where.pr or where.access.repo):
        tree, under = open_tree(where.access)
        with tree.locked(output.info):
            edit = decide(tree, under)
            if not where.dry_run:
                tree.write(edit.changes)
        return Outcome(edit)
    if not (where.push or where.pr or where.dry_run):
        found = "--repo without --push or --pr would change nothing"
        hint = "add --push or --pr, or --dry-run to preview"
        raise InputError("reading the options", found, hint)
    return _on_branch(where, decide, output)


def _on_branch(where: Where, decide: Callable[[Files, str], Edit[T]], output: Output) -> Outcome[T]:
    last: list[Edit[T]] = []
    with open_branch(where.access, output) as (branch, under):

        def draft() -> Draft:
            last[:] = [decide(branch, under)]
            message = where.message or last[0].subject
            if last[0].changes and (where.push or where.pr):
                signatures.check(branch, last[0].changes, output, sign=where.sign)
            return Draft(() if where.dry_run else last[0].changes, f"{message.strip()}\n")

        invocation = output.invocation
        if where.pr and not where.dry_run:
            return _proposed(where, branch, draft, last, output)
        author = lambda: identity(invocation, where.author)  # noqa: E731
        pushed = push(branch, draft, author, output, where.timeout, sign=where.sign)
        if pushed.commit and not branch.follow(pushed.commit):
            output.warn("the work tree was not changed: git pull fetches the commit")
    return Outcome(last[0], pushed.commit)


def _proposed(
    where: Where, branch: Branch, draft: Callable[[], Draft], last: list[Edit[T]], output: Output
) -> Outcome[T]:
    """The edit on a separate branch, which the same edit updates later, and a request for it."""
    from bootstrap import providers
    from bootstrap.edit.review import Review, propose
    from bootstrap.git import credential

    invocation = output.invocation
    known = credential.read(where.access, invocation, where.access.repo)
    provider = providers.get(branch.shown, known, invocation, where.timeout)
    proposed = propose(
        branch,
        draft,
        lambda: head_of(last[0].subject),
        Review(trailer=REVIEW_TRAILER),
        lambda: identity(invocation, where.author),
        provider,
        output,
        where.timeout,
        sign=where.sign,
    )
    if proposed is None:
        return Outcome(last[0])
    return Outcome(last[0], proposed.commit, proposed.request)


def head_of(subject: str) -> str:
    """The branch of an edit, from the subject of its commit."""
    return f"bootstrap/{re.sub(r'[^a-z0-9]+', '-', subject.lower()).strip('-')[:80]}"
