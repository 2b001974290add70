"""The protocol of a Git host, and the list of the known ones.

A module here has `NAME` and `recognise(client)`, which returns a Provider or None. MODULES, HOSTS and
WEBHOOK_KEYS list them: a new host is one module and a word in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Protocol
from urllib.parse import urlsplit

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git.auth import Credential, check_credential
from bootstrap.git.changes import FileChange
from bootstrap.git.urls import host_of, without_userinfo
from bootstrap.providers.address import web_address
from bootstrap.providers.client import Client
from bootstrap.providers.comments import Comment
from bootstrap.providers.webhooks import Hook

MODULES = {
    "gitea": "bootstrap.providers.gitea",
    "github": "bootstrap.providers.github",
    "gitlab": "bootstrap.providers.gitlab",
}
"""Name → module, in the order in which they are tried."""
HOSTS = "GitHub, GitLab, Gitea or Forgejo"
"""The same for people."""
WEBHOOK_KEYS = ("webhook.github.secret", "webhook.gitlab.secret", "webhook.gogs.secret")
"""Their keys in argocd-secret. Argo CD accepts every webhook of a host whose secret is not set: so `init`
sets them all."""


@dataclass(frozen=True)
class PullRequest:
    """`number` as people see it; `created`: it was not open before."""

    number: int
    url: str
    created: bool


@dataclass(frozen=True)
class PullRequestSpec:
    """A pull request to open: from branch `head` into `base`."""

    head: str
    base: str
    title: str
    body: str


class Provider(Protocol):
    """A Git host; every method raises ProviderError, or a kind of GitError, when the host refuses.

    URLs of repositories are those that git uses; `hook_url` has no query.
    """

    name: str
    version: str
    webhook_key: str
    """The key in argocd-secret of the secret that signs this host's webhooks; one of WEBHOOK_KEYS."""

    def repository_refusal(self, url: str) -> str | None:
        """Why this credential could not create the repository, as far as that is known, or None."""

    def create_repository(self, url: str, private: bool, default_branch: str) -> bool:
        """Create it, empty, for the user or organisation in the URL; False when it exists already.

        A host without a setting for an empty repository's branch takes the first that is pushed.
        """

    def has_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        """Whether exactly the webhook exists that `ensure_webhook` would create."""

    def ensure_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        """A webhook for pushes, signed with `secret`; False when it exists already."""

    def remove_webhook(self, repository_url: str, hook_url: str) -> bool:
        """Delete every webhook to that address; False when there is none."""

    def webhooks(self, repository_url: str) -> list[Hook]:
        """The repository's webhooks to any Argo CD, each with its last delivery.

        ProviderError too when the token may not see webhooks.
        """

    def has_deploy_key(self, repository_url: str, public: str) -> bool:
        """Whether the public key (OpenSSH's form) may read the repository, and no more."""

    def ensure_deploy_key(self, repository_url: str, title: str, public: str) -> bool:
        """Let the public key read the repository, and no more; False when it does already."""

    def remove_deploy_key(self, repository_url: str, public: str) -> bool:
        """Stop the public key from reading the repository; False when it could not."""

    def token_ends(self) -> str | None:
        """When this credential's token expires, in the host's words; "" for never, None if it does not say.

        A day or a time in UTC.
        """

    def protection(self, url: str, branch: str) -> str | None:
        """Why the branch's protection refuses this credential's push, or None."""

    def pull_request(self, url: str, spec: PullRequestSpec) -> PullRequest:
        """Open it, or update the open one."""

    def label(self, url: str, number: int, labels: Sequence[str]) -> str | None:
        """Add labels to it, creating missing ones; why the host refuses, or None."""

    def auto_merge(self, url: str, number: int) -> str | None:
        """Have it merged when its checks pass; why the host refuses, or None."""

    def comment(self, url: str, number: int, mark: str, body: str) -> Comment:
        """Write the comment of this credential's user that begins with `mark`, or update it."""

    def commit(self, url: str, branch: str, expect: str, changes: Sequence[FileChange], message: str) -> str:
        """Have the host make a commit on the branch, whose tip must be `expect`; returns its id.

        The author is the token's user; the host signs it if it can. StalePlan when someone was faster.
        """


def find(
    url: str, credential: Credential, invocation: Invocation, address: str | None = None
) -> Provider | None:
    """The host behind an HTTP URL, or at `address`, identified by asking it; None when no module knows it.

    GitUnreachable when it does not answer; never AuthenticationFailed: git finds that out.
    """
    if address:
        check_credential(address, replace(credential, ssh_key=None))
    address = address or url
    if not address.startswith(("https://", "http://")):
        return None
    return _recognised(Client.for_url(address, credential, invocation))


def get(url: str, credential: Credential, invocation: Invocation, seconds: float = 0.0) -> Provider:
    """The host behind a repository's URL, SSH ones included; a failing one is asked again for `seconds`.

    Raises InputError when there is no token, or no module knows the host.
    """
    tried = f"asking {host_of(url)} for its API"
    address = web_address(url)
    if credential.token is None:
        hint = "give a token for the host with GIT_TOKEN, GIT_TOKEN_FILE or --token-file"
        raise InputError(tried, "there is no token", hint)
    provider = _recognised(Client.for_url(address, credential, invocation, seconds))
    if provider is None:
        hint = "push to a branch of your own (--push --branch NAME) and open the pull request by hand"
        raise InputError(tried, f"it is not {HOSTS}", hint, without_userinfo(url))
    return provider


def _recognised(client: Client) -> Provider | None:
    hostname = urlsplit(client.base).hostname or ""
    known = [name for name in MODULES if hostname == f"{name}.com" or hostname.endswith(f".{name}.com")]
    for name in known or MODULES:
        provider: Provider | None = import_module(MODULES[name]).recognise(client)
        if provider is not None:
            return provider
    return None
