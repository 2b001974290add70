"""The branches and tags of a repository, read from its files: no git is started."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from bootstrap.core import plain_file

_FIXED = re.compile(r"^[0-9a-f]{7,64}$|[*^~<>]")
"""A commit, or a range of versions, which Argo CD looks for among the tags."""
_DEFAULTS = {"HEAD", "main", "master"}


def names(root: Path) -> list[str]:
    """Every ref as `refs/heads/…`, `refs/remotes/…` or `refs/tags/…`; none where `.git` is not a folder."""
    git = root / ".git"
    lines = plain_file.text(git / "packed-refs").splitlines()
    found = [line.partition(" ")[2] for line in lines if line and line[0] not in "#^"]
    return found + [path.relative_to(git).as_posix() for path in (git / "refs").rglob("*") if path.is_file()]


def short(ref: str) -> str:
    """A ref's name without `refs/heads/`, `refs/tags/` or `refs/remotes/REMOTE/`."""
    return ref.split("/", 3 if ref.startswith("refs/remotes/") else 2)[-1]


def elsewhere(root: Path) -> frozenset[str]:
    """The names of tags, and of branches other than the default one and the one that is checked out.

    Without branches where none is checked out, as in CI: any of them may be the one in question.
    """
    refs = names(root)
    found = {short(ref) for ref in refs if ref.startswith("refs/tags/")}
    head = plain_file.text(root / ".git" / "HEAD").strip()
    if head.startswith("ref: refs/heads/"):
        here = {short(head.removeprefix("ref: ")), *_DEFAULTS}
        for ref in (one for one in refs if one.startswith("refs/remotes/") and one.endswith("/HEAD")):
            here.add(short(plain_file.text(root / ".git" / ref).strip().removeprefix("ref: ")))
        found |= {short(ref) for ref in refs if ref.startswith(("refs/heads/", "refs/remotes/"))} - here
    return frozenset(found)


def is_elsewhere(revision: str, others: Collection[str]) -> bool:
    """Whether a revision is surely another one than the work tree's: a commit, a range, one of `others`."""
    name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return name in others or _FIXED.search(name) is not None
