"""Pure: what the environment says about the Git host, where the options do not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

TOKEN = "GIT_TOKEN"  # noqa: S105 - a variable's name
TOKEN_FILE = "GIT_TOKEN_FILE"  # noqa: S105 - a variable's name
USERNAME = "GIT_USERNAME"
KNOWN_HOSTS = "GIT_SSH_KNOWN_HOSTS"
DEFAULT_USERNAME = "git"


class Named(NamedTuple):
    """Who asks the Git host. `token_file` None: the token is in GIT_TOKEN, or there is none.

    `source` is the option or variable that names the token's file, for messages.
    """

    username: str
    token_file: Path | None
    source: str
    known_hosts: Path | None


def named(
    username: str | None, token_file: Path | None, known_hosts: Path | None, environ: Mapping[str, str]
) -> Named:
    """Options first; then GIT_TOKEN before GIT_TOKEN_FILE, as it is the nearer one. Empty is not set."""
    source = "--token-file"
    if token_file is None and not environ.get(TOKEN, "").strip() and environ.get(TOKEN_FILE):
        token_file, source = Path(environ[TOKEN_FILE]), TOKEN_FILE
    if known_hosts is None and environ.get(KNOWN_HOSTS):
        known_hosts = Path(environ[KNOWN_HOSTS])
    return Named(username or environ.get(USERNAME) or DEFAULT_USERNAME, token_file, source, known_hosts)
