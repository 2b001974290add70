"""The data of claims, where their storage driver has VolumeSnapshots: the driver keeps it, not the backup.

The backup has what is needed to get it back: the driver's handle of each snapshot, and the claim. A snapshot
is reported as kept only once the driver has said that it is ready, and its content outlives its object
(Retain).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap import kube
from bootstrap.kube import discovery
from bootstrap.kube.objects import create
from bootstrap.kube.removal import merge_patch

GROUP = "snapshot.storage.k8s.io"
API = f"{GROUP}/v1"
SNAPSHOT, CONTENT, CLASS, CLAIM = (
    "VolumeSnapshot",
    "VolumeSnapshotContent",
    "VolumeSnapshotClass",
    "PersistentVolumeClaim",
)
KINDS = (SNAPSHOT, CONTENT, CLAIM)
DEFAULT = "snapshot.storage.kubernetes.io/is-default-class"
LABEL = "gitops-bootstrap.io/backup"
"""On a VolumeSnapshot of a backup: its time."""
MARK = "gitops-bootstrap.io/unfinished-backup"
"""On a VolumeSnapshot and its content until the backup's file is there (leftovers.py)."""
LONGEST = 200
"""Maximum characters of a claim's name in its snapshot's name, which has at most 253."""
TICK = 2.0
"""Seconds between checks of the clock while snapshots are made."""

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """A claim whose driver has a VolumeSnapshotClass; `live` is the object in the cluster."""

    namespace: str
    name: str
    driver: str
    snapshot_class: str
    live: Object

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Left:
    """A claim whose data is not kept, and why."""

    claim: str
    why: str

    def data(self) -> dict[str, str]:
        """As JSON data (docs/json.md)."""
        return {"claim": self.claim, "why": self.why}


