"""The request to `bootstrap upgrade`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bootstrap.core.errors import InputError
from bootstrap.edit.access import Access


@dataclass(frozen=True)
class Request:
    """The options, as given. `to` None: the catalog of this program; `context` None: no cluster is used."""

    access: Access = field(default_factory=Access)
    to: str | None = None
    argocd: str | None = None
    argocd_manifest: str | None = None
    sha256: str | None = None
    charts: bool = False
    fetch_charts: bool = False
    cluster: str | None = None
    context: str | None = None
    push: bool = False
    pr: bool = False
    go_on: bool = False
    abort: bool = False
    downgrade: bool = False
    dry_run: bool = False
    yes: bool = False
    author: str | None = None
    sign: bool = False
    message_suffix: str = ""
    timeout: float = 600.0

    @property
    def in_branch(self) -> bool:
        """Whether a branch of the remote is changed instead of the work tree."""
        return self.push or self.pr or bool(self.access.repo)

    def check(self) -> None:
        """Raise InputError for options that cannot be combined, or that need another one."""
        tried = "reading the options"
        together = {"--push": self.push, "--pr": self.pr, "--abort": self.abort}
        if sum(together.values()) > 1:
            given = " and ".join(name for name, value in together.items() if value)
            raise InputError(tried, f"{given} cannot be combined", "give one")
        if self.abort and (self.go_on or self.access.repo):
            found = "--abort ends an upgrade in a work tree, and cannot be combined with --continue or --repo"
            raise InputError(tried, found, "give only --abort")
        if self.access.repo and not (self.push or self.pr or self.dry_run):
            hint = "add --push, --pr, or --dry-run to preview"
            raise InputError(tried, "--repo without --push or --pr would change nothing", hint)
        if self.sha256 and not (self.argocd or self.argocd_manifest):
            hint = "give --argocd, too; a wheel's checksum is part of its URL: --to URL#sha256=HEX"
            raise InputError(tried, "--sha256 has no effect without --argocd", hint)
        if self.sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256):
            raise InputError("reading --sha256", f"{self.sha256!r} is not a sha256", "give 64 hex digits")
        if self.argocd_manifest and not self.argocd:
            raise InputError(tried, "--argocd-manifest is given without --argocd", "give the version, too")
        if self.timeout <= 0:
            raise InputError(
                "reading --timeout", f"{self.timeout:g} is not a time", "give seconds, such as 600"
            )
