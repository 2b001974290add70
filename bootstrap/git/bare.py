"""The private temporary bare repository behind a Remote: it fetches what is wanted and no more.

The tip of one branch is fetched at depth 1 and, if the server can filter, without blobs; files that
are read follow in one request. `_have` and `_commits` remember what is here, because git fetches a
missing object as soon as it is asked for it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bootstrap.core.errors import AuthenticationFailed, GitError, GitUnreachable
from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, errors, objects, retries, urls
from bootstrap.git import command as git_command
from bootstrap.git.auth import Credential
from bootstrap.git.identity import check_text
from bootstrap.git.responses import traced
from bootstrap.git.tree import Entry, Wanted, matcher, parse_tree

TIP = "refs/bootstrap/tip"
_LOOK = "refs/bootstrap/look"
SEEN = "refs/bootstrap/seen"


_PROPOSED = 4
"""Commits of a proposal, at most: those of the layout, and what they are merged with."""


class Repository:
    """`folder` is private and exists; `timeout` is in seconds, for each git command."""

    def __init__(
        self, url: str, credential: Credential, invocation: Invocation, folder: Path, timeout: float
    ) -> None:
        self.url = url
        self.shown = urls.without_userinfo(url)
        self.folder = folder
        self._bare = folder / "repository.git"
        self._timeout = timeout
        self.patience = retries.Patience()
        self._filtered = False
        self._deep = False
        self._tip: str | None = None
        self._source = "HEAD"
        self._commits: set[str] = set()
        self._have: set[str] = set()  # blobs, and trees with all their subtrees
        self._entries: dict[str, dict[str, Entry]] = {}
        self.secrets = tuple(secret for secret in (credential.token,) if secret)
        ssh = _users_ssh(invocation.environ, folder) if urls.is_ssh(url) else None
        self._environ = auth.environment(url, credential, invocation.environ, ssh)

    # -- running git ------------------------------------------------------------------------

    def run(
        self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> git_command.Answer:
        """One git command in the temporary repository (in its folder, before `prepare`)."""
        environ = {**self._environ, **(extra or {})}
        if not retries.is_remote(arguments):
            return self._once(arguments, stdin, environ)
        ssh = urls.is_ssh(self.url)
        if retries.is_reading(arguments):
            return self.patience.answered(lambda: self._asked(arguments, stdin, environ), ssh=ssh)
        answer = self._asked(arguments, stdin, environ)
        if answer.status == 0 or answer.wire.status == 200:  # a refused push was authenticated, too
            self.patience.succeeded(answer.wire, ssh)
        return answer

    def _asked(
        self, arguments: Sequence[str], stdin: bytes, environ: Mapping[str, str]
    ) -> git_command.Answer:
        """One command that contacts the host, with the host's HTTP response."""
        with traced() as trace:
            answer = self._once(arguments, stdin, {**environ, **trace.environ})
            return replace(answer, wire=trace.wire())

    def _once(self, arguments: Sequence[str], stdin: bytes, environ: Mapping[str, str]) -> git_command.Answer:
        directory = self._bare if self._bare.exists() else self.folder
        return git_command.run(arguments, directory, environ, stdin, self._timeout)

    def committer(self) -> dict[str, str]:
        """GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL, if the user has set them."""
        names = ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
        found = {name: self._environ[name] for name in names if self._environ.get(name)}
        return {name: check_text(text, "finding the committer", name) for name, text in found.items()}

    def check_run(
        self, tried: str, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> git_command.Answer:
        """Like `run`, but a failure raises an error; `tried` says what the command is for."""
        answer = self.run(*arguments, stdin=stdin, extra=extra)
        if answer.status:
            raise self.error(answer, tried)
        return answer

    def error(self, answer: git_command.Answer, tried: str) -> GitError:
        return errors.counted(errors.classify(answer.err, tried, self.shown, self.secrets), answer)

    # -- the host's refs --------------------------------------------------------------------

    def refs(self) -> tuple[dict[str, str], str | None]:
        """Every ref on the host with its id, and the default branch."""
        answer = self.check_run("reading the repository", "ls-remote", "--symref", self.url)
        refs, default = {}, None
        for line in answer.text.splitlines():
            value, _, name = line.partition("\t")
            if not value.startswith("ref: "):
                refs[name] = value
            elif name == "HEAD":
                default = value.removeprefix("ref: refs/heads/")
        self.prepare(next(iter(refs.values()), ""))
        return refs, default

    def has_taken(self, branch: str, sha: str) -> bool:
        """Whether a commit that was made here is now in the host's branch."""
        spec = f"+refs/heads/{branch}:{_LOOK}"
        answer = self.run("ls-remote", self.url, f"refs/heads/{branch}")
        if answer.status:
            raise self.error(answer, "looking for the commit")
        if not answer.text:
            return False
        filters = ("--filter=tree:0",) if self._filtered else ()
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", *filters)
        self.check_run("looking for the commit", "fetch", *options, "origin", spec)
        return self.run("merge-base", "--is-ancestor", sha, _LOOK).status == 0

    def unborn_branch(self) -> str | None:
        """The default branch of a repository without branches: newer hosts report it, to `git clone` only."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            options = ("-c", "init.defaultBranch=main", "clone", "--quiet", "--bare", "--template=")
            if self.run(*options, self.url, f"{name}/empty").status:
                return None
            return self.run("--git-dir", f"{name}/empty", "symbolic-ref", "--short", "HEAD").text or None

    def prepare(self, example: str = "") -> None:
        """Create the repository if it does not exist, in the object format of `example`, an id."""
        if self._bare.exists():
            return
        format = "sha256" if len(example) == 64 else "sha1"
        options = ("--quiet", "--bare", "--template=", f"--object-format={format}")
        self.check_run("making a temporary repository", "init", *options, str(self._bare))
        self.check_run("making a temporary repository", "remote", "add", "origin", self.url)

    # -- fetching ---------------------------------------------------------------------------

    def fetch_tip(self, branch: str, tip: str) -> str:
        """Fetch the branch's tip commit and its trees; returns the tip, which may be newer than `tip`."""
        if self._tip == tip:
            return tip
        depth = () if self._deep else ("--depth=1",)
        self._source = f"refs/heads/{branch}"
        answer = self._fetch("blob:none", *depth, "origin", f"+{self._source}:{TIP}")
        if answer.status:
            raise self.error(answer, f"fetching branch {branch}")
        self._filtered = "filtering not recognized" not in answer.err
        self._tip = self.check_run("reading the tip", "rev-parse", TIP).text
        self._commits.add(self._tip)
        self._have.add(self.tree_id(self._tip))
        return self._tip

    def fetch_commit(self, sha: str, branch: str | None) -> bool:
        """Fetch a commit by its id, or with the branch's history if the host does not serve ids.

        False when it does not exist.
        """
        if sha in self._commits:
            return True
        answer = self._fetch("blob:none", "--depth=1", "origin", sha)
        if answer.status == 0:
            self._filtered = self._filtered or "filtering not recognized" not in answer.err
            self._commits.add(sha)
            self._have.add(self.tree_id(sha))
            return True
        self._raise_if_cut_off(answer, f"fetching commit {sha[:12]}")
        if branch is not None and self._tip is not None:
            self.deepen(branch)
        return sha in self._commits

    def proposed(self, head: str, tip: str | None) -> dict[bytes, str]:
        """What the newest commits of branch `head` say (`objects.said`) → id, without those of `tip`."""
        start = self.refs()[0].get(f"refs/heads/{head}")
        found: dict[bytes, str] = {}
        waiting, seen = [start] if start else [], {tip}
        while waiting and len(found) < _PROPOSED:
            sha = waiting.pop(0)
            if sha in seen or not self.fetch_commit(sha, None):
                continue
            seen.add(sha)
            content = self.check_run("reading what is proposed", "cat-file", "commit", sha).out
            found.setdefault(objects.said(content), sha)
            waiting += objects.parents_of(content)
        return found

    def deepen(self, branch: str) -> None:
        """Fetch the whole history of the branch: only the commits, if the server can filter."""
        if self._deep:
            return
        if self.run("rev-parse", "--is-shallow-repository").text == "true":
            answer = self._fetch("tree:0", "--unshallow", "origin", f"+refs/heads/{branch}:{TIP}")
            if answer.status:
                raise self.error(answer, f"fetching the history of branch {branch}")
        self._commits.update(self.check_run("reading the history", "rev-list", TIP).text.split())
        self._deep = True

    def descends(self, commit: str, ancestor: str, branch: str) -> bool:
        """Fetch the branch's newest commits; then whether `ancestor` is in the history of `commit`.

        False when that is unknown. The tip, and what was read of it, stay as they are.
        """
        shallow = self.run("rev-parse", "--is-shallow-repository").text == "true"
        depth = ("--unshallow",) if shallow else ()
        if self._fetch("tree:0", *depth, "origin", f"+refs/heads/{branch}:{SEEN}").status:
            return False
        return self.run("merge-base", "--is-ancestor", ancestor, commit).status == 0

    def _fetch_objects(self, ids: Sequence[str]) -> None:
        """Fetch blobs and whole trees in one request; a host without filters has sent them already."""
        missing = [sha for sha in ids if sha not in self._have]
        if not missing or not self._filtered:
            return
        lines = "".join(f"{sha}\n" for sha in missing).encode()
        answer = self._fetch("blob:none", "--stdin", "origin", stdin=lines, negotiate=False)
        if answer.status:
            self._raise_if_cut_off(answer, "fetching files")
            self._refetch_everything()
        self._have.update(missing)

    def _refetch_everything(self) -> None:
        """For a host that filters but serves no object by its id: fetch the tip again, with all its files."""
        tip, spec = self._tip or "", f"+{self._source}:{TIP}"
        shutil.rmtree(self._bare)
        self.prepare(tip)
        self.check_run("fetching the branch", "fetch", "--quiet", "--no-tags", "--depth=1", "origin", spec)
        self._filtered = self._deep = False
        self._commits = {self.check_run("reading the tip", "rev-parse", TIP).text}

    def _fetch(
        self, filter: str, *arguments: str, stdin: bytes = b"", negotiate: bool = True
    ) -> git_command.Answer:
        noop = () if negotiate else ("-c", "fetch.negotiationAlgorithm=noop")
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", f"--filter={filter}")
        return self.run(*noop, "fetch", *options, *arguments, stdin=stdin)

    def _raise_if_cut_off(self, answer: git_command.Answer, tried: str) -> None:
        error = self.error(answer, tried)
        if isinstance(error, GitUnreachable | AuthenticationFailed):
            raise error

    # -- objects ----------------------------------------------------------------------------

    def tree_id(self, commit: str) -> str:
        return self.check_run("reading a commit", "log", "-1", "--format=%T", commit).text

    def made(self, commit: str, tree: str) -> None:
        """Remember a commit that was made here, so that no host is asked for it."""
        self._commits.add(commit)
        self._have.add(tree)

    def tree(self, commit: str) -> dict[str, Entry]:
        """Every path of a commit that is here."""
        if commit not in self._entries:
            self._fetch_objects([self.tree_id(commit)])
            answer = self.check_run("reading the tree", "ls-tree", "-r", "-z", "--full-tree", commit)
            self._entries[commit] = parse_tree(answer.out)
        return self._entries[commit]

    def contents(self, entries: Mapping[str, Entry], read: Wanted) -> dict[str, bytes]:
        """The content of the entries that `read` names; for a symbolic link, its target."""
        wanted = matcher(read)
        chosen = {path: entry.sha for path, entry in entries.items() if entry.kind == "blob" and wanted(path)}
        if not chosen:
            return {}
        ids = list(dict.fromkeys(chosen.values()))
        self._fetch_objects(ids)
        lines = "".join(f"{sha}\n" for sha in ids).encode()
        out, start = self.check_run("reading files", "cat-file", "--batch", stdin=lines).out, 0
        blobs = {}
        for sha in ids:
            end = out.index(b"\n", start)
            size = int(out[start:end].split()[-1])
            blobs[sha] = out[end + 1 : end + 1 + size]
            start = end + 2 + size
        return {path: blobs[sha] for path, sha in chosen.items()}

    def store(self, contents: Sequence[bytes]) -> list[str]:
        """Write blobs in one call of git; their ids in the same order."""
        if not contents:
            return []
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            try:
                for number, content in enumerate(contents):
                    (Path(name) / str(number)).write_bytes(content)
            except OSError as error:
                raise GitError("writing files", str(error), errors.ROOM) from error
            lines = "".join(f"{name}/{number}\n" for number in range(len(contents))).encode()
            options = ("-w", "--no-filters", "--stdin-paths")
            ids = self.check_run("storing files", "hash-object", *options, stdin=lines).text.split()
        self._have.update(ids)
        return ids


def _users_ssh(environ: Mapping[str, str], folder: Path) -> str | None:
    """The SSH command that the user has configured for git, if any."""
    if command := environ.get("GIT_SSH_COMMAND"):
        return command
    arguments = ("config", "--get", "core.sshCommand")
    return git_command.run(arguments, folder, auth.plain_environment(environ)).text or None
