"""The Git hosts whose API is known: what a host is, and what is asked of it.

A module here has `NAME` and `recognise(client)`, which returns a Provider or None; MODULES lists
them, and a further host is one module and one line.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

from bootstrap.git import Credential
from bootstrap.invocation import Invocation
from bootstrap.providers.http import Client

MODULES = {"gitea": "bootstrap.providers.gitea"}
"""Name → module, in the order in which a host is asked."""


class Provider(Protocol):
    """What is asked of a Git host; every method raises ProviderError, or GitError's kinds, when it says no.

    URLs of repositories are those that git is given; `hook_url` is without a query.
    """

    name: str
    version: str

    def repository_refusal(self, url: str) -> str | None:
        """Why this credential could not create the repository, as far as that can be told, or None."""

    def create_repository(self, url: str, private: bool, default_branch: str) -> bool:
        """Create it, empty, for the user or organisation in the URL; False when it is there already."""

    def has_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        """Whether exactly the webhook is there that `ensure_webhook` would make."""

    def ensure_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        """A webhook on pushes, signed with `secret`; False when it is there already."""

    def protection(self, url: str, branch: str) -> str | None:
        """Why the branch's protection refuses this credential's push, or None."""


def find(url: str, credential: Credential, invocation: Invocation) -> Provider | None:
    """The host behind an HTTP URL, asked what it is; None when no module knows it.

    GitUnreachable when it does not answer; AuthenticationFailed never: that is git's to find out.
    """
    if not url.startswith(("https://", "http://")):
        return None
    client = Client.of(url, credential, invocation)
    for module in MODULES.values():
        provider: Provider | None = import_module(module).recognise(client)
        if provider:
            return provider
    return None
