"""The branch of a local work tree: commits are made and pushed without touching the files there.

The commit is made on the remote's tip, in the user's own repository and with the user's own git
configuration; afterwards the local branch follows, if nothing is in its way.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, shallow, urls
from bootstrap.git.auth import Credential
from bootstrap.git.branch import FETCH, Branch, users_ssh
from bootstrap.git.history import Past
from bootstrap.git.run import Calls

_LEFT = re.compile(r"refs/bootstrap/(\d{10})-[0-9a-f]{8}/")
_OLD = 86400.0
"""Seconds after which refs of a run were left by one that was killed."""


class WorkTreeBranch(Branch):
    """The remote branch that the work tree at `root` follows, or `branch` of the same remote.

    Raises InputError when HEAD is detached and no branch is named, or when there is no remote.
    """

    is_here = True

    def __init__(
        self,
        root: Path,
        branch: str | None,
        credential: Credential,
        invocation: Invocation,
        timeout: float = 120,
    ) -> None:
        plain = Calls(root, auth.plain_environment(invocation.environ), str(root), timeout=timeout)
        branch, remote = _followed(plain, branch)
        url = plain.run("remote", "get-url", remote).text
        password = urlsplit(url).password if "://" in url else None
        secrets = [value for value in (credential.token, password, unquote(password or "")) if value]
        invocation.keep_secret(*secrets)
        credential = auth.bound(credential, url)  # the user's own configuration names that host
        auth.check_credential(urls.without_userinfo(url), credential)
        environ = auth.environment(url, credential, invocation.environ, users_ssh(plain, invocation))
        shown = urls.without_userinfo(url)
        super().__init__(Calls(root, environ, shown, secrets, timeout), remote, branch)
        self.url = url
        self._past: Past | None = None

    def refresh(self) -> str:
        """Fetch the remote branch; InputError when the remote has no such branch."""
        tip = f"{self.private}/tip"
        spec = f"+refs/heads/{self.branch}:{tip}"
        answer = self.calls.run(*FETCH, self.remote, spec)
        if answer.status:
            if "couldn't find remote ref" in answer.err:
                hint = "name a branch with --branch, or push this one first"
                if self.calls.run("ls-remote", self.remote, f"refs/tags/{self.branch}").text:
                    found = f"{self.branch} is a tag of {self.shown}, not a branch"
                    raise InputError("reading the branch", found, "name a branch with --branch")
                raise InputError("reading the branch", f"{self.shown} has no branch {self.branch}", hint)
            raise self.calls.error(answer, f"fetching branch {self.branch}")
        return self._found_tip(tip)

    def follow(self, sha: str) -> bool:
        """Move the checked-out branch to what was pushed; False when something is in the way."""
        head = self.calls.run("symbolic-ref", "--quiet", "HEAD").text.removeprefix("refs/heads/")
        return head == self.branch and self.calls.run("merge", "--ff-only", "--quiet", sha).status == 0

    def _content(self, sha: str, kind: str) -> bytes:
        """Read it from the remote if this is a partial clone that lacks it."""
        return self.past().content(sha, kind)

    def _fetch_all(self, sha: str) -> None:
        self.past().fetch_all(sha)

    def past(self) -> Past:
        """The history before the tip; what a shallow or partial clone lacks of it comes from the remote."""
        if self._past is None:
            self._past = shallow.past(self.calls, self.tip, self.remote, self.branch)
        return self._past

    def close(self) -> None:
        if self._past is not None:
            self._past.close()
        listed = self.calls.run("for-each-ref", "--format=delete %(refname)", "refs/bootstrap/").text
        gone = "".join(f"{line}\n" for line in listed.splitlines() if self._is_left(line.split()[-1]))
        if gone:
            self.calls.run("update-ref", "--stdin", stdin=gone.encode())
        super().close()

    def _is_left(self, ref: str) -> bool:
        """Whether it is a ref of this run, or of one that was killed long ago."""
        found = _LEFT.match(ref)
        if found is None:
            return False
        return ref.startswith(f"{self.private}/") or time.time() - int(found[1]) > _OLD


def _followed(calls: Calls, branch: str | None) -> tuple[str, str]:
    """The remote's branch that is followed, and the remote's name."""
    tried = f"reading the work tree at {calls.shown}"
    # Not --short: with a tag of the same name it prints "heads/NAME".
    answer = calls.run("symbolic-ref", "--quiet", "HEAD")
    if answer.status and answer.err:
        raise calls.error(answer, tried)
    head = answer.text.removeprefix("refs/heads/")
    if branch is None and not head:
        raise InputError(tried, "HEAD is detached: no branch is checked out", "name one with --branch")
    local = head or branch or ""
    remotes = calls.run("remote").text.split()
    configured = calls.run("config", "--get", f"branch.{local}.remote").text
    remote = configured if configured in remotes else "origin"
    if remote not in remotes:
        hint = "add one (git remote add origin URL), or give --repo URL"
        raise InputError(tried, "it has no remote to push to", hint)
    merge = calls.run("config", "--get", f"branch.{local}.merge").text.removeprefix("refs/heads/")
    return branch or merge or head, remote
