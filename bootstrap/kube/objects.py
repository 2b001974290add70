"""Reading and deleting objects: one, a list in pages, a watch that survives interruptions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.core.errors import ApiError, ClusterUnreachable, NotFound, NotReadyError
from bootstrap.kube import discovery, shape
from bootstrap.kube.connection import FIELD_MANAGER, Cluster, TooLarge, request, stream
from bootstrap.manifests.objects import ClusterObject

PAGE = 500
"""Objects per page of a list."""
LARGEST_LIST = 512 << 20
"""Bytes of all pages of a list, and of all objects that a watch knows: 10,000 Applications have 200 MB."""
LIST_SECONDS = 600.0
"""Seconds for all pages of a list: a server could name a next page forever."""
ROUND = 240.0
"""Seconds after which the API server ends a watch; it is then resumed."""
SILENCE = 15.0
"""Seconds beyond the end of a round after which a silent connection counts as broken."""
PAUSE = 0.5
"""Seconds before listing again after a watch was refused, so that the loop is not tight."""
GONE = 410


def get(
    cluster: Cluster, api_version: str, kind: str, namespace: str | None, name: str
) -> dict[str, Any] | None:
    """One object, or None when it (or its kind) does not exist."""
    resource = discovery.find(cluster, api_version, kind)
    if resource is None:
        return None
    place = _place(kind, namespace, name)
    try:
        found: dict[str, Any] = request(
            cluster, "GET", resource.path(namespace, name), f"reading {place}", place
        ).data
    except NotFound:
        return None
    shape.check(found, kind, f"reading {place}")
    return found


def list_objects(
    cluster: Cluster,
    api_version: str,
    kind: str,
    namespace: str | None = None,
    label_selector: str | None = None,
    field_selector: str | None = None,
) -> list[dict[str, Any]]:
    """Every object of a kind, in one namespace or all; none while the kind is not served."""
    found, _ = _list(cluster, api_version, kind, namespace, label_selector, field_selector)
    return found


def watch(
    cluster: Cluster,
    api_version: str,
    kind: str,
    namespace: str | None,
    timeout: float,
    *,
    field_selector: str | None = None,
    tick: float | None = None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(ADDED | MODIFIED | DELETED, object): all that exist, then each change, for `timeout` seconds.

    With `tick`, ("TICK", {}) after the first objects and then at least every `tick` seconds, so that a
    consumer can check the clock. Lost connections are resumed; ends without an error.
    """
    deadline = time.monotonic() + timeout
    resource = discovery.get(cluster, api_version, kind, f"watching {kind}")
    known: dict[str, dict[str, Any]] = {}
    version = ""
    while (left := deadline - time.monotonic()) > 0:
        if not version:
            found, version = _list(cluster, api_version, kind, namespace, None, field_selector)
            yield from _changes_since(known, found)
        if tick is not None:
            yield "TICK", {}
        length = max(1, int(min(left, tick or ROUND, ROUND)))
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
        query["timeoutSeconds"] = str(length)
        if field_selector:
            query["fieldSelector"] = field_selector
        try:
            with stream(
                cluster, resource.path(namespace), query, f"watching {kind}", length + SILENCE
            ) as events:
                for event in events:
                    if event["type"] == "ERROR":
                        version = ""  # too old, most often: list again
                        time.sleep(PAUSE)
                        break
                    bookmark = event["type"] == "BOOKMARK"
                    shape.require(event["object"], shape.VERSION, "an event's object", f"watching {kind}")
                    version = event["object"]["metadata"]["resourceVersion"]
                    if not bookmark:
                        shape.check(event["object"], kind, f"watching {kind}")
                        _remember(known, event)
                        yield event["type"], event["object"]
        except ClusterUnreachable:
            # The next list retries for a while, and fails when the server stays unreachable.
            version = ""
            time.sleep(PAUSE)
        except ApiError as error:
            if error.code != GONE:
                raise
            version = ""


def create(cluster: Cluster, content: Mapping[str, Any]) -> None:
    """Create one object as it is; Conflict when one of its name exists."""
    metadata = content["metadata"]
    namespace, place = (
        metadata.get("namespace"),
        _place(content["kind"], metadata.get("namespace"), metadata["name"]),
    )
    resource = discovery.get(cluster, content["apiVersion"], content["kind"], f"creating {place}")
    request(
        cluster,
        "POST",
        resource.path(namespace),
        f"creating {place}",
        place,
        query={"fieldManager": FIELD_MANAGER},
        body=json.dumps(content).encode(),
    )


