"""The Git hosts whose API is known: what a host is, and what is asked of it.

A module here has `NAME` and `recognise(client)`, which returns a Provider or None; MODULES lists
them, and a further host is one module and one line.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Protocol
from urllib.parse import urlsplit

from bootstrap.core.invocation import Invocation
from bootstrap.git.auth import check_credential
from bootstrap.git.remote import Credential
from bootstrap.providers.client import Client
from bootstrap.providers.webhooks import Hook

MODULES = {
    "gitea": "bootstrap.providers.gitea",
    "github": "bootstrap.providers.github",
    "gitlab": "bootstrap.providers.gitlab",
}
"""Name → module, in the order in which a host is asked."""


class Provider(Protocol):
    """What is asked of a Git host; every method raises ProviderError, or GitError's kinds, when it says no.

    URLs of repositories are those that git is given; `hook_url` is without a query.
    """

    name: str
    version: str
    webhook_key: str
    """The key in argocd-secret of the secret that this host's webhooks are signed with."""

    def repository_refusal(self, url: str) -> str | None:
        """Why this credential could not create the repository, as far as that can be told, or None."""

    def create_repository(self, url: str, private: bool, default_branch: str) -> bool:
        """Create it, empty, for the user or organisation in the URL; False when it is there already.

        A host that has no say in an empty repository's branch takes the first that is pushed.
        """

    def has_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        """Whether exactly the webhook is there that `ensure_webhook` would make."""

    def ensure_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        """A webhook on pushes, signed with `secret`; False when it is there already."""

    def webhooks(self, repository_url: str) -> list[Hook]:
        """The repository's webhooks to any Argo CD, each with its last delivery.

        ProviderError too when the token may not see webhooks.
        """

    def has_deploy_key(self, repository_url: str, public: str) -> bool:
        """Whether the public key (OpenSSH's form) may read the repository, and no more."""

    def ensure_deploy_key(self, repository_url: str, title: str, public: str) -> bool:
        """Let the public key read the repository, and no more; False when it does already."""

    def protection(self, url: str, branch: str) -> str | None:
        """Why the branch's protection refuses this credential's push, or None."""


def find(
    url: str, credential: Credential, invocation: Invocation, address: str | None = None
) -> Provider | None:
    """The host behind an HTTP URL, or at a given `address`, asked what it is; None when no module knows it.

    GitUnreachable when it does not answer; AuthenticationFailed never: that is git's to find out.
    """
    if address:
        check_credential(address, replace(credential, ssh_key=None))
    address = address or url
    if not address.startswith(("https://", "http://")):
        return None
    client = Client.of(address, credential, invocation)
    for name in ("github", "gitlab"):
        if urlsplit(address).hostname == f"{name}.com":
            return _recognised(name, client)
    found = (_recognised(name, client) for name in MODULES)
    return next((provider for provider in found if provider), None)


def _recognised(name: str, client: Client) -> Provider | None:
    provider: Provider | None = import_module(MODULES[name]).recognise(client)
    return provider
