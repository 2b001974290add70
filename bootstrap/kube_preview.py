"""What applying would do, by the API server's own dry run; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap import kube_discovery as discovery
from bootstrap.errors import ClusterError, Conflict, NotFound
from bootstrap.kube_connection import METADATA_ONLY, Cluster, request
from bootstrap.kube_errors import combined
from bootstrap.kube_parallel import in_parallel
from bootstrap.kube_send import Placed, place, read, real_conflicts, send
from bootstrap.observed import FieldConflict, Preview
from bootstrap.steps import ClusterObject

BOOKKEEPING = frozenset(
    {"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"}
)
"""Fields of metadata that the server keeps for itself: no change of them is a change of the object."""

LONG = 64 * 1024
"""Bytes from which a document counts as long."""

Found = Mapping[str, Any] | None


@dataclass(frozen=True)
class _Call:
    """One request for the object at `number` of the list: its state now, or the dry run."""

    number: int
    placed: Placed
    dry_run: bool


def preview(
    cluster: Cluster,
    objects: Sequence[ClusterObject],
    force: bool = False,
    namespace: str = "default",
    quick: bool = False,
) -> list[Preview]:
    """One Preview an object, in order, side by side; `namespace` is for objects that name none.

    "create" without `after`: its kind or namespace is not there yet, so the server cannot try it; with
    `quick`, also for a long document (a CRD) that is not there: trying costs as much as applying it.
    "conflict" has `after` as if the fields were taken. Invalid, Forbidden, …: of every object that
    the server would refuse, together.
    """
    discovery.learn(cluster, {item.api_version for item in objects})
    placed = {n: at for n, item in enumerate(objects) if (at := place(cluster, item, namespace))}
    # Reading and trying are independent; the longest documents first, because one of them may take
    # the server as long as all the others together.
    absent = _absent(cluster, placed, quick)
    calls = [_Call(n, at, dry) for n, at in placed.items() if n not in absent for dry in (True, False)]
    calls.sort(key=lambda call: (-len(call.placed.object.text), not call.dry_run))
    answers = dict(zip(calls, in_parallel(lambda call: _ask(cluster, call, force), calls), strict=True))
    found = {(call.number, call.dry_run): answer for call, answer in answers.items()}
    errors = [answer for answer in found.values() if isinstance(answer, ClusterError)]
    refused = [error for error in errors if not (isinstance(error, Conflict) and error.fields)]
    if refused:
        raise combined(refused)

    def result(number: int) -> Preview:
        if number not in placed:
            return Preview(objects[number], "create")
        if number in absent:
            return Preview(placed[number].object, "create")
        return _preview(cluster, placed[number], found[number, False], found[number, True])

    return list(in_parallel(result, range(len(objects))))


def same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two states of an object differ in the server's bookkeeping at most."""
    if before.keys() != after.keys():
        return False
    return _metadata(before) == _metadata(after) and all(
        before[key] == after[key] for key in before if key != "metadata"
    )


def _absent(cluster: Cluster, placed: Mapping[int, Placed], quick: bool) -> frozenset[int]:
    """The numbers of those that need not be tried: their namespace is not there; long and not there."""
    namespaces = sorted({at.object.namespace for at in placed.values() if at.object.namespace})
    there = in_parallel(lambda name: _is_there(cluster, f"/api/v1/namespaces/{name}"), namespaces)
    missing = {name for name, is_there in zip(namespaces, there, strict=True) if not is_there}
    absent = {number for number, at in placed.items() if at.object.namespace in missing}
    long = [n for n, at in placed.items() if quick and len(at.object.text) > LONG and n not in absent]
    there = in_parallel(lambda number: _is_there(cluster, placed[number].path), long)
    return frozenset(absent | {number for number, is_there in zip(long, there, strict=True) if not is_there})


def _is_there(cluster: Cluster, path: str) -> bool:
    try:
        request(cluster, "GET", path, f"reading {path}", accept=METADATA_ONLY)
    except NotFound:
        return False
    return True


def _ask(cluster: Cluster, call: _Call, force: bool) -> Found | ClusterError:
    """The answer, None for "not there", or the error that it was."""
    try:
        if not call.dry_run:
            return read(cluster, call.placed)
        found: Mapping[str, Any] = send(cluster, call.placed, force, dry_run=True).data
        return found
    except NotFound:
        return None
    except ClusterError as error:
        return error


def _preview(
    cluster: Cluster, placed: Placed, before: Found | ClusterError, after: Found | ClusterError
) -> Preview:
    if isinstance(before, ClusterError):
        raise before
    fields: tuple[tuple[str, str], ...] = ()
    if isinstance(after, Conflict):
        fields, after = real_conflicts(cluster, placed, after, before)
    if isinstance(after, ClusterError):
        raise after
    if fields:
        named = tuple(FieldConflict(field, manager) for field, manager in fields)
        return Preview(placed.object, "conflict", before, after, named)
    if before is None or after is None:
        return Preview(placed.object, "create", before, after)
    return Preview(placed.object, "same" if same(before, after) else "change", before, after)


def _metadata(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item["metadata"].items() if key not in BOOKKEEPING}
