"""CRDs: when objects of the kinds that they define can be created."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bootstrap.core import next_run
from bootstrap.core.errors import Forbidden, NotFound, NotReadyError
from bootstrap.kube import discovery, shape
from bootstrap.kube.connection import METADATA_LIST, Cluster, request
from bootstrap.kube.objects import get, watch
from bootstrap.manifests.objects import ClusterObject

CRD = "CustomResourceDefinition"
API_VERSION = "apiextensions.k8s.io/v1"
ESTABLISHED_TIMEOUT = 90.0
SERVED_TIMEOUT = 90.0
"""Seconds until discovery lists a kind whose CRD exists."""
PAUSE = 0.1


def is_crd(item: ClusterObject) -> bool:
    return item.kind == CRD and item.api_version == API_VERSION


def is_established(crd: Mapping[str, Any]) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def defined_by(crd: Mapping[str, Any]) -> tuple[str, str]:
    """Group and kind."""
    return str(crd["spec"]["group"]), str(crd["spec"]["names"]["kind"])


def wait_until_established(cluster: Cluster, name: str) -> None:
    """Wait until a CRD is Established, by a watch; NotReadyError with what its conditions say."""
    selector = f"metadata.name={name}"
    conditions: list[Mapping[str, Any]] = []
    for _, found in watch(cluster, API_VERSION, CRD, None, ESTABLISHED_TIMEOUT, field_selector=selector):
        if is_established(found):
            return
        conditions = (found.get("status") or {}).get("conditions") or []
    refused = [f"{item['type']}: {item.get('message')}" for item in conditions if item["status"] == "False"]
    raise NotReadyError(
        f"waiting for {CRD} {name} to be Established",
        "; ".join(refused) or f"no condition reported after {ESTABLISHED_TIMEOUT:.0f} s",
        f"inspect it: {next_run.kubectl(f'describe crd {name}')}",
        name,
    )


def wait_until_served(cluster: Cluster, item: ClusterObject) -> discovery.Resource:
    """Where a kind is served whose CRD was just applied; NotFound when it has no CRD.

    Discovery, and the other API servers of a cluster, lag behind a CRD's Established condition.
    """
    found = becomes_served(cluster, item.api_version, item.kind)
    if found is None:
        raise NotFound(
            f"applying {item}",
            f"the API server does not serve {item.kind} in {item.api_version}",
            f"check the apiVersion, and that the kind's {CRD} is installed and Established",
            str(item),
            code=404,
            reason="NotFound",
        )
    return found


def becomes_served(cluster: Cluster, api_version: str, kind: str) -> discovery.Resource | None:
    """Where a kind is served, once it is if a CRD defines it; None when none does, or not in this version."""
    deadline = time.monotonic() + SERVED_TIMEOUT
    while (found := discovery.find(cluster, api_version, kind)) is None:
        if time.monotonic() > deadline or not _has_crd(cluster, api_version, kind):
            return None
        time.sleep(PAUSE)
    return found


def _has_crd(cluster: Cluster, api_version: str, kind: str) -> bool:
    """Whether a CRD says that it serves the kind; not, if CRDs may not be listed."""
    group, _, version = api_version.partition("/")
    path = f"/apis/{API_VERSION}/customresourcedefinitions"
    try:
        listed = request(cluster, "GET", path, "listing CRDs", accept=METADATA_LIST).data
    except Forbidden:
        return False
    shape.check_list(listed, CRD, "listing CRDs", whole=False)
    names = [str(item["metadata"]["name"]) for item in listed["items"] or ()]
    found = (get(cluster, API_VERSION, CRD, None, name) for name in names if name.partition(".")[2] == group)
    return any(
        defined_by(crd) == (group, kind)
        and any(one["name"] == version and one["served"] for one in crd["spec"]["versions"])
        for crd in found
        if crd is not None
    )
