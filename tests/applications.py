"""Applications as Argo CD 3.6 leaves them: spec, status, annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

REPOSITORY = "https://git.example.com/platform/gitops.git"
REVISION = "a" * 40
NEWER = "b" * 40
TIME = "2026-11-24T21:50:03Z"


def application(
    name: str,
    sync: str = "Synced",
    health: str = "Healthy",
    *,
    wave: int | None = None,
    revision: str = REVISION,
    repository: str = REPOSITORY,
    children: Sequence[Mapping[str, Any]] = (),
    parent: str | None = None,
    automated: bool = True,
    annotations: Mapping[str, str] | None = None,
    **status: Any,
) -> dict[str, Any]:
    """A child with a chart in addition to its own repository; `children` are entries of status.resources."""
    marks = dict(annotations or {})
    if wave is not None:
        marks["argocd.argoproj.io/sync-wave"] = str(wave)
    if parent is not None:
        marks["argocd.argoproj.io/tracking-id"] = f"{parent}:argoproj.io/Application:argocd/{name}"
    chart = {"repoURL": "https://charts.example.com", "chart": name, "targetRevision": "1.2.3"}
    own = {"repoURL": repository, "targetRevision": "main", "ref": "repo", "path": f"infrastructure/{name}"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": "argocd",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "creationTimestamp": TIME,
            "annotations": marks,
        },
        "spec": {"sources": [chart, own], "syncPolicy": {"automated": {}} if automated else {}},
        "status": {
            "reconciledAt": TIME,
            "sync": {"status": sync, "revisions": ["1.2.3", revision]},
            "health": {"status": health, "lastTransitionTime": TIME},
            "resources": list(children),
            **status,
        },
    }


def entry(name: str, wave: int = 0, kind: str = "Application", **fields: Any) -> dict[str, Any]:
    """One of a root's status.resources."""
    return {
        "group": "argoproj.io",
        "version": "v1alpha1",
        "kind": kind,
        "namespace": "argocd",
        "name": name,
        "status": "Synced",
        **({"syncWave": wave} if wave else {}),
        **fields,
    }
