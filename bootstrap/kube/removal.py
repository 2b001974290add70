"""Remove objects: patch what holds them, delete many at once, and say what is left and what holds it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import ApiError, NotFound
from bootstrap.kube import discovery, shape
from bootstrap.kube.connection import FIELD_MANAGER, JSON, METADATA_ONLY, Cluster, request
from bootstrap.kube.objects import request_deletion, watch
from bootstrap.kube.parallel import in_parallel
from bootstrap.manifests.objects import ClusterObject

GONE_OR_GOING = (404, 409)
TICK = 5
"""Seconds between two looks at the clock while a deletion is watched."""


@dataclass(frozen=True)
class Left:
    """An object that still exists: what holds it, since when it is being deleted ("": it is not)."""

    object: ClusterObject
    finalizers: tuple[str, ...]
    since: str
    message: str = ""
    """What its own status says about the deletion."""


def merge_patch(
    cluster: Cluster,
    api_version: str,
    kind: str,
    namespace: str | None,
    name: str,
    patch: Mapping[str, Any],
) -> bool:
    """A JSON merge patch; False when the object (or its kind) does not exist."""
    resource = discovery.find(cluster, api_version, kind)
    if resource is None:
        return False
    place = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    try:
        request(
            cluster,
            "PATCH",
            resource.path(namespace, name),
            f"changing {place}",
            place,
            query={"fieldManager": FIELD_MANAGER},
            body=json.dumps(patch).encode(),
            content_type="application/merge-patch+json",
        )
    except NotFound:
        return False
    return True


def delete_together(
    cluster: Cluster,
    objects: Sequence[ClusterObject],
    deadline: float,
    propagation: str = "Foreground",
    report: Callable[[str], None] = lambda _: None,
) -> list[Left]:
    """Delete all at the same time and wait, until `deadline` (time.monotonic), until they are gone.

    Returns those that still exist. A missing one is not an error; `propagation` is the API server's
    (Foreground: with its dependents; Orphan: without).
    """
    asked = [item for item in objects if discovery.find(cluster, item.api_version, item.kind)]
    in_parallel(lambda item: _ask(cluster, item, propagation), asked)
    return wait_until_gone(cluster, asked, deadline, report)


def wait_until_gone(
    cluster: Cluster,
    objects: Sequence[ClusterObject],
    deadline: float,
    report: Callable[[str], None] = lambda _: None,
) -> list[Left]:
    """Wait, until `deadline`, until none of them exists; returns those that do."""
    rest = [item for item in objects if _is_there(cluster, item)]
    for number, item in enumerate(rest):
        report(f"waiting for {len(rest) - number} of {len(objects)}: {item}")
        if time.monotonic() >= deadline:
            break
        _watch_until_gone(cluster, item, deadline)
    return [one for one in in_parallel(lambda item: left(cluster, item), rest) if one]


def left(cluster: Cluster, item: ClusterObject) -> Left | None:
    """The object as it is, or None when it is gone."""
    found = _read(cluster, item)
    if found is None:
        return None
    metadata = found["metadata"]
    if shape.fault(found, shape.LEFT):
        found = {}  # a kind that uses these names for something else
    status = found.get("status") or {}
    said = [
        f"{one.get('type')}: {one.get('message')}"
        for one in status.get("conditions") or ()
        if one.get("message")
        and one.get("status") in (None, "True")
        and ("Deletion" in str(one.get("type")) or "Remaining" in str(one.get("type")))
    ]
    finalizers = [*(metadata.get("finalizers") or ()), *((found.get("spec") or {}).get("finalizers") or ())]
    return Left(item, tuple(finalizers), str(metadata.get("deletionTimestamp") or ""), "; ".join(said))


def _ask(cluster: Cluster, item: ClusterObject, propagation: str) -> None:
    resource = discovery.get(cluster, item.api_version, item.kind, f"deleting {item}")
    try:
        request_deletion(cluster, resource, item, propagation)
    except ApiError as error:
        # 409: a Namespace that is being deleted already.
        if error.code not in GONE_OR_GOING:
            raise


def _read(cluster: Cluster, item: ClusterObject, accept: str = JSON) -> Mapping[str, Any] | None:
    resource = discovery.find(cluster, item.api_version, item.kind)
    if resource is None:
        return None
    path = resource.path(item.namespace, item.name)
    try:
        found: Mapping[str, Any] = request(
            cluster, "GET", path, f"reading {item}", str(item), accept=accept
        ).data
    except NotFound:
        return None
    shape.check(found, item.kind, f"reading {item}", whole=accept == JSON)
    return found


def _is_there(cluster: Cluster, item: ClusterObject) -> bool:
    return _read(cluster, item, METADATA_ONLY) is not None


def _watch_until_gone(cluster: Cluster, item: ClusterObject, deadline: float) -> None:
    """Return when it is gone or the time is up; its kind may go with it."""
    try:
        for event, _ in watch(
            cluster,
            item.api_version,
            item.kind,
            item.namespace or None,
            max(1.0, deadline - time.monotonic()),
            field_selector=f"metadata.name={item.name}",
            tick=TICK,
        ):
            if event == "DELETED" or (event == "TICK" and not _is_there(cluster, item)):
                return
    except NotFound:
        return
