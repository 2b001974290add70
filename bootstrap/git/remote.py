"""Remote branches: read one, make commits with plumbing commands, push one ref.

There is no work tree and no clone; a private temporary repository (bare.py) has the tip of
one branch and the files that are asked for.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bootstrap.core import backoff, interruption, scratch
from bootstrap.core.errors import (
    AuthenticationFailed,
    GitError,
    GitUnreachable,
    InputError,
    PushRefused,
    RefusedError,
    RepositoryNotFound,
    StalePlan,
)
from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, bare, changes, errors, objects
from bootstrap.git.auth import Credential
from bootstrap.git.changes import RepositoryState
from bootstrap.git.identity import Identity, check_version, identity, merge_text
from bootstrap.git.tree import Wanted, check_changes, index_lines
from bootstrap.git.urls import check_url

__all__ = ["Credential", "Identity", "Remote", "check_url", "identity", "merge_text", "open_remote"]


@contextmanager
def open_remote(
    url: str,
    branch: str | None,
    credential: Credential,
    invocation: Invocation,
    timeout: float = 300,
) -> Iterator[Remote]:
    """A remote repository, through a private temporary folder that is removed at the end.

    `branch` None means the default branch; `timeout` is in seconds, for each git command. Nothing
    is read yet. Raises InputError for a URL, branch name or credential that cannot be used.
    """
    check_url(url)
    auth.check_credential(url, credential)
    invocation.keep_secret(credential.token)
    with _private_folder(invocation) as name:
        check_version(invocation.environ, name)
        repository = bare.Repository(url, credential, invocation, name, timeout)
        if branch is not None:
            _check_branch(repository, branch)
        yield Remote(repository, branch)


@contextmanager
def _private_folder(invocation: Invocation) -> Iterator[Path]:
    try:
        folder = scratch.take("git", invocation.environ.get("TMPDIR"))
    except OSError as error:
        raise GitError("making a temporary folder", str(error), errors.ROOM) from error
    try:
        yield folder
    finally:
        scratch.give_back(folder)


class Remote:
    """One branch of one remote repository; made by `open_remote`.

    Every method raises GitUnreachable, AuthenticationFailed or GitError when the host or git fails.
    """

    def __init__(self, repository: bare.Repository, branch: str | None) -> None:
        self._repository = repository
        self._asked = branch
        self.branch = branch
        self.url = repository.url
        self.shown = repository.shown
        self._tip: str | None = None
        self._proposed: dict[str, Mapping[bytes, str]] = {}

    # -- reading ----------------------------------------------------------------------------

    def observe(self, read: Wanted = (), under: str | None = None) -> RepositoryState:
        """Read the branch as it is now.

        `read` names the files whose content is wanted: paths, globs (`**/kustomization.yaml`; `*`
        stays within a folder), folders that end in `/`, or "all". `under` leaves out what is not
        in that folder; paths stay relative to the repository. A missing repository is a
        state (`exists` False), not an error.
        """
        try:
            refs, default = self._repository.refs()
        except RepositoryNotFound:
            self.branch = self._asked or "main"
            return RepositoryState(self.url, self.branch, exists=False)
        start = "refs/heads/"
        heads = {name.removeprefix(start): sha for name, sha in refs.items() if name.startswith(start)}
        if not heads:
            default = self._repository.unborn_branch()
        self.branch = branch = self._asked or self._choose(default, heads)
        tip = heads.get(branch)
        state = RepositoryState(self.url, branch, True, tip, default, tuple(sorted(heads)))
        if tip is None:
            return state
        self._tip = tip = self._repository.fetch_tip(branch, tip)
        self._proposed.clear()
        entries = self._repository.tree(tip)
        if under is not None and (folder := under.strip("/")):
            entries = {path: entry for path, entry in entries.items() if path.startswith(f"{folder}/")}
        files = self._repository.contents(entries, read)
        return replace(state, tip=tip, files=files, paths=frozenset(entries))

    def read_commit(self, sha: str, paths: Wanted) -> Mapping[str, bytes]:
        """Files of an older commit, fetched by its id; `paths` is like `read` in `observe`.

        Raises InputError when `sha` is not a full id, GitError when the host does not have the commit.
        """
        if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", sha):
            raise InputError("reading a commit", f"{sha!r} is not a commit's full id", "give all its digits")
        if self.branch is None:
            self.observe()
        if not self._repository.fetch_commit(sha, self.branch):
            hint = "the history may have been rewritten: look for the commit on another branch"
            raise GitError(f"reading commit {sha[:12]}", "the repository does not have it", hint, self.shown)
        return self._repository.contents(self._repository.tree(sha), paths)

    def descends(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is in the history of `commit`, on this branch; False when that is unknown."""
        return self.branch is not None and self._repository.descends(commit, ancestor, self.branch)

    def find_trailer(self, name: str, value: str | None = None) -> str | None:
        """The newest commit of the branch whose message has the trailer `name` (with `value`, if given)."""
        state = self.observe()
        if state.tip is None:
            return None
        self._repository.deepen(state.branch)
        trailers = f"%(trailers:key={name},valueonly,unfold,separator=%x02)"
        answer = self._repository.check_run(
            "reading the history", "log", f"--format=%H%x02{trailers}%x01", state.tip
        )
        for record in answer.out.decode("utf-8", "surrogateescape").split("\x01"):
            sha, *values = (part.strip() for part in record.split("\x02"))
            if any(found and value in (None, found) for found in values):
                return sha
        return None

    # -- writing ----------------------------------------------------------------------------

    def may_push(self) -> str | None:
        """Why the host would refuse a push with this credential, or None; nothing is left behind there.

        A dry run with a real commit asks the host. It does not show branch protection or hooks:
        those the provider's API knows.
        """
        state = self.observe()
        if not state.exists:
            return "the repository does not exist"
        probe = changes.Commit("Probe", (changes.FileChange(".bootstrap-probe", b""),))
        sha = self.commit(state.tip, probe, Identity("bootstrap", "bootstrap@localhost"))
        try:
            self._push(sha, state.tip, "--dry-run")
        except (PushRefused, AuthenticationFailed) as error:
            return error.found
        except StalePlan:
            return None  # the host authenticated us, and someone else was faster
        folder = Path(unquote(urlsplit(self.url).path))
        if self.url.startswith("file://") and not os.access(folder, os.W_OK):
            return f"this user may not write to {folder}"
        return None

    def commit(
        self,
        parent: str | None,
        commit: changes.Commit,
        author: Identity,
        sign: bool = False,
        signoff: bool = False,
        merged: str | None = None,
        proposal: str = "",
    ) -> str:
        """Make a commit on top of `parent` (None: a root commit) and return its id; after `observe`.

        It is local until `push`. An existing file keeps its mode, a new one is 100644; a path
        through a symbolic link or submodule is refused (RefusedError). The message is used as it is.
        `merged` becomes the second parent; only the changes decide what is in the tree. `proposal` is a
        branch of ours: if one of its commits says the same, that one is returned.
        """
        repository = self._repository
        repository.prepare()  # it does not exist yet if the host's repository was created just now
        entries = repository.tree(parent) if parent else {}
        check_changes(commit.changes, entries, self.shown)
        file = repository.folder / "index"
        file.unlink(missing_ok=True)
        index = {"GIT_INDEX_FILE": str(file)}
        if parent:
            repository.check_run("reading the tree", "read-tree", parent, extra=index)
        blobs = repository.store([change.content for change in commit.changes if change.content is not None])
        lines = index_lines(commit.changes, blobs, entries)
        repository.check_run(
            "changing the tree", "update-index", "-z", "--index-info", stdin=lines, extra=index
        )
        tree = repository.check_run("writing the tree", "write-tree", "--missing-ok", extra=index).text
        message = self._message(commit.message, author if signoff else None)
        who: dict[str, str] = {}
        for role in ("AUTHOR", "COMMITTER"):
            who |= {f"GIT_{role}_NAME": author.name, f"GIT_{role}_EMAIL": author.email}
        who |= repository.committer()
        parents = [part for sha in (parent, merged) if sha for part in ("-p", sha)]
        options = ["-S" if sign else "--no-gpg-sign", *parents, "-F", "-", tree]
        answer = repository.check_run("making the commit", "commit-tree", *options, stdin=message, extra=who)
        repository.made(answer.text, tree)
        return self._proposed_as(answer.text, proposal) if proposal else answer.text

    def push(self, sha: str, expect: str | None) -> None:
        """Push `sha` to the branch, whose tip must still be `expect` (None: no such branch); never by force.

        Raises StalePlan when someone else was faster, PushRefused when the host refuses it.
        """
        if expect is not None and self._repository.run("merge-base", "--is-ancestor", expect, sha).status:
            found = f"commit {sha[:12]} is not based on {expect[:12]}"
            raise GitError("pushing", found, "observe the branch and make the commit again", self.shown)
        began, tries = time.monotonic(), 0
        while True:
            tries += 1
            try:
                self._push(sha, expect)
            except StalePlan as error:
                # curl repeats requests without an answer; the host then refuses what it has accepted.
                if "[remote rejected]" not in error.found or not self._has_taken(sha):
                    raise
                return
            except GitUnreachable as error:
                # The connection may have broken after the host accepted it.
                if self._has_taken(sha):
                    return
                left = self._repository.patience.left(began)
                if not error.is_transient or left <= 0 or error.patience > left:
                    error.found += f" ({tries} {'tries' if tries > 1 else 'try'})"
                    raise
                time.sleep(min(backoff.between(tries, asked=error.patience), left))
            else:
                return

    def _has_taken(self, sha: str) -> bool:
        return self._repository.has_taken(self.branch or "", sha)

    def replace_branch(self, sha: str, head: str, trailer: str) -> None:
        """Push `sha` to a branch of ours, in place of what we had pushed there.

        Raises RefusedError when its last commit lacks the trailer (someone else has committed to it), and
        StalePlan when someone else was faster.
        """
        there = self._repository.refs()[0].get(f"refs/heads/{head}")
        if there is not None:
            tried = "proposing the change"
            if not self._repository.fetch_commit(there, head):
                raise GitError(tried, f"{head} cannot be read", "delete that branch first", self.shown)
            message = self._repository.check_run(tried, "show", "-s", "--format=%B", there).text
            if trailer not in message.splitlines():
                found = f"someone has committed to {head}, at {there[:12]}"
                raise RefusedError(tried, found, "merge or delete that branch first", self.shown)
        if there != sha:
            self._push(sha, there, branch=head)

    def keep(self, sha: str, ref: str) -> None:
        """Set a ref that is not a branch to `sha`, whatever it was before; for a local repository."""
        arguments = ("push", "--quiet", "--no-verify", "--force", "origin", f"{sha}:{ref}")
        self._repository.check_run("storing the commit", *arguments)

    def _push(self, sha: str, expect: str | None, *options: str, branch: str | None = None) -> None:
        branch = branch or self.branch
        ref = f"refs/heads/{branch}"
        # `push` has shown that this is a fast-forward, so the lease forces nothing. It only makes the push
        # stricter: a plain push to a branch that was reset meanwhile would bring back what was removed.
        lease = f"--force-with-lease={ref}:{expect or ''}"
        arguments = ("push", "--porcelain", "--no-verify", lease, *options, "origin", f"{sha}:{ref}")
        with interruption.unknown_when_interrupted(errors.under_way(branch or "", self.shown, sha)):
            answer = self._repository.run(*arguments)
        if answer.status:
            out = answer.out.decode("utf-8", "replace")
            tried = f"pushing to branch {branch}"
            shown, secrets = self.shown, self._repository.secrets
            error = errors.classify_push(out, answer.err, tried, shown, secrets)
            if isinstance(error, AuthenticationFailed) and self._repository.patience.authenticated:
                found = f"{error.found}, though it accepted the credential before"
                error = GitUnreachable(tried, found, error.hint, shown)
            raise errors.counted(error, answer)

    def _proposed_as(self, sha: str, head: str) -> str:
        if head not in self._proposed:
            self._proposed[head] = self._repository.proposed(head, self._tip)
        content = self._repository.check_run("reading the commit", "cat-file", "commit", sha).out
        return self._proposed[head].get(objects.said(content), sha)

    def _message(self, message: str, signer: Identity | None) -> bytes:
        if signer is None:
            return message.encode()
        options = ("--if-exists=addIfDifferent", "--no-divider", f"--trailer=Signed-off-by: {signer}")
        answer = self._repository.check_run(
            "signing off", "interpret-trailers", *options, stdin=message.encode()
        )
        return answer.out

    def _choose(self, default: str | None, heads: Mapping[str, str]) -> str:
        if default or not heads:
            return default or "main"
        candidates = ["main", "master", *heads] if len(heads) == 1 else ["main", "master"]
        for name in candidates:
            if name in heads:
                return name
        found = f"the repository has no default branch; its branches: {', '.join(sorted(heads)[:5])}"
        raise InputError("choosing a branch", found, "name one with --branch", self.shown)


def _check_branch(repository: bare.Repository, branch: str) -> None:
    answer = repository.run("check-ref-format", f"refs/heads/{branch}")
    if answer.status or branch.startswith("-"):
        raise InputError(
            "reading --branch", f"{branch!r} is not a valid branch name", "give a name like main"
        )
