"""Server-side apply in phases: namespaces, CRDs until Established, the rest side by side."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bootstrap import kube_discovery as discovery
from bootstrap.errors import Conflict, NotFound, NotReadyError
from bootstrap.kube_connection import FIELD_MANAGER, JSON, METADATA_ONLY, Answer, Cluster, request
from bootstrap.kube_fields import differs
from bootstrap.kube_objects import watch
from bootstrap.kube_parallel import in_parallel
from bootstrap.steps import ClusterObject

APPLY = "application/apply-patch+yaml"
CRD = "CustomResourceDefinition"
BUILT_IN = re.compile(r"v1|(networking|rbac\.authorization|policy|scheduling|storage)(\.k8s\.io)?/v1")
"""API versions whose objects run nothing and need no CRD: they are applied beside the CRDs."""
ESTABLISHED_TIMEOUT = 90.0
SERVED_TIMEOUT = 30.0
"""Seconds from Established until discovery and every API server of a cluster serve the kind."""


@dataclass(frozen=True)
class Applied:
    """An object that was applied, with the namespace it went to; whether the server changed it."""

    object: ClusterObject
    changed: bool


@dataclass(frozen=True)
class Placed:
    """An object and where it is served."""

    object: ClusterObject
    resource: discovery.Resource

    @property
    def path(self) -> str:
        return self.resource.path(self.object.namespace, self.object.name)


def apply(
    cluster: Cluster,
    objects: Sequence[ClusterObject],
    force: bool = False,
    report: Callable[[str], None] = lambda _: None,
    namespace: str = "default",
) -> list[Applied]:
    """Apply with field manager `bootstrap`; `force` takes fields that others own.

    `namespace` is for namespaced objects that name none. The order of the result is the phases'.
    Conflict, Invalid, Forbidden, …: of every object that was refused in a phase, together.
    NotReadyError: a CRD was not Established.
    """
    learn(cluster, objects)
    done: list[Applied] = []

    def tell(item: Applied) -> None:
        done.append(item)
        report(f"{len(done)}/{len(objects)} {item.object}")

    def one(item: ClusterObject) -> Applied:
        if not is_crd(item):
            return _apply(cluster, item, force, namespace)[0]
        applied, found = _apply(cluster, item, force, namespace)
        if not _is_established(found):
            _wait_until_established(cluster, item)
        return applied

    namespaces, first, last = phases(objects)
    groups = {item.name.partition(".")[2] for item in first if is_crd(item)}
    in_parallel(one, namespaces, tell)
    in_parallel(one, first, tell)
    in_parallel(lambda item: _apply_served(cluster, item, force, namespace, groups), last, tell)
    return done


def phases(
    objects: Sequence[ClusterObject],
) -> tuple[list[ClusterObject], list[ClusterObject], list[ClusterObject]]:
    """Namespaces; CRDs with what needs none of them; then what does: their kinds, and workloads.

    The longest first, because the longest CRD takes the server longer than everything beside it.
    """

    def is_passive(item: ClusterObject) -> bool:
        return bool(BUILT_IN.fullmatch(item.api_version)) and item.kind not in (
            "Pod",
            "ReplicationController",
        )

    namespaces = [item for item in objects if item.kind == "Namespace" and item.api_version == "v1"]
    rest = sorted((item for item in objects if item not in namespaces), key=lambda item: -len(item.text))
    first = [item for item in rest if is_crd(item) or is_passive(item)]
    return namespaces, first, [item for item in rest if item not in first]


def is_crd(item: ClusterObject) -> bool:
    return item.kind == CRD and item.api_version.startswith("apiextensions.k8s.io/")


def learn(cluster: Cluster, objects: Sequence[ClusterObject]) -> None:
    """Discovery of every kind's group and version at once."""
    discovery.learn(cluster, {item.api_version for item in objects})


def place(cluster: Cluster, item: ClusterObject, namespace: str) -> Placed | None:
    """Where an object goes; None when its kind is not served. Cluster-wide kinds lose their namespace."""
    resource = discovery.find(cluster, item.api_version, item.kind)
    if resource is None:
        return None
    return Placed(
        replace(item, namespace=(item.namespace or namespace) if resource.namespaced else ""), resource
    )


