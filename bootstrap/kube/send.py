"""One object: where it goes, one server-side apply of it, whether that changed anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bootstrap.core.errors import FieldsOwned, NotFound
from bootstrap.kube import discovery, shape
from bootstrap.kube.connection import FIELD_MANAGER, JSON, METADATA_ONLY, Answer, Cluster, request
from bootstrap.kube.fields import differs
from bootstrap.manifests.objects import ClusterObject

CREATED = 201
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Placed:
    """An object and where it is served."""

    object: ClusterObject
    resource: discovery.Resource

    @property
    def path(self) -> str:
        return self.resource.path(self.object.namespace, self.object.name)


@dataclass(frozen=True)
class Outcome:
    """What one apply did; `found` is the object as asked for by `accept`."""

    changed: bool
    created: bool
    found: Mapping[str, Any]


def place(cluster: Cluster, item: ClusterObject, namespace: str) -> Placed | None:
    """Where an object goes; None when its kind is not served. Cluster-wide kinds lose their namespace."""
    resource = discovery.find(cluster, item.api_version, item.kind)
    if resource is None:
        return None
    there = (item.namespace or namespace) if resource.namespaced else ""
    return Placed(replace(item, namespace=there), resource)


def send(cluster: Cluster, placed: Placed, force: bool, dry_run: bool = False, accept: str = JSON) -> Answer:
    """One server-side apply of the document as it is."""
    query = {"fieldManager": FIELD_MANAGER, "force": str(force).lower(), "fieldValidation": "Strict"}
    if dry_run:
        query["dryRun"] = "All"
    where = str(placed.object)
    answer = request(
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
    whole = accept == JSON
    shape.check(answer.data, placed.object.kind, f"applying {where}", whole=whole, stored=not dry_run)
    return answer


def read(cluster: Cluster, placed: Placed, accept: str = JSON) -> Mapping[str, Any] | None:
    """The live object; None when it does not exist."""
    where = str(placed.object)
    try:
        answer = request(cluster, "GET", placed.path, f"reading {where}", where, accept=accept)
    except NotFound:
        return None
    shape.check(answer.data, placed.object.kind, f"reading {where}", whole=accept == JSON)
    found: Mapping[str, Any] = answer.data
    return found


def apply_one(
    cluster: Cluster,
    placed: Placed,
    force: bool,
    absent: bool = False,
    accept: str = METADATA_ONLY,
    over: Collection[str] = (),
) -> Outcome:
    """Apply, unless managers not named in `over` own what would change; `absent`: known not to exist yet."""
    before = None if absent else read(cluster, placed, METADATA_ONLY)
    try:
        answer = send(cluster, placed, force, accept=accept)
    except FieldsOwned as error:
        fields, _ = real_conflicts(cluster, placed, error, read(cluster, placed))
        if not {manager for _, manager in fields} <= set(over):
            raise
        answer = send(cluster, placed, force=True, accept=accept)
    changed = _changed((before or {}).get("metadata"), answer.data["metadata"])
    return Outcome(changed, answer.code == CREATED, answer.data)


def real_conflicts(
    cluster: Cluster, placed: Placed, error: FieldsOwned, before: Mapping[str, Any] | None
) -> tuple[tuple[tuple[str, str], ...], Mapping[str, Any]]:
    """Those fields of a conflict whose value would change, and the object as if they were taken."""
    forced: Mapping[str, Any] = send(cluster, placed, force=True, dry_run=True).data
    paths = differs(before or {}, forced, [field for field, _ in error.fields])
    return tuple(pair for pair in error.fields if pair[0] in paths), forced


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Whether the server changed the object; it leaves one alone that is already as wanted."""
    if before is None:
        return True
    if before["resourceVersion"] == after["resourceVersion"]:
        return False
    if "generation" not in after:
        return True
    # Its controller may have updated its status in between.
    return bool(before["generation"] != after["generation"] or _owned(before) != _owned(after))


def _owned(metadata: Mapping[str, Any]) -> list[Any]:
    """What the field manager `bootstrap` owns, and since when."""
    return [item for item in metadata.get("managedFields") or () if item.get("manager") == FIELD_MANAGER]
