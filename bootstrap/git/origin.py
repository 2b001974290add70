"""Where a work tree comes from: the URL of its remote `origin`, and its default branch."""

from __future__ import annotations

from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, command, urls


def origin(root: Path, invocation: Invocation) -> str | None:
    """Its URL, without credentials; None without such a remote, or outside a Git repository."""
    environ = auth.plain_environment(invocation.environ)
    answer = command.run(("remote", "get-url", "origin"), root, environ)
    return None if answer.status else urls.without_userinfo(answer.text)


def default_branch(root: Path, invocation: Invocation) -> str | None:
    """The remote's default branch at the time of the clone; else main or master, or the only local one.

    None outside a Git repository, and if it is unknown.
    """
    environ = auth.plain_environment(invocation.environ)
    answer = command.run(("symbolic-ref", "--short", "refs/remotes/origin/HEAD"), root, environ)
    if not answer.status:
        return answer.text.removeprefix("origin/")
    answer = command.run(("for-each-ref", "--format=%(refname:short)", "refs/heads"), root, environ)
    names = answer.text.split() if not answer.status else []
    known = [name for name in ("main", "master") if name in names]
    if known or len(names) == 1:
        return (known or names)[0]
    answer = command.run(("symbolic-ref", "--short", "HEAD"), root, environ)
    return answer.text if not names and not answer.status else None
