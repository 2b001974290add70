"""What image bumps ask of a Git host beyond git: pull requests, and commits that the host makes and signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git.auth import Credential
from bootstrap.git.changes import FileChange
from bootstrap.git.urls import host_of, without_userinfo
from bootstrap.providers.address import web_address
from bootstrap.providers.client import Client

MODULES = (
    "bootstrap.providers.forge_github",
    "bootstrap.providers.forge_gitlab",
    "bootstrap.providers.forge_gitea",
)
"""Each has `recognise(client)`, which returns a Forge or None."""


@dataclass(frozen=True)
class PullRequest:
    """`number` as people see it; `created`: it was not open before."""

    number: int
    url: str
    created: bool


@dataclass(frozen=True)
class Wish:
    """A pull request that shall be open: from branch `head` into `base`."""

    head: str
    base: str
    title: str
    body: str


class Forge(Protocol):
    """Every method raises ProviderError, or GitError's kinds, when the host says no."""

    name: str

    def pull_request(self, url: str, wish: Wish) -> PullRequest:
        """Open it, or bring the one that is open up to date."""

    def label(self, url: str, number: int, labels: Sequence[str]) -> str | None:
        """Add labels to it, made where they are not there; why the host will not, or None."""

    def auto_merge(self, url: str, number: int) -> str | None:
        """Have it merged when its checks pass; why the host will not, or None."""

    def commit(self, url: str, branch: str, expect: str, changes: Sequence[FileChange], message: str) -> str:
        """Make a commit on the branch, whose tip must be `expect`, by the host; returns its id.

        It is the token's user's, and signed where the host signs. StalePlan when someone was faster.
        """


def find(url: str, credential: Credential, invocation: Invocation, seconds: float = 0.0) -> Forge:
    """The host behind a repository's URL, SSH ones included; one in trouble is asked again for `seconds`.

    Raises InputError when there is no token, or no module knows the host.
    """
    tried = f"asking {host_of(url)} for its API"
    address = web_address(url)
    if credential.token is None:
        hint = "give a token of the host by GIT_TOKEN or --token-file"
        raise InputError(tried, "there is no token", hint)
    client = Client.of(address, credential, invocation, seconds)
    for module in MODULES:
        forge: Forge | None = import_module(module).recognise(client)
        if forge is not None:
            return forge
    hint = "push the commit to a branch of your own (--push --branch NAME) and open the request by hand"
    raise InputError(tried, "it is no GitHub, GitLab, Gitea or Forgejo", hint, without_userinfo(url))
