"""Fetches what an image was before: the history of its file, from wherever the files come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.edit.files import Files
from bootstrap.edit.worktree import WorkTree
from bootstrap.git import auth, log
from bootstrap.git.branch import Branch
from bootstrap.git.run import Calls
from bootstrap.image.history import Step, Version, reader_of, steps
from bootstrap.image.newer import IsAncestor, parse_time
from bootstrap.image.places import ImagePlace

_AT_ONCE = 40
"""Versions of a file that are fetched in one request."""


def past(
    path: str, place: ImagePlace, files: Files, invocation: Invocation, since: float | None = None
) -> list[Step]:
    """The commits that set the image, newest first; with `since`, those after that time and the one before.

    Raises InputError when the files are in no Git repository.
    """
    reader = reader_of(place)
    if isinstance(files, Branch):
        files.deepen(since)
        return list(steps(versions(files.calls, files.tip, path, files), reader))
    if isinstance(files, WorkTree):
        with local_calls(files.root, invocation) as calls:
            return list(steps(versions(calls, "HEAD", path), reader))
    raise TypeError(f"no history is known for {type(files).__name__}")


def content_of(step: Step, files: Files, invocation: Invocation) -> bytes | None:
    """The file as the commit of a step left it; None where its id is not known."""
    if step.blob is None:
        return None
    if isinstance(files, Branch):
        return files.calls.content(step.blob, "blob")
    if isinstance(files, WorkTree):
        with local_calls(files.root, invocation) as calls:
            return calls.content(step.blob, "blob")
    raise TypeError(f"no history is known for {type(files).__name__}")


@contextmanager
def local_calls(root: Path, invocation: Invocation) -> Iterator[Calls]:
    """git in a work tree on this machine; InputError when there is none, or no commit yet."""
    calls = Calls(root, auth.plain_environment(invocation.environ), str(root))
    if not _has_commits(calls):
        hint = "commit first, or leave away what needs the history"
        raise InputError("reading the history", "there is no commit here", hint, str(root))
    try:
        yield calls
    finally:
        calls.close()


def has_history(root: Path, invocation: Invocation) -> bool:
    """Whether a folder is a Git work tree with a commit."""
    if not (root / ".git").exists():
        return False
    return _has_commits(Calls(root, auth.plain_environment(invocation.environ), str(root)))


def _has_commits(calls: Calls) -> bool:
    return calls.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}").status == 0


def versions(calls: Calls, tip: str, path: str, branch: Branch | None = None) -> Iterator[Version]:
    """The file as each commit left it, newest first."""
    entries = list(log.log(calls, tip, [path]))
    for number, entry in enumerate(entries):
        if branch is not None and number % _AT_ONCE == 0:
            branch.bring(
                [sha for later in entries[number : number + _AT_ONCE] for _, sha in later.files if sha]
            )
        sha = dict(entry.files).get(path)
        yield Version(
            entry.commit,
            entry.author,
            entry.email,
            entry.when,
            entry.subject,
            built_time(entry.built_at),
            calls.content(sha, "blob") if sha else None,
            sha,
        )


def is_ancestor_in(source: Path, invocation: Invocation) -> IsAncestor:
    """Ancestry by the commits of the repository at `source`."""
    calls = Calls(source, auth.plain_environment(invocation.environ), str(source))

    def is_ancestor(older: str, newer: str) -> bool | None:
        answer = calls.run("merge-base", "--is-ancestor", older, newer)
        return {0: True, 1: False}.get(answer.status)

    return is_ancestor


def built_time(text: str | None) -> float | None:
    """A trailer's time; a trailer that is none counts as not there."""
    try:
        return parse_time(text) if text else None
    except InputError:
        return None
