"""Ends syncs that are under way: Argo CD would go on to apply what they began with."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap import kube
from bootstrap.argocd.source import API_VERSION
from bootstrap.git.urls import same_repository
from bootstrap.kube import removal

_PATIENCE = 30.0
"""Seconds to wait for Argo CD to end a sync."""


def is_running(application: Mapping[str, Any]) -> bool:
    """Whether a sync of the Application is under way."""
    return _state(application).get("phase") in ("Running", "Terminating")


def end(
    cluster: kube.Cluster, application: Mapping[str, Any], more: Mapping[str, object] | None = None
) -> None:
    """Ask Argo CD to end the Application's sync; `more` is changed in the same request."""
    patch: dict[str, object] = {**(more or {}), "operation": None}
    if _state(application).get("phase") == "Running":
        patch["status"] = {"operationState": {"phase": "Terminating"}}
    metadata = application["metadata"]
    key = (str(metadata["namespace"]), str(metadata["name"]))
    removal.merge_patch(cluster, API_VERSION, "Application", *key, patch)


def end_those_of(cluster: kube.Cluster, url: str) -> list[str]:
    """End every sync that applies from a repository, and wait until they have ended, at most 30 s.

    Returns the names of the Applications. ClusterError for what the API server refuses.
    """
    ended: list[str] = []
    deadline = time.monotonic() + _PATIENCE
    while running := [one for one in _applications(cluster) if is_running(one) and _applies(one, url)]:
        for one in running:
            if one["metadata"]["name"] not in ended:
                end(cluster, one)
                ended.append(str(one["metadata"]["name"]))
        if time.monotonic() >= deadline:
            break
        time.sleep(0.5)
    return ended


def _applications(cluster: kube.Cluster) -> list[dict[str, Any]]:
    return kube.list_objects(cluster, API_VERSION, "Application", cluster.argocd_namespace)


def _applies(application: Mapping[str, Any], url: str) -> bool:
    return any(same_repository(one, url) for one in _sources(_state(application)))


def _sources(state: Mapping[str, Any]) -> Iterator[str]:
    """The repositories of a sync: as it was asked for, and as it is carried out."""
    asked = (state.get("operation") or {}).get("sync") or {}
    for part in (asked, state.get("syncResult") or {}):
        for source in (part.get("source") or {}, *(part.get("sources") or ())):
            if source.get("repoURL"):
                yield str(source["repoURL"])


def _state(application: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (application.get("status") or {}).get("operationState")
    return found if isinstance(found, Mapping) else {}
