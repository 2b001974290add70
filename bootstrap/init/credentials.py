"""Reads credentials from where the user put them: files named by options, the environment.

Whatever is read is registered as a secret, so that nothing prints it. Argo CD may have its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bootstrap.argocd.credential import DEPLOY_KEY, secret_name
from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git import credential_file
from bootstrap.git.auth import bound, check_host
from bootstrap.git.remote import Credential
from bootstrap.init.request import Request
from bootstrap.plan.steps import EnsureSecret


@dataclass(frozen=True)
class ForArgoCD:
    """The credential with which Argo CD reads the repository: a token, an SSH key, or neither (anonymous)."""

    username: str
    token: str | None = field(default=None, repr=False)
    ssh_key: str | None = field(default=None, repr=False)
    deploy_key: bool = False
    """Whether the SSH key is, or will be, a deploy key of the repository."""
    hosts: frozenset[str] | None = None
    """The hosts that may get the token (git/auth.py)."""

    def named(self) -> dict[str, bytes]:
        """Values by the name that steps use."""
        found = {"argocd-token": self.token, "argocd-ssh-key": self.ssh_key}
        return {name: value.encode() for name, value in found.items() if value}


def for_argocd(request: Request, url: str, git: Credential, invocation: Invocation) -> ForArgoCD:
    """Argo CD's credential: from its own options, else the one that pushes, if it works with the URL."""
    ssh = not url.startswith(("https://", "http://", "file://"))
    token = None
    if request.argocd_token_file is not None:
        token = credential_file.token(request.argocd_token_file, "--argocd-token-file", invocation)
    if token and ssh:
        raise InputError(
            "reading --argocd-token-file",
            f"a token cannot be used with {url}",
            "give --argocd-ssh-key, or the repository's https:// URL",
        )
    if request.argocd_ssh_key and not ssh:
        raise InputError(
            "reading --argocd-ssh-key",
            f"an SSH key cannot be used with {url}",
            "give --argocd-token-file, or the repository's SSH address",
        )
    if request.deploy_key:
        _check_deploy_key(url, ssh, git)
    # A deploy key is only for Argo CD: the pushing credential is then not shared with it.
    key_file = request.argocd_ssh_key or (request.ssh_key if ssh and not request.deploy_key else None)
    key = credential_file.read(key_file, "--argocd-ssh-key", invocation) if key_file else None
    if key and "PRIVATE KEY" not in key:
        raise InputError(
            "reading an SSH key", f"{key_file} is not a private key", "give the file without .pub"
        )
    fitting = url.startswith(("https://", "http://"))
    given = (token or git.token) if fitting else None
    # The URL is the one that the user gave: what a repository says about itself must not widen anything.
    return ForArgoCD(git.username, given, key, request.deploy_key, bound(git, url).hosts)


def _check_deploy_key(url: str, ssh: bool, git: Credential) -> None:
    """InputError when a deploy key could not be used or registered."""
    tried = "preparing the deploy key"
    if not ssh:
        raise InputError(tried, f"a key cannot be used with {url}", "give the repository's SSH address")
    if git.token is None:
        hint = "give one that may administer the repository with GIT_TOKEN or --token-file"
        raise InputError(tried, "registering it with the Git host needs a token", hint)


def repository_secret(url: str, credential: ForArgoCD, namespace: str) -> EnsureSecret | None:
    """The Secret with which Argo CD reads the repository; None if it reads it anonymously.

    Raises InputError when the token is not for that URL's host.
    """
    if credential.token:
        check_host(url, credential.hosts)
    if credential.ssh_key:
        values: tuple[tuple[str, str], ...] = (("sshPrivateKey", "argocd-ssh-key"),)
        literals = {"type": "git", "url": url}
    elif credential.token:
        values = (("password", "argocd-token"),)
        literals = {"type": "git", "url": url, "username": credential.username}
    else:
        return None
    deploy_key = ((DEPLOY_KEY, "true"),) if credential.ssh_key and credential.deploy_key else ()
    return EnsureSecret(
        namespace,
        secret_name(url),
        values_from=values,
        literals=tuple(sorted(literals.items())),
        labels=(("argocd.argoproj.io/secret-type", "repository"), *deploy_key),
    )
