"""Where Git's credential comes from: an option, a file, the environment."""

from __future__ import annotations

from bootstrap.core.invocation import Invocation
from bootstrap.git import credential_file
from bootstrap.git.auth import bound
from bootstrap.git.remote import Credential
from bootstrap.init.request import Request

TOKEN = "GIT_TOKEN"  # noqa: S105 - a variable's name


def for_git(request: Request, invocation: Invocation) -> Credential:
    """The credential that reads and pushes; its token is for the hosts that `request` names, and no other."""
    token = None
    if request.token_file is not None:
        token = credential_file.token(request.token_file, "--token-file", invocation)
    else:
        token = (invocation.environ.get(TOKEN) or "").strip() or None
        invocation.keep_secret(token)
    credential = Credential(
        username=request.username,
        token=token,
        ssh_key=request.ssh_key,
        ca_file=request.ca_file,
        known_hosts=request.known_hosts,
    )
    return bound(credential, request.repo_url, request.api_url)
