"""A work tree as a commit, including uncommitted changes; its index, branches and files stay as they are.

The new objects are in a separate folder, so that nothing is left in the user's repository.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core.errors import GitError, InputError
from bootstrap.git.run import Calls

TRAILER = "Bootstrap-Work-Tree"
"""Marks a commit that represents a work tree and may be replaced by the next one."""
_WHO = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "bootstrap"), ("EMAIL", "bootstrap@localhost"))
}
_MESSAGE = f"Work tree, with uncommitted changes\n\n{TRAILER}: yes\n"


@dataclass(frozen=True)
class Snapshot:
    """`commit` is `head` if nothing is changed, else a commit on it; `changed` are the changed paths."""

    head: str
    commit: str
    tree: str
    changed: tuple[str, ...]


class Snapshots:
    """Takes them. `folder` is private and empty; `calls` run in the work tree."""

    def __init__(self, calls: Calls, folder: Path) -> None:
        self._plain = calls
        self._tried = f"reading the work tree {calls.shown}"
        objects, index = (
            Path(calls.check_run(self._tried, "rev-parse", "--path-format=absolute", "--git-path", name).text)
            for name in ("objects", "index")
        )
        own = folder / "objects"
        own.mkdir()
        if index.exists():  # it says which files are unchanged, and what a sparse checkout leaves out
            shutil.copy(index, folder / "index")
        quoted = str(objects).replace("\\", "\\\\").replace('"', '\\"')
        environ = {
            **calls.environ,
            **_WHO,
            "GIT_INDEX_FILE": str(folder / "index"),
            "GIT_OBJECT_DIRECTORY": str(own),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{quoted}"',
        }
        self.calls = Calls(calls.directory, environ, calls.shown, calls.secrets, calls.timeout)

    def take(self) -> Snapshot:
        """The work tree as it is now. InputError: no commit yet, or a merge that is not resolved."""
        head = self.calls.run("rev-parse", "--quiet", "--verify", "HEAD^{commit}").text
        if not head:
            raise InputError(self._tried, "it has no commit yet", "make a first commit: git commit")
        unresolved = self._plain.check_run(self._tried, "ls-files", "--unmerged", "-z").out
        if unresolved:
            path = unresolved.split(b"\0")[0].partition(b"\t")[2].decode("utf-8", "replace")
            raise InputError(self._tried, f"{path} has a merge conflict", "resolve it; git status lists them")
        self._run("add", "--all", "--", ":/")
        tree = self._run("write-tree")
        if tree == self._run("rev-parse", f"{head}^{{tree}}"):
            return Snapshot(head, head, tree, ())
        listed = self._run("diff-tree", "-r", "-z", "--name-only", "--no-renames", head, tree)
        commit = self._run("commit-tree", tree, "-p", head, "-m", _MESSAGE)
        return Snapshot(head, commit, tree, tuple(path for path in listed.split("\0") if path))

    def fetch(self, url: str, sha: str) -> None:
        """Fetch a commit of the host, with its history."""
        if self.calls.run("cat-file", "-e", f"{sha}^{{commit}}").status:
            self._run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", url, sha)

    def made_by_people(self, sha: str) -> str:
        """The newest commit of a branch that does not represent a work tree."""
        options = ("--first-parent", "--max-count=1", "--format=%H", "--invert-grep", "--basic-regexp")
        found = self._run("log", *options, f"--grep=^{TRAILER}: yes$", sha)
        if not found:
            found = f"every commit up to {sha[:9]} represents a work tree"
            raise GitError(self._tried, found, "look for the last one made by a person: git log", "")
        return found

    def lacks(self, head: str, commit: str) -> list[str]:
        """The commits of `commit` that are not in `head`, one line each, newest first, at most five."""
        return self._run("log", "--format=%h %an: %s", "--max-count=5", f"{head}..{commit}").splitlines()

    def changed(self, before: str, after: str) -> list[str]:
        """The paths of the files that differ between two commits."""
        listed = self._run("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
        return [path for path in listed.split("\0") if path]

    def is_at(self, sha: str, snapshot: Snapshot) -> bool:
        """Whether a commit of the host is this snapshot, made now or earlier."""
        if sha == snapshot.commit:
            return True
        if not snapshot.changed or self.made_by_people(sha) == sha:
            return False
        return self._run("rev-parse", f"{sha}^{{tree}}", f"{sha}^").split() == [snapshot.tree, snapshot.head]

    def close(self) -> None:
        """End the processes that are still running."""
        self.calls.close()
        self._plain.close()

    def _run(self, *arguments: str) -> str:
        return self.calls.check_run(self._tried, *arguments).text


def top_of(folder: Path, environ: Mapping[str, str]) -> Path:
    """The root of the work tree around a folder; InputError if there is none."""
    answer = Calls(folder, environ, str(folder)).run("rev-parse", "--show-toplevel")
    if answer.status or not answer.text:
        hint = "run this in a clone of the repository, or name one with --repo"
        raise InputError("looking for the work tree", f"{folder} is not in a Git work tree", hint)
    return Path(answer.text)
