"""The request to `bootstrap init`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bootstrap.argocd.install_manifest import Variant
from bootstrap.core.errors import InputError
from bootstrap.providers.address import check_api_url


@dataclass(frozen=True)
class Request:
    """The options of `bootstrap init`, as given."""

    repo_url: str | None
    cluster: str = "default"
    context: str | None = None
    branch: str | None = None
    path: str = ""
    domain: str | None = None
    storage_class: str | None = None
    with_components: tuple[str, ...] = ()
    without_components: tuple[str, ...] = ()
    variant: Variant | None = None
    argocd_version: str | None = None
    argocd_manifest: str | None = None
    sha256: str | None = None
    argocd_images: str | None = None
    verify: bool = False
    verify_key: Path | None = None
    verify_root: Path | None = None
    signed_by: tuple[Path, ...] = ()
    argocd_url: str | None = None
    adopt: bool = False
    argocd_namespace: str | None = None
    repo_only: bool = False
    cluster_only: bool = False
    username: str | None = None
    token_file: Path | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    ca_file: Path | None = None
    argocd_token_file: Path | None = None
    argocd_ssh_key: Path | None = None
    deploy_key: bool = False
    api_url: str | None = None
    author: str | None = None
    sign: bool = False
    message_suffix: str = ""
    force_conflicts: bool = False
    downgrade: bool = False
    pr: bool = False
    moves_from: str = ""
    """The repository that the cluster has followed so far, if that is to change."""
    renames_from: str = ""
    """The folder that the cluster has followed so far, if that is to change."""
    go_on: bool = False
    dry_run: bool = False
    yes: bool = False
    timeout: float = 600.0
    no_wait: bool = False

    @property
    def review(self) -> str:
        """The branch of the pull request; "" to push to the branch itself."""
        return f"bootstrap/{self.cluster}" if self.pr else ""

    def check(self) -> None:
        """Raise InputError for options that cannot be combined, or that need another one."""
        tried = "reading the options"
        if self.repo_only and self.cluster_only:
            raise InputError(tried, "--repo-only and --cluster-only cannot be combined", "give one")
        if self.sha256 and not (self.argocd_manifest or self.argocd_version):
            raise InputError(tried, "--sha256 is given without --argocd-manifest", "add --argocd-manifest")
        if self.sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256):
            raise InputError("reading --sha256", f"{self.sha256!r} is not a sha256", "give 64 hex digits")
        if self.timeout <= 0:
            raise InputError(
                "reading --timeout", f"{self.timeout:g} is not a time", "give seconds, such as 600"
            )
        if self.argocd_url and not re.fullmatch(r"https?://[^\s?#]+", self.argocd_url):
            raise InputError(
                "reading --argocd-url",
                f"{self.argocd_url!r} is not the address of a server",
                "give it as https://HOST",
            )
        if (self.verify_key or self.verify_root) and not self.verify:
            raise InputError(
                tried, "--verify-key and --verify-root have no effect without --verify", "add --verify"
            )
        if self.verify_key and self.verify_root:
            raise InputError(tried, "--verify-key and --verify-root cannot be combined", "give one")
        if self.signed_by and self.adopt:
            found = "--signed-by writes Argo CD's keys, and --adopt leaves its installation alone"
            raise InputError(tried, found, "add the key there: argocd gpg add --from FILE")
        if self.argocd_namespace and not self.adopt:
            found = "--argocd-namespace has no effect without --adopt: what init installs is in argocd"
            raise InputError(tried, found, "add --adopt, or omit it")
        check_api_url(self.api_url)
        if self.deploy_key and self.repo_only:
            found = "--deploy-key puts a key into the cluster, but --repo-only does not touch it"
            raise InputError(tried, found, "omit one of them")
        if self.cluster_only and self.pr:
            raise InputError(
                tried, "--cluster-only pushes nothing, but --pr opens a pull request", "give one"
            )
        if self.cluster_only and (given := self._changes_of_git()):
            raise InputError(
                tried,
                f"--cluster-only writes nothing to the Git host, but {', '.join(given)} would have to",
                "run once with these options and --repo-only",
            )

    def _changes_of_git(self) -> list[str]:
        options = {
            "--with": self.with_components,
            "--without": self.without_components,
            "--ha or --core": self.variant,
            "--argocd-version": self.argocd_version,
            "--argocd-manifest": self.argocd_manifest,
            "--adopt": self.adopt,
            "--argocd-images": self.argocd_images,
            "--signed-by": self.signed_by,
            "--argocd-url": self.argocd_url,
            "--deploy-key": self.deploy_key,
        }
        return [option for option, value in options.items() if value]


def variant_of(ha: bool, core: bool) -> Variant | None:
    """The variant that --ha and --core select; InputError for both."""
    if ha and core:
        raise InputError("reading the options", "--ha and --core cannot be combined", "give one")
    return "ha" if ha else "core" if core else None
