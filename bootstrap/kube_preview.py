"""What applying would do, by the API server's own dry run; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.errors import Conflict, NotFound
from bootstrap.kube_apply import Placed, learn, place, send
from bootstrap.kube_connection import Cluster, request
from bootstrap.kube_parallel import in_parallel
from bootstrap.observed import FieldConflict, Preview
from bootstrap.steps import ClusterObject

BOOKKEEPING = frozenset(
    {"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"}
)
"""Fields of metadata that the server keeps for itself: no change of them is a change of the object."""


def preview(
    cluster: Cluster, objects: Sequence[ClusterObject], force: bool = False, namespace: str = "default"
) -> list[Preview]:
    """One Preview an object, in order, side by side; `namespace` is for objects that name none.

    "create" without `after`: its kind or namespace is not there yet, so the server cannot try it.
    Invalid, Forbidden, …: of every object that the server would refuse, together.
    """
    learn(cluster, objects)
    return list(in_parallel(lambda item: _preview(cluster, item, force, namespace), objects))


def same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two states of an object differ in the server's bookkeeping at most."""
    if before.keys() != after.keys():
        return False
    return _metadata(before) == _metadata(after) and all(
        before[key] == after[key] for key in before if key != "metadata"
    )


def _preview(cluster: Cluster, item: ClusterObject, force: bool, namespace: str) -> Preview:
    placed = place(cluster, item, namespace)
    if placed is None:
        return Preview(item, "create")
    before = _current(cluster, placed)
    try:
        answer = send(cluster, placed, force, dry_run=True)
    except Conflict as error:
        if not error.fields:
            raise
        fields = tuple(FieldConflict(field, manager) for field, manager in error.fields)
        return Preview(placed.object, "conflict", before, None, fields)
    except NotFound:
        if before is not None:
            raise
        return Preview(placed.object, "create")
    if before is None:
        return Preview(placed.object, "create", None, answer.data)
    return Preview(placed.object, "same" if same(before, answer.data) else "change", before, answer.data)


def _current(cluster: Cluster, placed: Placed) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = request(
            cluster, "GET", placed.path, f"reading {placed.object}", str(placed.object)
        ).data
    except NotFound:
        return None
    return found


def _metadata(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item["metadata"].items() if key not in BOOKKEEPING}
