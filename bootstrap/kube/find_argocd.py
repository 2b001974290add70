"""Finds an Argo CD in a cluster, whatever installed it, and says what did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from bootstrap.core.errors import Forbidden
from bootstrap.kube import objects
from bootstrap.kube.connection import FIELD_MANAGER, Cluster
from bootstrap.kube.parallel import in_parallel
from bootstrap.kube.state import ArgoCDInstallation

PART_OF = "app.kubernetes.io/part-of"
MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "gitops-bootstrap"
"""Value of the label `app.kubernetes.io/managed-by` on what infrastructure/argocd lays out.

The field manager alone does not last: what Argo CD deletes and recreates from Git is its own."""
SELECTOR = f"{PART_OF}=argocd"
WORKLOADS = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"))

By = Literal["bootstrap", "manifest", "helm", "operator"]


def find_argocd(cluster: Cluster, wanted: str = "") -> ArgoCDInstallation | None:
    """The Argo CD whose workloads run somewhere in the cluster, or None; the one in `wanted` first."""
    workloads = _workloads(cluster)
    found = _namespaces(workloads)
    if not found:
        return None
    namespace = wanted if wanted in found else found[0]
    here = [item for item in workloads if item["metadata"]["namespace"] == namespace]
    settings = objects.get(cluster, "v1", "ConfigMap", namespace, "argocd-cm")
    return ArgoCDInstallation(namespace, version_of(here), installed_by(here, settings))


def namespaces(cluster: Cluster) -> list[str]:
    """The namespaces in which an Argo CD's controller is installed, in the order of their names."""
    return _namespaces(_workloads(cluster))


def _workloads(cluster: Cluster) -> list[dict[str, Any]]:
    listed = in_parallel(lambda kind: _list(cluster, *kind), WORKLOADS)
    return [item for found in listed for item in found]


def _namespaces(workloads: Iterable[Mapping[str, Any]]) -> list[str]:
    controllers = (item for item in workloads if _component(item) == "application-controller")
    return sorted({str(item["metadata"]["namespace"]) for item in controllers})


def installed_by(workloads: Sequence[Mapping[str, Any]], settings: Mapping[str, Any] | None) -> By:
    """Who installed it: operator, helm, bootstrap, else a manifest. `settings` is argocd-cm."""
    if any(_owned_by_operator(item) for item in workloads):
        return "operator"
    if any(_from_helm(item) for item in workloads):
        return "helm"
    if any(_is_ours(item) for item in (*workloads, *([settings] if settings else []))):
        return "bootstrap"
    return "manifest"


def version_of(workloads: Iterable[Mapping[str, Any]]) -> str | None:
    """The version in the image tag of argocd-server, or of the controller."""
    images = {
        _component(item): str(container.get("image", ""))
        for item in workloads
        for container in item["spec"]["template"]["spec"]["containers"]
        if "argocd" in str(container.get("image", ""))
    }
    for component in ("server", "application-controller"):
        tag = re.search(r":(v?\d+\.\d+[^@/:]*)(@.*)?$", images.get(component, ""))
        if tag:
            return tag[1] if tag[1].startswith("v") else f"v{tag[1]}"
    return None


def _component(workload: Mapping[str, Any]) -> str:
    """server, application-controller, …: the label, or the end of the name."""
    metadata = workload["metadata"]
    label = str((metadata.get("labels") or {}).get("app.kubernetes.io/component", ""))
    name = str(metadata["name"])
    for component in ("application-controller", "server"):
        if label == component or (name.endswith(component) and "repo-server" not in name):
            return component
    return label or name


def _list(cluster: Cluster, api_version: str, kind: str) -> list[dict[str, Any]]:
    """In all namespaces; in Argo CD's usual one when only that may be read."""
    for namespace in (None, "argocd"):
        try:
            return objects.list_objects(cluster, api_version, kind, namespace, SELECTOR)
        except Forbidden:
            continue
    return []


def _owned_by_operator(workload: Mapping[str, Any]) -> bool:
    owners = workload["metadata"].get("ownerReferences") or ()
    return any(owner["kind"] == "ArgoCD" for owner in owners)


def _from_helm(workload: Mapping[str, Any]) -> bool:
    labels = workload["metadata"].get("labels") or {}
    annotations = workload["metadata"].get("annotations") or {}
    return (
        labels.get(MANAGED_BY) == "Helm"
        or "helm.sh/chart" in labels
        or "meta.helm.sh/release-name" in annotations
    )


def _is_ours(item: Mapping[str, Any]) -> bool:
    metadata = item["metadata"]
    if (metadata.get("labels") or {}).get(MANAGED_BY) == OURS:
        return True
    return any(entry.get("manager") == FIELD_MANAGER for entry in metadata.get("managedFields") or ())
