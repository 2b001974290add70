"""Argo CD: its verified manifest, its Applications, waiting for them, its initial password.

Its modules: install_manifest (what to install), wait (until all is Synced and Healthy), explain
(what an unhealthy object's own status and events say).
"""

from __future__ import annotations

import base64
from typing import Any

from bootstrap import kube
from bootstrap.argocd.install_manifest import PINNED, VERSION, Manifest, manifest, release_url
from bootstrap.argocd.wait import API_VERSION, NAMESPACE, wait
from bootstrap.kube import Cluster

INITIAL_PASSWORD = "argocd-initial-admin-secret"  # noqa: S105 - a Secret's name


def applications(cluster: Cluster, namespace: str | None = "") -> list[dict[str, Any]]:
    """Every Application; none when Argo CD is not installed. `namespace` None: of all namespaces."""
    here = cluster.argocd_namespace if namespace == "" else namespace
    return kube.list_objects(cluster, API_VERSION, "Application", here)


def initial_password(cluster: Cluster) -> str | None:
    """The password that Argo CD generated for its user admin, until its Secret is deleted."""
    secret = kube.get(cluster, "v1", "Secret", cluster.argocd_namespace, INITIAL_PASSWORD)
    value = ((secret or {}).get("data") or {}).get("password")
    return base64.b64decode(value).decode() if value else None


__all__ = [
    "NAMESPACE",
    "PINNED",
    "VERSION",
    "Cluster",
    "Manifest",
    "applications",
    "initial_password",
    "manifest",
    "release_url",
    "wait",
]
