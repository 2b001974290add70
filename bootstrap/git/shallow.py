"""The history of a local repository that lacks part of its history or files: a shallow or partial clone.

CI checks out one commit. What is missing is fetched into a folder of ours, so that the user's repository
stays as it is; what that repository has is read in place.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from bootstrap.core import scratch
from bootstrap.core.errors import GitError
from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, deepen, urls
from bootstrap.git.auth import Credential
from bootstrap.git.branch import users_ssh
from bootstrap.git.errors import ROOM
from bootstrap.git.history import Past
from bootstrap.git.run import Calls

_CARRIED = ("http.", "credential.", "ssh.", "protocol.", "core.sshcommand", "core.gitproxy", "core.askpass")
"""Settings of the user's repository that git logs in with; a CI system's checkout writes its token there."""


def is_whole(calls: Calls) -> bool:
    """Whether a repository has its whole history: it is neither shallow nor a partial clone."""
    if calls.run("rev-parse", "--is-shallow-repository").text != "false":
        return False
    return not calls.run("config", "--get-regexp", r"^(remote\..*\.promisor|extensions\.partialclone)$").text


def past(calls: Calls, tip: str, remote: str | None, branch: str | None) -> Past:
    """The history before `tip`, a commit of the user's repository; `calls` run there, and may ask its remote.

    `remote` None: there is none. The caller closes the result.
    """
    if is_whole(calls):
        return Past(Calls(calls.directory, calls.environ, calls.shown, calls.secrets, calls.timeout))
    try:
        folder = scratch.take("git", calls.environ.get("TMPDIR"))
    except OSError as error:
        raise GitError("making a temporary folder", str(error), ROOM) from error
    try:
        store = _path(calls, "objects")
        reader = deepen.bare(folder / "past.git", [folder / "new.git" / "objects", store], tip, calls)
        source = _source(folder, store, tip, calls, remote, branch)
    except BaseException:
        scratch.give_back(folder)
        raise
    return Past(reader, source, lambda: scratch.give_back(folder))


def past_of_head(calls: Calls, tip: str, credential: Credential | None, invocation: Invocation) -> Past:
    """The history before the commit that is checked out; `calls` have no host yet."""
    if is_whole(calls):
        return past(calls, tip, None, None)
    remotes = calls.run("remote").text.split()
    head = calls.run("symbolic-ref", "--short", "--quiet", "HEAD").text
    configured = calls.run("config", "--get", f"branch.{head}.remote").text if head else ""
    remote = next((name for name in (configured, "origin", *remotes) if name in remotes), None)
    if remote is None:
        return past(calls, tip, None, None)
    url, known = calls.run("remote", "get-url", remote).text, credential or Credential()
    known = auth.bound(known, url)  # the user's own configuration names that host
    if "://" in url:
        auth.check_credential(urls.without_userinfo(url), known)
        invocation.keep_secret(urlsplit(url).password)
    environ = auth.environment(url, known, invocation.environ, users_ssh(calls, invocation))
    asking = Calls(calls.directory, environ, calls.shown, [known.token] if known.token else [], calls.timeout)
    return past(asking, tip, remote, head or None)


def _source(
    folder: Path, store: Path, tip: str, calls: Calls, remote: str | None, branch: str | None
) -> deepen.Remote | deepen.NoRemote:
    new = deepen.bare(folder / "new.git", [store], tip, calls)
    if remote is None:
        return deepen.NoRemote(calls.shown)
    shallow = _path(calls, "shallow")
    if shallow.exists():
        shutil.copyfile(shallow, folder / "new.git" / "shallow")
    url = calls.run("remote", "get-url", remote).text
    if "://" not in url and (calls.directory / url).exists():
        url = str((calls.directory / url).resolve())
    new.environ = auth.with_settings(calls.environ, [*_carried(calls), ("remote.origin.url", url)])
    advice = f"fetch it yourself: git fetch --unshallow {remote}"
    return deepen.Remote(new, branch, advice=advice)


def _path(calls: Calls, name: str) -> Path:
    found = calls.check_run("reading the repository", "rev-parse", "--git-path", name).text
    return (calls.directory / found).resolve()


def _carried(calls: Calls) -> list[tuple[str, str]]:
    listed = calls.run("config", "--null", "--list", "--show-scope").out.decode("utf-8", "surrogateescape")
    parts = listed.split("\0")
    pairs = [
        pair.partition("\n") for scope, pair in zip(parts[::2], parts[1::2], strict=False) if scope in _OWN
    ]
    return [
        (key, value if line else "true") for key, line, value in pairs if key.lower().startswith(_CARRIED)
    ]


_OWN = ("local", "worktree")