def annotate(
    cluster: Cluster,
    api_version: str,
    kind: str,
    namespace: str | None,
    name: str,
    annotations: dict[str, str],
) -> None:
    """Set annotations of one object by a merge patch of just them; NotFound when it does not exist."""
    place = _place(kind, namespace, name)
    resource = discovery.get(cluster, api_version, kind, f"annotating {place}")
    request(
        cluster,
        "PATCH",
        resource.path(namespace, name),
        f"annotating {place}",
        place,
        query={"fieldManager": FIELD_MANAGER},
        body=json.dumps({"metadata": {"annotations": annotations}}).encode(),
        content_type="application/merge-patch+json",
    )


def delete(cluster: Cluster, objects: Sequence[ClusterObject], timeout: float = 300.0) -> None:
    """Delete one after another, each with its dependents, and wait until it is gone.

    NotReadyError when an object still exists after `timeout` seconds: a finalizer blocks it.
    """
    for item in objects:
        resource = discovery.find(cluster, item.api_version, item.kind)
        if resource is None:
            continue
        try:
            request_deletion(cluster, resource, item, "Foreground")
        except NotFound:
            continue
        _wait_until_gone(cluster, item, timeout)


def request_deletion(
    cluster: Cluster, resource: discovery.Resource, item: ClusterObject, propagation: str
) -> None:
    """Ask for an object's deletion, and do not wait; `propagation` says what becomes of its dependents."""
    path = resource.path(item.namespace, item.name)
    query = {"propagationPolicy": propagation}
    request(cluster, "DELETE", path, f"deleting {item}", str(item), query=query)


def _wait_until_gone(cluster: Cluster, item: ClusterObject, timeout: float) -> None:
    selector = f"metadata.name={item.name}"
    last: dict[str, Any] = {}
    for event, found in watch(
        cluster,
        item.api_version,
        item.kind,
        item.namespace or None,
        timeout,
        field_selector=selector,
        tick=30,
    ):
        if event == "DELETED" or (event == "TICK" and not last):
            return
        last = found or last
    finalizers = ", ".join((last.get("metadata") or {}).get("finalizers") or ()) or "none"
    raise NotReadyError(
        f"deleting {item}",
        f"it still exists after {timeout:.0f} s; its finalizers: {finalizers}",
        "check that the controller which removes them is running",
        str(item),
    )


def _list(
    cluster: Cluster,
    api_version: str,
    kind: str,
    namespace: str | None,
    label_selector: str | None = None,
    field_selector: str | None = None,
) -> tuple[list[dict[str, Any]], str]:
    """All pages, and the resourceVersion to watch from."""
    resource = discovery.find(cluster, api_version, kind)
    if resource is None:
        return [], ""
    query = {"limit": str(PAGE)}
    if label_selector:
        query["labelSelector"] = label_selector
    if field_selector:
        query["fieldSelector"] = field_selector
    found: list[dict[str, Any]] = []
    tried, size, deadline = f"listing {resource.plural}", 0, time.monotonic() + LIST_SECONDS
    while True:
        try:
            answer = request(cluster, "GET", resource.path(namespace), tried, query=query)
        except TooLarge:
            if (limit := int(query["limit"]) // 10) == 0:
                raise
            query["limit"] = str(limit)  # large objects: ask for fewer at once
            continue
        except NotFound:
            # Its CRD was deleted since the kind was looked up.
            cluster.kinds.pop(api_version, None)
            return [], ""
        except ApiError as error:
            if error.code == GONE and query.pop("continue", "") and time.monotonic() < deadline:
                found = []  # the list took longer than the server keeps its snapshot: start over
                continue
            raise
        page, size = answer.data, size + answer.size
        shape.check_list(page, kind, tried)
        if size > LARGEST_LIST or time.monotonic() > deadline:
            much = f"more than {LARGEST_LIST >> 20} MB"
            raise shape.untrusted(tried, f"the list has {much if size > LARGEST_LIST else 'no end'}")
        found += page["items"] or ()
        if not page["metadata"].get("continue"):
            break
        query["continue"] = page["metadata"]["continue"]
    for item in found:
        item.setdefault("apiVersion", api_version)
        item.setdefault("kind", kind)
    return found, page["metadata"]["resourceVersion"]


def _changes_since(
    known: dict[str, dict[str, Any]], found: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a new list shows: missing ones as DELETED, the others as ADDED or MODIFIED."""
    now = {item["metadata"]["uid"]: item for item in found}
    for uid in [uid for uid in known if uid not in now]:
        yield "DELETED", known.pop(uid)
    for uid, item in now.items():
        before = known.get(uid)
        known[uid] = item
        if before is None:
            yield "ADDED", item
        elif before["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
            yield "MODIFIED", item


def _remember(known: dict[str, dict[str, Any]], event: dict[str, Any]) -> None:
    uid = event["object"]["metadata"]["uid"]
    if event["type"] == "DELETED":
        known.pop(uid, None)
    else:
        known[uid] = event["object"]


def _place(kind: str, namespace: str | None, name: str) -> str:
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
