"""Pure: which objects `init` and the Argo CD that it installed have made, and which are somebody else's.

An object itself says who made it: by its field managers, by a label of the catalog, or by Argo CD's tracking
annotation. One that has none of these is somebody else's, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bootstrap.argocd.root import is_bootstraps, managers
from bootstrap.argocd.status import TRACKING
from bootstrap.manifests.objects import ClusterObject

ARGOCDS = frozenset(
    {
        "argocd",
        "argocd-application-controller",
        "argocd-applicationset-controller",
        "argocd-controller",
        "argocd-dex",
        "argocd-notifications",
        "argocd-repo-server",
        "argocd-server",
    }
)
"""Field managers of Argo CD's own processes: what only they have written in its namespace is its state."""
KUBERNETES = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})
"""What Kubernetes puts into every namespace."""


def is_ours(item: Mapping[str, Any], applications: Collection[str]) -> bool:
    """Made by `init`, by an Application of ours (`applications`: their names), or by Argo CD for itself."""
    tracking = str((item["metadata"].get("annotations") or {}).get(TRACKING, ""))
    if is_bootstraps(item) or (tracking and tracking.partition(":")[0] in applications):
        return True
    by = managers(item)
    return bool(by) and by <= ARGOCDS


def is_kubernetes(item: Mapping[str, Any]) -> bool:
    """Whether Kubernetes itself put it into the namespace."""
    metadata = item["metadata"]
    token = "kubernetes.io/service-account.name" in (metadata.get("annotations") or {})
    return token or (item["kind"], metadata["name"]) in KUBERNETES


def as_object(item: Mapping[str, Any]) -> ClusterObject:
    """What names an object, without its text."""
    metadata = item["metadata"]
    return ClusterObject(
        str(item["apiVersion"]),
        str(item["kind"]),
        str(metadata.get("namespace") or ""),
        str(metadata["name"]),
        b"",
    )
