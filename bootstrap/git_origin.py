"""Where a work tree comes from: the URL of its remote `origin`."""

from __future__ import annotations

from pathlib import Path

from bootstrap import git_auth, git_command
from bootstrap.invocation import Invocation


def origin(root: Path, invocation: Invocation) -> str | None:
    """Its URL, without credentials; None without a remote of that name, or outside of Git."""
    environ = git_auth.plain_environment(invocation.environ)
    answer = git_command.run(("remote", "get-url", "origin"), root, environ)
    return None if answer.status else git_auth.without_userinfo(answer.text)
