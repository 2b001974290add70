"""Where a work tree comes from: the URL of its remote `origin`, and its default branch."""

from __future__ import annotations

from pathlib import Path

from bootstrap import git_auth, git_command
from bootstrap.core.invocation import Invocation


def origin(root: Path, invocation: Invocation) -> str | None:
    """Its URL, without credentials; None without a remote of that name, or outside of Git."""
    environ = git_auth.plain_environment(invocation.environ)
    answer = git_command.run(("remote", "get-url", "origin"), root, environ)
    return None if answer.status else git_auth.without_userinfo(answer.text)


def default_branch(root: Path, invocation: Invocation) -> str | None:
    """The remote's default branch as it was cloned; else main or master, or the only one that is here.

    None outside of Git, and where one cannot tell.
    """
    environ = git_auth.plain_environment(invocation.environ)
    answer = git_command.run(("symbolic-ref", "--short", "refs/remotes/origin/HEAD"), root, environ)
    if not answer.status:
        return answer.text.removeprefix("origin/")
    answer = git_command.run(("for-each-ref", "--format=%(refname:short)", "refs/heads"), root, environ)
    names = answer.text.split() if not answer.status else []
    known = [name for name in ("main", "master") if name in names]
    if known or len(names) == 1:
        return (known or names)[0]
    answer = git_command.run(("symbolic-ref", "--short", "HEAD"), root, environ)
    return answer.text if not names and not answer.status else None