def look(cluster: kube.Cluster) -> tuple[list[Claim], list[Left]]:
    """The claims whose data can be kept, and the others."""
    served = discovery.find(cluster, API, SNAPSHOT) is not None
    classes = kube.list_objects(cluster, API, CLASS) if served else []
    claims, left = list[Claim](), list[Left]()
    for live in kube.list_objects(cluster, "v1", CLAIM):
        metadata = live["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}"
        driver, why = _driver(cluster, live)
        chosen = _class_of(driver, classes)
        if not why and not served:
            why = f"the cluster serves no {SNAPSHOT} ({API})"
        elif not why and not chosen:
            why = f"driver {driver} has no {CLASS}"
        if why:
            left.append(Left(name, why))
        else:
            claims.append(Claim(metadata["namespace"], metadata["name"], driver, chosen, live))
    return claims, left


def take(
    cluster: kube.Cluster,
    claims: Sequence[Claim],
    labels: Mapping[str, str],
    marks: Mapping[str, str],
    seconds: float,
    report: Callable[[str], None],
) -> tuple[list[dict[str, Any]], list[Left]]:
    """Take a snapshot of each claim; returns the objects to restore, and what was not ready within `seconds`.

    All are requested before any is waited for, so that they are from nearly the same moment. What is made
    has the labels, and the annotations `marks`.
    """
    made = [(claim, _ask(cluster, claim, labels, marks)) for claim in claims]
    deadline = time.monotonic() + seconds
    objects, left = list[dict[str, Any]](), list[Left]()
    for claim, name in made:
        report(f"snapshot of {claim}")
        content, why = _ready(cluster, claim.namespace, name, max(1.0, deadline - time.monotonic()))
        if content is None:
            found = f"{SNAPSHOT} {name} was not ready after {seconds:.0f} s{why}"
            left.append(Left(str(claim), f"{found}; it is deleted"))
            continue
        # Otherwise, the snapshot that the backup names would be deleted together with its namespace.
        metadata = {"labels": labels, "annotations": marks}
        retain = {"metadata": metadata, "spec": {"deletionPolicy": "Retain"}}
        merge_patch(cluster, API, CONTENT, None, content["metadata"]["name"], retain)
        objects += _ways_back(claim, name, content)
    return objects, left


def restored(name: str) -> str:
    """What a snapshot of that name, or its content, is called once it is restored."""
    return f"restored-{name}"[:253]


def claims_in(names: Sequence[str]) -> list[str]:
    """The names of claims among the names of a backup's objects."""
    return [name for name in names if name.startswith(f"{CLAIM} ")]


def without(names: Sequence[str]) -> list[str]:
    """The names of a backup's objects that have nothing to do with volumes."""
    return [name for name in names if name.partition(" ")[0] not in KINDS]


def _driver(cluster: kube.Cluster, claim: Object) -> tuple[str, str]:
    """The CSI driver of a claim's volume, or why there is none."""
    phase = (claim.get("status") or {}).get("phase")
    volume = (claim.get("spec") or {}).get("volumeName")
    if phase != "Bound" or not volume:
        return "", f"it is {phase or 'Pending'}: it has no volume"
    found = kube.get(cluster, "v1", "PersistentVolume", None, volume) or {}
    driver = ((found.get("spec") or {}).get("csi") or {}).get("driver")
    return (str(driver), "") if driver else ("", f"its volume {volume} is not one of a CSI driver")


def _class_of(driver: str, classes: Sequence[Object]) -> str:
    """The driver's VolumeSnapshotClass, preferably the default one; "" for none."""
    ours = [one for one in classes if one.get("driver") == driver]
    ours.sort(key=lambda one: (not _is_default(one), one["metadata"]["name"]))
    return str(ours[0]["metadata"]["name"]) if ours else ""


def _is_default(item: Object) -> bool:
    return (item["metadata"].get("annotations") or {}).get(DEFAULT) == "true"


def _ask(cluster: kube.Cluster, claim: Claim, labels: Mapping[str, str], marks: Mapping[str, str]) -> str:
    unique = secrets.token_hex(2)  # one that is still being deleted may be of the same second
    name = f"{claim.name[:LONGEST].rstrip('.-')}-{labels[LABEL]}-{unique}"
    source = {"persistentVolumeClaimName": claim.name}
    metadata = {"name": name, "namespace": claim.namespace, "labels": labels, "annotations": marks}
    spec = {"volumeSnapshotClassName": claim.snapshot_class, "source": source}
    create(cluster, {"apiVersion": API, "kind": SNAPSHOT, "metadata": metadata, "spec": spec})
    return name


def _ready(
    cluster: kube.Cluster, namespace: str, name: str, seconds: float
) -> tuple[dict[str, Any] | None, str]:
    """The content of a snapshot that is ready and has a handle; else None, with what its driver says."""
    why, named = "", f"metadata.name={name}"
    changes = kube.watch(cluster, API, SNAPSHOT, namespace, seconds, field_selector=named, tick=TICK)
    for event, live in changes:
        if event == "TICK":
            continue
        if event == "DELETED":
            return None, ": it has been deleted"
        status = live.get("status") or {}
        message = (status.get("error") or {}).get("message")
        why = f": {message}" if message else ""
        if status.get("readyToUse") and (bound := status.get("boundVolumeSnapshotContentName")):
            content = kube.get(cluster, API, CONTENT, None, str(bound))
            if content and (content.get("status") or {}).get("snapshotHandle"):
                return content, ""
    return None, why


def _ways_back(claim: Claim, name: str, content: Object) -> Iterator[dict[str, Any]]:
    """The objects that recreate the claim from its snapshot, in the order in which they are created."""
    snapshot, content_name = restored(name), restored(content["metadata"]["name"])
    mode = (claim.live.get("spec") or {}).get("volumeMode") or "Filesystem"
    yield {
        "apiVersion": API,
        "kind": CONTENT,
        "metadata": {"name": content_name},
        "spec": {
            "deletionPolicy": "Retain",
            "driver": content["spec"]["driver"],
            "source": {"snapshotHandle": content["status"]["snapshotHandle"]},
            "sourceVolumeMode": mode,
            "volumeSnapshotRef": {"name": snapshot, "namespace": claim.namespace},
        },
    }
    yield {
        "apiVersion": API,
        "kind": SNAPSHOT,
        "metadata": {"name": snapshot, "namespace": claim.namespace},
        "spec": {"source": {"volumeSnapshotContentName": content_name}},
    }
    yield _claim(claim, snapshot)


def _claim(claim: Claim, snapshot: str) -> dict[str, Any]:
    spec, metadata = claim.live["spec"], claim.live["metadata"]
    # A driver refuses a volume that is smaller than its snapshot.
    size = ((claim.live.get("status") or {}).get("capacity") or {}).get("storage")
    asked = (spec.get("resources") or {}).get("requests") or {}
    requests = {**asked, "storage": size or asked.get("storage")}
    kept = {key: spec[key] for key in ("accessModes", "storageClassName", "volumeMode") if key in spec}
    source = {"apiGroup": GROUP, "kind": SNAPSHOT, "name": snapshot}
    labels = {"labels": metadata["labels"]} if metadata.get("labels") else {}
    return {
        "apiVersion": "v1",
        "kind": CLAIM,
        "metadata": {"name": claim.name, "namespace": claim.namespace, **labels},
        "spec": {**kept, "resources": {"requests": requests}, "dataSource": source},
    }
