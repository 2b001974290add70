"""The request to `bootstrap uninstall`."""

from __future__ import annotations

from dataclasses import dataclass, field

from bootstrap.core.errors import InputError
from bootstrap.edit.access import Access
from bootstrap.git.urls import check_url

LONGEST = 120.0
"""The most seconds that a run waits in total."""


@dataclass(frozen=True)
class Request:
    """The options, as given. `access.repo` is the repository's URL, if one is given."""

    context: str | None = None
    access: Access = field(default_factory=Access)
    prune: bool | None = None
    """None: neither --prune nor --keep-workloads was given."""
    keep_crds: bool | None = None
    keep_argocd: bool = False
    repository: bool = False
    cluster_gone: bool = False
    cluster: str = "default"
    author: str | None = None
    sign: bool = False
    yes: str | None = None
    timeout: float = LONGEST
    dry_run: bool = False

    def check(self) -> None:
        """InputError for options that cannot be combined, or need another one."""
        tried = "reading the options"
        if not 0 < self.timeout <= LONGEST:
            found = f"--timeout is {self.timeout:g}"
            raise InputError(tried, found, f"give seconds up to {LONGEST:.0f}; a second run waits again")
        if self.cluster_gone and self.access.repo is None:
            hint = "give the repository's URL: only Git still knows the cluster"
            raise InputError(tried, "--cluster-gone is given without REPO_URL", hint)
        if self.cluster_gone and self.prune is not None:
            found = "a cluster that is gone has no workloads"
            raise InputError(tried, found, "omit --prune and --keep-workloads")
        if self.access.repo:
            check_url(self.access.repo)


def pruned(prune: bool, keep_workloads: bool) -> bool | None:
    """What --prune and --keep-workloads ask for; InputError for both."""
    if prune and keep_workloads:
        found = "--prune and --keep-workloads cannot be combined"
        raise InputError("reading the options", found, "give one; by default, workloads are kept")
    return True if prune else False if keep_workloads else None
