"""Pure: the Application that everything on a cluster hangs from, and what it follows."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.argocd.status import TRACKING, Key
from bootstrap.core import next_run
from bootstrap.kube import FIELD_MANAGER
from bootstrap.kube.find_argocd import MANAGED_BY, OURS

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where the cluster is laid out: repository, branch, and the cluster's folder in it."""

    repo_url: str = ""
    branch: str = ""
    folder: str = ""

    def init_command(self, *options: str) -> str:
        """The `bootstrap init` that installs it again; with REPO_URL where it is unknown."""
        branch = [] if self.branch in ("", next_run.DEFAULT_BRANCH) else ["--branch", self.branch]
        place = next_run.of_cluster(self.folder)
        return next_run.command("init", self.repo_url or "REPO_URL", *options, *branch, *place)


def find_root(applications: Mapping[Key, Object], namespace: str) -> Key | None:
    """The Application in Argo CD's namespace that `init` has applied itself; every other comes from it."""
    found = [
        key
        for key, item in applications.items()
        if key[0] == namespace
        and is_bootstraps(item)
        and TRACKING not in (item["metadata"].get("annotations") or {})
    ]
    return found[0] if found else None


def place_of(root: Object) -> Place:
    """What the root follows."""
    spec = root.get("spec") or {}
    sources = [one for one in (spec.get("source"), *(spec.get("sources") or ())) if one]
    source = next((one for one in sources if one.get("ref") == "repo"), sources[0] if sources else {})
    return Place(
        str(source.get("repoURL") or ""),
        str(source.get("targetRevision") or ""),
        posixpath.normpath(str(source.get("path") or "")),
    )


def managers(item: Object) -> set[str]:
    """The field managers of an object."""
    return {str(entry.get("manager")) for entry in item["metadata"].get("managedFields") or ()}


def is_bootstraps(item: Object) -> bool:
    """Whether `init` has applied it, or it carries the catalog's label."""
    labels = item["metadata"].get("labels") or {}
    return FIELD_MANAGER in managers(item) or labels.get(MANAGED_BY) == OURS
