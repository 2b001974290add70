"""What a person asked `bootstrap cluster rotate` for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.numbers import whole
from bootstrap.edit.access import Access
from bootstrap.git.urls import check_url
from bootstrap.providers.address import check_api_url

CREDENTIAL, WEBHOOK, PASSWORD, SECRETS, DEPLOY_KEY = (
    "credential",
    "webhook",
    "admin-password",
    "secrets",
    "deploy-key",
)
WHAT = (CREDENTIAL, WEBHOOK, PASSWORD, SECRETS, DEPLOY_KEY)
AT_HOST = (WEBHOOK, DEPLOY_KEY)
"""What is changed at the Git host, too: a token that may do so is needed."""


@dataclass(frozen=True)
class GitHubApp:
    """A GitHub App as which Argo CD reads; `base_url` is an Enterprise Server's API ("": github.com)."""

    app_id: str
    installation_id: str
    key: Path
    base_url: str = ""


@dataclass(frozen=True)
class Request:
    """The options, as given; `secrets` are NAMESPACE/NAME, () for all that `init` generated."""

    what: tuple[str, ...]
    context: str | None = None
    access: Access = field(default_factory=Access)
    argocd_token_file: Path | None = None
    argocd_ssh_key: Path | None = None
    github_app: GitHubApp | None = None
    secrets: tuple[str, ...] = ()
    api_url: str | None = None
    yes: bool = False
    dry_run: bool = False
    timeout: float = 300.0

    def check(self) -> None:
        """InputError for options that cannot be combined, or need another one."""
        tried = "reading the options"
        if not self.what:
            raise InputError(tried, "nothing to rotate is named", f"name one or more of {', '.join(WHAT)}")
        given = [self.argocd_token_file, self.argocd_ssh_key, self.github_app]
        if CREDENTIAL in self.what and sum(one is not None for one in given) != 1:
            hint = "give one of --argocd-token-file, --argocd-ssh-key and --github-app-key"
            raise InputError(tried, "the new credential is missing, or given more than once", hint)
        if CREDENTIAL not in self.what and any(given):
            raise InputError(tried, "a credential is given but not rotated", "add: credential")
        needs = [what for what in self.what if what in (*AT_HOST, CREDENTIAL)]
        if needs and self.access.repo is None:
            hint = "add --repo URL: a credential is sent to no host that only the cluster names"
            raise InputError(tried, f"{', '.join(needs)} needs the repository's URL", hint)
        if self.access.repo:
            check_url(self.access.repo)
        for one in self.secrets:
            if one.count("/") != 1:
                raise InputError("reading --secret", f"{one!r} does not name a Secret", "give NAMESPACE/NAME")
        check_api_url(self.api_url)
        if self.timeout <= 0:
            raise InputError("reading --timeout", f"{self.timeout:g} is not positive", "give seconds: 300")


def github_app(
    app_id: str | None, installation: str | None, key: Path | None, base_url: str | None
) -> GitHubApp | None:
    """The App that the options name, None without any of them; InputError for only some of them."""
    given = (app_id, installation, key)
    if not any(given) and not base_url:
        return None
    if (
        app_id is None
        or installation is None
        or key is None
        or whole(app_id) is None
        or whole(installation) is None
    ):
        hint = "give --github-app-id and --github-app-installation-id (numbers), and --github-app-key"
        raise InputError("reading the GitHub App", "it is incomplete", hint)
    return GitHubApp(app_id, installation, key, base_url or "")
