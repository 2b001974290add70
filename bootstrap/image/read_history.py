"""Reads what an image was before: the history of its file, from wherever the files come from."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.edit.files import Files
from bootstrap.edit.worktree import WorkTree
from bootstrap.git import auth, shallow
from bootstrap.git import versions as git_versions
from bootstrap.git.branch import Branch
from bootstrap.git.commits import Commit
from bootstrap.git.history import Past
from bootstrap.git.run import Calls
from bootstrap.git.versions import SLACK, FileVersion
from bootstrap.image.history import Step, Version, reader_of, steps
from bootstrap.image.newer import IsAncestor, parse_time
from bootstrap.image.places import ImagePlace


def past(
    place: ImagePlace, files: Files, invocation: Invocation, since: float | None = None
) -> Generator[Step, None, None]:
    """The commits that set the image, newest first, read on demand.

    With `since` (in seconds) those before that time may be missing. Close the iterator to release its
    processes. Raises InputError when the files are not in a Git repository.
    """
    until = None if since is None else _surely_before(since)
    with opened(files, invocation) as (store, tip):
        yield from steps(versions(store, tip, place.file, until), reader_of(place))


def content_of(step: Step, files: Files, invocation: Invocation) -> bytes | None:
    """The file as the commit of a step left it; None if its id is unknown."""
    if step.blob is None:
        return None
    with opened(files, invocation) as (store, _):
        return store.contents([step.blob])[step.blob]


@contextmanager
def opened(files: Files, invocation: Invocation) -> Iterator[tuple[Past, str]]:
    """The history of a branch or of the checked-out commit, and that commit."""
    if isinstance(files, Branch):
        yield files.past(), files.tip  # the branch closes it
        return
    if not isinstance(files, WorkTree):
        raise TypeError(f"there is no history for {type(files).__name__}")
    with local_calls(files.root, invocation) as calls:
        tip = calls.check_run("reading the history", "rev-parse", "HEAD^{commit}").text
        store = shallow.past_of_head(calls, tip, files.credential, invocation)
        try:
            yield store, tip
        finally:
            store.close()


def _surely_before(since: float) -> Callable[[Commit], bool]:
    """A function that says whether a commit was made before that time, even with a wrong clock."""

    def before(commit: Commit) -> bool:
        return max(commit.when, built_time(commit.built_at) or 0) <= since - SLACK

    return before


def versions(
    store: Past, tip: str, path: str, until: Callable[[Commit], bool] | None = None
) -> Iterator[Version]:
    """The file as each commit left it, newest first."""
    for block in git_versions.versions(store, tip, path, until):
        contents = store.contents(version.blob for version in block if version.blob is not None)
        for version in block:
            yield _version(version, contents)


def _version(version: FileVersion, contents: dict[str, bytes]) -> Version:
    commit = version.commit
    return Version(
        commit.sha,
        commit.author,
        commit.email,
        version.arrived,
        commit.subject,
        built_time(commit.built_at),
        contents.get(version.blob) if version.blob is not None else None,
        version.blob,
        version.floor,
    )


@contextmanager
def local_calls(root: Path, invocation: Invocation) -> Iterator[Calls]:
    """git in a work tree on this machine; InputError when there is none, or no commit yet."""
    calls = Calls(root, auth.plain_environment(invocation.environ), str(root))
    if not _has_commits(calls):
        hint = "commit first, or omit what needs the history"
        raise InputError("reading the history", "there is no commit yet", hint, str(root))
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


def is_ancestor_in(source: Path, invocation: Invocation) -> IsAncestor:
    """Ancestry in the commits of the repository at `source`."""
    calls = Calls(source, auth.plain_environment(invocation.environ), str(source))

    def is_ancestor(older: str, newer: str) -> bool | None:
        answer = calls.run("merge-base", "--is-ancestor", older, newer)
        return {0: True, 1: False}.get(answer.status)

    return is_ancestor


def built_time(text: str | None) -> float | None:
    """A trailer's time; a trailer that is not a time counts as missing."""
    try:
        return parse_time(text) if text else None
    except InputError:
        return None