def send(cluster: Cluster, placed: Placed, force: bool, dry_run: bool = False, accept: str = JSON) -> Answer:
    """One server-side apply of the document as it lies."""
    query = {"fieldManager": FIELD_MANAGER, "force": str(force).lower(), "fieldValidation": "Strict"}
    if dry_run:
        query["dryRun"] = "All"
    where = str(placed.object)
    return request(
        cluster,
        "PATCH",
        placed.path,
        f"applying {where}",
        where,
        query=query,
        body=placed.object.text,
        content_type=APPLY,
        accept=accept,
    )


def real_conflicts(
    cluster: Cluster, placed: Placed, error: Conflict, before: Mapping[str, Any] | None
) -> tuple[tuple[tuple[str, str], ...], Mapping[str, Any]]:
    """Those fields of a conflict whose value would change, and the object as if they were taken."""
    forced: Mapping[str, Any] = send(cluster, placed, force=True, dry_run=True).data
    paths = differs(before or {}, forced, [field for field, _ in error.fields])
    return tuple(pair for pair in error.fields if pair[0] in paths), forced


def not_served(item: ClusterObject) -> NotFound:
    return NotFound(
        f"applying {item}",
        f"the API server does not serve {item.kind} in {item.api_version}",
        "check the apiVersion, and that the kind's CustomResourceDefinition is installed",
        str(item),
        code=404,
        reason="NotFound",
    )


def _apply(
    cluster: Cluster, item: ClusterObject, force: bool, namespace: str
) -> tuple[Applied, Mapping[str, Any]]:
    placed = place(cluster, item, namespace)
    if placed is None:
        raise not_served(item)
    before = _metadata(cluster, placed)
    accept = JSON if is_crd(item) else METADATA_ONLY
    try:
        answer = send(cluster, placed, force, accept=accept)
    except Conflict as error:
        if not error.fields:
            raise
        live = request(cluster, "GET", placed.path, f"reading {placed.object}", str(placed.object)).data
        if real_conflicts(cluster, placed, error, live)[0]:
            raise
        answer = send(cluster, placed, force=True, accept=accept)
    return Applied(placed.object, _changed(before, answer.data["metadata"])), answer.data


def _apply_served(
    cluster: Cluster, item: ClusterObject, force: bool, namespace: str, groups: set[str]
) -> Applied:
    """Apply; a kind whose CRD came with this batch may be served a moment later than Established."""
    deadline = time.monotonic() + SERVED_TIMEOUT
    while True:
        try:
            return _apply(cluster, item, force, namespace)[0]
        except NotFound as error:
            fresh = item.api_version.partition("/")[0] in groups and "namespaces " not in error.found
            if not fresh or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _metadata(cluster: Cluster, placed: Placed) -> Mapping[str, Any] | None:
    try:
        answer = request(
            cluster, "GET", placed.path, f"reading {placed.object}", str(placed.object), accept=METADATA_ONLY
        )
    except NotFound:
        return None
    found: Mapping[str, Any] = answer.data["metadata"]
    return found


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Whether applying wrote anything: the server leaves an object alone that is as wanted."""
    if before is None:
        return True
    if before["resourceVersion"] == after["resourceVersion"]:
        return False
    if "generation" not in after:
        return True
    # Its controller may have written its status in between.
    return bool(before["generation"] != after["generation"] or _owned(before) != _owned(after))


def _owned(metadata: Mapping[str, Any]) -> list[Any]:
    """What the field manager `bootstrap` owns, and since when."""
    return [item for item in metadata.get("managedFields") or () if item.get("manager") == FIELD_MANAGER]


def _wait_until_established(cluster: Cluster, crd: ClusterObject) -> None:
    selector = f"metadata.name={crd.name}"
    conditions: list[Mapping[str, Any]] = []
    for _, found in watch(cluster, crd.api_version, CRD, None, ESTABLISHED_TIMEOUT, field_selector=selector):
        if _is_established(found):
            return
        conditions = (found.get("status") or {}).get("conditions") or []
    refused = [f"{item['type']}: {item.get('message')}" for item in conditions if item["status"] == "False"]
    raise NotReadyError(
        f"waiting for {crd} to be Established",
        "; ".join(refused) or f"no word of it after {ESTABLISHED_TIMEOUT:.0f} s",
        "look at it: kubectl describe crd " + crd.name,
        str(crd),
    )


def _is_established(crd: Mapping[str, Any]) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)
