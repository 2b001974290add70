"""Everything in one namespace, of every kind that the API server lists; metadata only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import ApiError
from bootstrap.kube.connection import METADATA_LIST, Cluster, request
from bootstrap.kube.parallel import in_parallel

LEFT_OUT = frozenset({"events", "endpoints", "endpointslices", "leases"})
"""Made by Kubernetes itself, and gone with what they are about."""


@dataclass(frozen=True)
class Contents:
    """`objects` have apiVersion, kind and metadata; `unread`: groups that did not answer, or kinds that may
    not be listed."""

    objects: tuple[Mapping[str, Any], ...]
    unread: tuple[str, ...] = ()


def contents(cluster: Cluster, namespace: str) -> Contents:
    """What is in the namespace, without objects that have an owner (ownerReferences): they go with it."""
    kinds, unread = _kinds(cluster)
    found: list[Mapping[str, Any]] = []

    def listed(kind: tuple[str, str, str]) -> tuple[list[Mapping[str, Any]], str]:
        api_version, name, plural = kind
        base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        path = f"{base}/namespaces/{namespace}/{plural}"
        try:
            page = request(cluster, "GET", path, f"listing {plural}", accept=METADATA_LIST).data
        except ApiError as error:
            return [], "" if error.code in (404, 405) else f"{plural} ({api_version})"
        items = page.get("items") or ()
        return [{**item, "apiVersion": api_version, "kind": name} for item in items], ""

    for items, missed in in_parallel(listed, kinds):
        found += [item for item in items if not item["metadata"].get("ownerReferences")]
        unread += [missed] if missed else []
    return Contents(tuple(found), tuple(unread))


def _kinds(cluster: Cluster) -> tuple[list[tuple[str, str, str]], list[str]]:
    """(apiVersion, kind, plural) of what is namespaced and can be listed and deleted; and unread groups."""
    groups = request(cluster, "GET", "/apis", "asking for the API groups").data["groups"]
    versions = ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups)]

    def served(version: str) -> tuple[list[tuple[str, str, str]], str]:
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        try:
            resources = request(cluster, "GET", path, f"asking what {version} serves").data["resources"]
        except ApiError:
            return [], version
        return [
            (version, item["kind"], item["name"])
            for item in resources
            if item["namespaced"]
            and "/" not in item["name"]
            and item["name"] not in LEFT_OUT
            and {"list", "delete"} <= set(item.get("verbs") or ())
        ], ""

    answers = in_parallel(served, versions)
    return [kind for kinds, _ in answers for kind in kinds], [missed for _, missed in answers if missed]
