"""Where Git's credential comes from: an option, a file, the environment.

Whatever is read is remembered as a secret, so that nothing prints it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from bootstrap.core.invocation import Invocation
from bootstrap.git import credential_file
from bootstrap.git.auth import Credential, bound

TOKEN = "GIT_TOKEN"  # noqa: S105 - a variable's name


class Options(Protocol):
    """The options of a command that say who asks the Git host."""

    @property
    def username(self) -> str: ...
    @property
    def token_file(self) -> Path | None: ...
    @property
    def ssh_key(self) -> Path | None: ...
    @property
    def known_hosts(self) -> Path | None: ...
    @property
    def ca_file(self) -> Path | None: ...


def read(options: Options, invocation: Invocation, *named: str | None) -> Credential:
    """The credential that reads and pushes: the token of --token-file, else of GIT_TOKEN.

    Its token is for the hosts of the URLs that the person `named`, and for no other. Where none is named the
    person means the remote of a work tree, whose branch binds the token to it.
    """
    token = None
    if options.token_file is not None:
        token = credential_file.token(options.token_file, "--token-file", invocation)
    else:
        token = (invocation.environ.get(TOKEN) or "").strip() or None
        invocation.keep_secret(token)
    known = Credential(
        username=options.username,
        token=token,
        ssh_key=options.ssh_key,
        ca_file=options.ca_file,
        known_hosts=options.known_hosts,
    )
    return bound(known, *named) if any(named) else known
