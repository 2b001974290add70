"""Where Git's credential comes from: options first, then the environment; an empty variable counts as unset.

Everything that is read is registered as a secret, so that nothing prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from bootstrap.core.invocation import Invocation
from bootstrap.git import credential_file
from bootstrap.git.auth import Credential, bound

TOKEN = "GIT_TOKEN"  # noqa: S105 - a variable's name
TOKEN_FILE = "GIT_TOKEN_FILE"  # noqa: S105 - a variable's name
USERNAME = "GIT_USERNAME"
KNOWN_HOSTS = "GIT_SSH_KNOWN_HOSTS"
DEFAULT_USERNAME = "git"


class Options(Protocol):
    """The options of a command that say how to log in to the Git host."""

    @property
    def username(self) -> str | None: ...
    @property
    def token_file(self) -> Path | None: ...
    @property
    def ssh_key(self) -> Path | None: ...
    @property
    def known_hosts(self) -> Path | None: ...
    @property
    def ca_file(self) -> Path | None: ...


def read(options: Options, invocation: Invocation, *named: str | None) -> Credential:
    """The credential that reads and pushes: the token of --token-file, else of GIT_TOKEN or GIT_TOKEN_FILE.

    Its token is only for the hosts of the URLs that the user `named`. If none is named, the user
    means the remote of a work tree, whose branch binds the token to it.
    """
    environ = invocation.environ
    known = Credential(
        username=options.username or environ.get(USERNAME) or DEFAULT_USERNAME,
        token=_token(options.token_file, invocation),
        ssh_key=options.ssh_key,
        ca_file=options.ca_file,
        known_hosts=options.known_hosts or _path(environ, KNOWN_HOSTS),
    )
    return bound(known, *named) if any(named) else known


def _token(file: Path | None, invocation: Invocation) -> str | None:
    """The variable with the token itself wins over the one that names a file."""
    if file is not None:
        return credential_file.token(file, "--token-file", invocation)
    if token := (invocation.environ.get(TOKEN) or "").strip():
        invocation.keep_secret(token)
        return token
    if file := _path(invocation.environ, TOKEN_FILE):
        return credential_file.token(file, TOKEN_FILE, invocation)
    return None


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None
