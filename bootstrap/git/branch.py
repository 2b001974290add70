"""One branch as files to read and a tip to commit on; thin.py and worktree.py decide how it is fetched."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence

from bootstrap.core import verbose
from bootstrap.core.errors import InputError, RefusedError, StalePlan
from bootstrap.core.invocation import Invocation
from bootstrap.git import commit as git_writing
from bootstrap.git import objects
from bootstrap.git.changes import FileChange
from bootstrap.git.history import Past
from bootstrap.git.identity import Identity
from bootstrap.git.objects import Entry, NewCommit
from bootstrap.git.run import Calls

FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=")
"""Nothing is updated but what a call names: two runs in one work tree would race for origin's branches."""


class Branch:
    """`refresh` of a subclass sets the tip; everything here is about that tip.

    Every method raises GitUnreachable, AuthenticationFailed, RepositoryNotFound or GitError when the
    host or git fails.
    """

    is_here = False
    """Whether reading a file of the tip costs no fetch."""

    def __init__(self, calls: Calls, remote: str, branch: str) -> None:
        self.calls = calls
        self.remote = remote
        self.branch = branch
        self.shown = calls.shown
        self.tip = ""
        self.parents: tuple[str, ...] = ()
        self._root = ""
        self.private = f"refs/bootstrap/{int(time.time())}-{os.urandom(4).hex()}"
        """Refs of this run alone, in the local repository; the time shows which ones a killed run left."""
        self._trees: dict[str, dict[str, Entry]] = {}
        self.left_out: dict[str, str] = {}
        """Paths found on the way that are not plain files, with what they are."""
        self._links: dict[str, str] = {}

    def refresh(self) -> str:
        """Read the branch's tip again; InputError when the branch does not exist."""
        raise NotImplementedError

    def read(self, path: str) -> bytes | None:
        """The content of a file; None when there is no file at the path."""
        entry = self._entry(path)
        if entry is None or not entry.is_file:
            return None
        content = self._content(entry.sha, "blob")
        verbose.say(f"read {path}: {len(content):,} bytes")
        return content

    def read_alone(self, path: str) -> bytes | None:
        """As `read`, without fetching the files around it: for one file of a large folder."""
        entry = self._entry(path, around=False)
        return self._content(entry.sha, "blob") if entry is not None and entry.is_file else None

    def under(self, folder: str) -> Iterator[str]:
        """Every file in a folder and its subfolders; for the path of a file, that file."""
        folder = folder.strip("/")
        entry = self._entry(folder) if folder else Entry(objects.TREE, self._root)
        if entry is None:
            return
        if entry.is_tree:
            self._fetch_all(entry.sha)
            yield from self._walk(folder, entry.sha)
        elif entry.is_file:
            yield folder
        else:
            self._leave_out(folder, entry)

    def target_of(self, path: str) -> str | None:
        """The target of a symbolic link that was left out."""
        sha = self._links.get(path)
        if sha is None:
            return None
        self.fetch([sha])
        return self.calls.content(sha, "blob").decode("utf-8", "replace")

    def history(self) -> Calls:
        """git in a repository with all commits of the branch and their trees."""
        return self.calls

    def earlier(self) -> Calls:
        """git in the repository that has files of earlier commits after `fetch`."""
        return self.calls

    def past(self) -> Past:
        """The history before the tip."""
        raise NotImplementedError

    def fetch_folders(self, folders: Sequence[str]) -> None:
        """Fetch these folders with everything in them."""

    def fetch(self, shas: Sequence[str]) -> None:
        """Fetch these files, from any commit."""

    def commit(
        self,
        changes: Sequence[FileChange],
        message: str,
        author: Identity,
        when: float,
        sign: bool = False,
    ) -> str:
        """Make a commit on the tip and return its id (commit.py); files keep their mode."""
        modes = {change.path: self._mode(change.path) for change in changes}
        ref = f"{self.private}/next"
        return git_writing.commit(self.calls, self.tip, changes, modes, message, author, when, ref, sign)

    def commits(self, new: Sequence[NewCommit]) -> tuple[str, ...]:
        """Make commits, each on the one before, the first on the tip; their ids, in order."""
        modes = {change.path: self._mode(change.path) for one in new for change in one.changes}
        return git_writing.commits(self.calls, self.tip, new, modes, f"{self.private}/next")

    def push(self, sha: str, gone: Mapping[str, str] | None = None) -> None:
        """Push a commit made on the tip: StalePlan when someone was faster, PushRefused if it is refused.

        The same push deletes the refs in `gone`, which must be at these ids: all or nothing.
        """
        try:
            git_writing.push(self.calls, self.remote, self.branch, self.tip, sha, gone)
        except StalePlan as error:
            # curl repeats a request whose response was lost; the host then refuses what it has accepted.
            if "[remote rejected]" not in error.found or not self.has_taken(sha):
                raise

    def has_taken(self, sha: str, back: bool = False) -> bool:
        """Whether a commit made on the tip (`back`: on an earlier one) is now in the remote's branch.

        The tip stays as it was read.
        """
        calls, look = self._look(back)
        return calls.run("merge-base", "--is-ancestor", sha, look).status == 0

    def taken_since(self, message: str, author: str | None = None, since: str | None = None) -> str | None:
        """The commit after `since` (default: the tip) with this message and `author` (NAME <EMAIL> SECONDS).

        None when there is none.

        If `since` is before the tip, the history may be cut off after it.
        """
        form = "--format=%H%x00%an <%ae> %at%x00%B%x01"
        calls, look = self._look(back=since is not None)
        answer = calls.check_run("looking for the commit", "log", form, f"{since or self.tip}..{look}")
        for record in answer.out.decode("utf-8", "surrogateescape").split("\x01"):
            sha, _, rest = record.strip().partition("\0")
            who, _, said = rest.partition("\0")
            if said.strip() == message.strip() and author in (None, who):
                return sha
        return None

    def _look(self, back: bool = False) -> tuple[Calls, str]:
        """The remote's branch as it is now, with the commits since the tip, or also those before it."""
        ref = f"{self.private}/look"
        spec = f"+refs/heads/{self.branch}:{ref}"
        calls = self.for_reading()
        calls.check_run("looking at the branch", *FETCH, *self.commits_only(back), self.remote, spec)
        return calls, ref

    def separate(self) -> Calls:
        """git in the repository for commits that are not based on the branch."""
        return self.calls

    def for_reading(self) -> Calls:
        """git in the repository for what is fetched only to be read; called before each such fetch."""
        return self.calls

    def commits_only(self, back: bool = False) -> tuple[str, ...]:
        """Options of a fetch without files; with `back`, also what is before the tip."""
        return ()

    def other(self, name: str) -> tuple[str, bytes] | None:
        """The tip of another branch of the remote, and the raw commit; None: no such branch."""
        listed = self.calls.check_run("reading the branches", "ls-remote", self.remote, f"refs/heads/{name}")
        sha = listed.text.partition("\t")[0]
        if not sha:
            return None
        self._fetch_commit(sha)
        return sha, self.calls.content(sha, "commit")

    def tree_of(self, sha: str) -> str:
        """The id of the tree of a commit that is here."""
        return objects.tree_of(self.calls.content(sha, "commit"))

    def replace_branch(self, name: str, sha: str, before: str) -> None:
        """Push a commit in place of a branch of ours, which must still be at `before` ("": must not exist).

        Raises StalePlan when someone else was faster.
        """
        git_writing.push(self.calls, self.remote, name, before, sha)

    def follow(self, sha: str) -> bool:
        """Bring what was pushed into the user's work tree; False when something is in the way."""
        return True

    def close(self) -> None:
        """End the process that reads objects."""
        self.calls.close()

    def _found_tip(self, ref: str) -> str:
        """Make the commit at `ref` the tip, and return it; InputError when there is none."""
        found = self.calls.object(ref)
        if found is None:
            hint = "push a first commit to it: bootstrap init"
            raise InputError("reading the branch", f"{self.shown} is empty", hint, self.shown)
        self.tip, self._root = found[0], objects.tree_of(found[2])
        self.parents = objects.parents_of(found[2])
        return self.tip

    def _mode(self, path: str) -> str:
        entry = self._entry(path)
        if entry is not None and not entry.is_file:
            hint = "replace it with a plain file first"
            raise RefusedError(f"writing {path}", f"{path} is not a plain file", hint, self.shown)
        return entry.mode if entry else "100644"

    def _entry(self, path: str, around: bool = True) -> Entry | None:
        """What is at a path; if it is a file, its content is here afterwards."""
        *folders, name = path.split("/")
        if any(part in ("", ".", "..") for part in (*folders, name)):
            return None
        sha = self._root
        for part in folders:
            entry = self._list(sha).get(part)
            if entry is None or not entry.is_tree:
                return None
            sha = entry.sha
        if around:
            self._fetch_around(sha, len(folders))
        entry = self._list(sha).get(name)
        if entry is not None and entry.is_file:
            self._fetch_file(sha, entry.sha)
        return entry

    def _walk(self, folder: str, sha: str) -> Iterator[str]:
        for name, entry in self._tree(sha).items():
            path = f"{folder}/{name}" if folder else name
            if entry.is_tree:
                yield from self._walk(path, entry.sha)
            elif entry.is_file:
                yield path
            else:
                self._leave_out(path, entry)

    def _leave_out(self, path: str, entry: Entry) -> None:
        self.left_out[path] = "a submodule"
        if entry.mode == objects.LINK:
            self.left_out[path] = "a symbolic link"
            self._links[path] = entry.sha

    def _tree(self, sha: str) -> dict[str, Entry]:
        if sha not in self._trees:
            content = self._content(sha, "tree")
            self._trees[sha] = dict(objects.entries(content, len(sha) // 2))
        return self._trees[sha]

    def _content(self, sha: str, kind: str) -> bytes:
        """A file or tree of the tip, which is here."""
        return self.calls.content(sha, kind)

    # What a branch that is only partly here fetches before something is read.

    def _list(self, sha: str) -> dict[str, Entry]:
        return self._tree(sha)

    def _fetch_commit(self, sha: str) -> None:
        self.calls.check_run("reading a branch", *FETCH, self.remote, sha)

    def _fetch_all(self, sha: str) -> None:
        """Fetch everything below a folder."""

    def _fetch_around(self, sha: str, depth: int) -> None:
        """Fetch the folder of a file that is asked for."""

    def _fetch_file(self, folder: str, sha: str) -> None:
        """Fetch the file itself."""


def users_ssh(calls: Calls, invocation: Invocation) -> str | None:
    """The SSH command that the user has configured for git, if any."""
    if command := invocation.environ.get("GIT_SSH_COMMAND"):
        return command
    return calls.run("config", "--get", "core.sshCommand").text or None
