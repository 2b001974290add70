"""What applying would do, by the API server's own dry run; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import ClusterError, FieldsOwned, NotFound, RefusedError
from bootstrap.core.text import counted
from bootstrap.kube import discovery, shape
from bootstrap.kube.connection import METADATA_ONLY, Cluster, request
from bootstrap.kube.errors import combined
from bootstrap.kube.parallel import in_parallel
from bootstrap.kube.removal import left
from bootstrap.kube.send import Placed, place, read, real_conflicts, send
from bootstrap.kube.state import FieldConflict, Preview
from bootstrap.kube.unchanged import surely_unchanged
from bootstrap.manifests.objects import ClusterObject
from bootstrap.manifests.parse import parse

BOOKKEEPING = frozenset(
    {"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"}
)
"""Metadata fields that the server maintains: a change of them is not a change of the object."""

LOOKS = 3
LONG = 64 * 1024
"""Bytes from which a document counts as long."""

Found = Mapping[str, Any] | None


@dataclass(frozen=True)
class _Seen:
    """An object as it is, and as the dry run leaves it (or the error when it was refused)."""

    before: Found
    after: Found | ClusterError


def preview(
    cluster: Cluster,
    objects: Sequence[ClusterObject],
    force: bool = False,
    namespace: str = "default",
    quick: bool = False,
    refuse_deleted: bool = False,
) -> list[Preview]:
    """One Preview per object, in order, computed in parallel; `namespace` is for objects that name none.

    "create" without `after`: its kind or namespace does not exist yet, so the server cannot try it; with
    `quick`, also for a long document (a CRD) that does not exist: trying costs as much as applying it.
    "conflict" has `after` as if the fields were taken. Invalid, Forbidden, …: of every object that
    the server would refuse, together. `refuse_deleted`: RefusedError for what is being deleted just now.
    """
    discovery.learn(cluster, {item.api_version for item in objects})
    placed = {n: at for n, item in enumerate(objects) if (at := place(cluster, item, namespace))}
    missing, going = _namespaces(cluster, list(placed.values()))
    asked = [n for n, at in placed.items() if at.object.namespace not in missing]
    asked.sort(key=lambda n: -len(placed[n].object.text))  # the slowest first
    looks = in_parallel(lambda n: _look(cluster, placed[n], force, quick), asked)
    seen = dict(zip(asked, looks, strict=True))
    going |= {str(placed[n].object): item.before for n, item in seen.items() if _is_going(item.before)}
    if refuse_deleted:
        _refuse_going(cluster, going)
    refused = [item.after for item in looks if isinstance(item.after, ClusterError)]
    refused = [error for error in refused if not isinstance(error, FieldsOwned)]
    if refused:
        raise combined(refused)

    def result(number: int) -> Preview:
        if number in seen:
            return _preview(cluster, placed[number], seen[number])
        return Preview(placed[number].object if number in placed else objects[number], "create")

    return list(in_parallel(result, range(len(objects))))


def same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two states of an object differ only in the server's bookkeeping."""
    if before.keys() != after.keys():
        return False
    return _metadata(before) == _metadata(after) and all(
        before[key] == after[key] for key in before if key != "metadata"
    )


def _namespaces(cluster: Cluster, placed: Sequence[Placed]) -> tuple[set[str], dict[str, Found]]:
    """The namespaces that cannot contain anything yet, and those being deleted, by their name in errors."""
    names = sorted({at.object.namespace for at in placed if at.object.namespace})

    def look(name: str) -> Found:
        try:
            path = f"/api/v1/namespaces/{name}"
            found: Found = request(
                cluster, "GET", path, f"reading Namespace {name}", accept=METADATA_ONLY
            ).data
        except NotFound:
            return None
        shape.check(found, "Namespace", f"reading Namespace {name}", whole=False)
        return found

    seen = dict(zip(names, in_parallel(look, names), strict=True))
    going = {f"Namespace {name}": item for name, item in seen.items() if _is_going(item)}
    return {name for name, item in seen.items() if item is None}, going


def _is_going(item: Found) -> bool:
    return item is not None and bool((item.get("metadata") or {}).get("deletionTimestamp"))


def _refuse_going(cluster: Cluster, going: Mapping[str, Found]) -> None:
    """RefusedError when something is being deleted: what is applied to it goes with it."""
    if not going:
        return
    lines = []
    for name, item in going.items():
        metadata = (item or {}).get("metadata") or {}
        held = ", ".join(metadata.get("finalizers") or ()) or _of_content(cluster, name)
        lines.append(f"{name} since {metadata['deletionTimestamp']}, held by {held}")
    raise RefusedError(
        "looking at the cluster",
        f"{counted(len(lines), 'object')} of the plan {'is' if len(lines) == 1 else 'are'} being deleted: "
        + "; ".join(lines),
        "wait until it is gone (what holds it must release it first), then run again",
        cluster.server,
    )


def _of_content(cluster: Cluster, name: str) -> str:
    """What holds a namespace, in the words of its own conditions, once they have been written."""
    kind, _, namespace = name.partition(" ")
    found = left(cluster, ClusterObject("v1", kind, "", namespace, b"")) if kind == "Namespace" else None
    return f"its content: {found.message}" if found and found.message else "its content, or kubernetes"


def _look(cluster: Cluster, placed: Placed, force: bool, quick: bool) -> _Seen:
    """Read and try; again when a controller wrote to the object in between."""
    for _ in range(LOOKS):
        seen = _look_once(cluster, placed, force, quick)
        if not isinstance(seen.after, Mapping) or seen.before is None or same(seen.before, seen.after):
            break
        # A dry run answers with the resourceVersion of the object that it started from.
        if _version(seen.before) == _version(seen.after):
            break
    return seen


def _look_once(cluster: Cluster, placed: Placed, force: bool, quick: bool) -> _Seen:
    before, text = read(cluster, placed), placed.object.text
    if len(text) > LONG:
        if before is None and quick:
            return _Seen(None, None)
        if before is not None and surely_unchanged(parse(text, (str(placed.object), 1)), before):
            return _Seen(before, before)
    try:
        return _Seen(before, send(cluster, placed, force, dry_run=True).data)
    except NotFound as error:
        return _Seen(before, error if before is not None else None)
    except ClusterError as error:
        return _Seen(before, error)


def _version(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["resourceVersion"])


def _preview(cluster: Cluster, placed: Placed, seen: _Seen) -> Preview:
    before, after = seen.before, seen.after
    fields: tuple[tuple[str, str], ...] = ()
    if isinstance(after, FieldsOwned):
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
