"""`bootstrap backup --volumes`: claims by the snapshots of their storage driver, on a real API server.

The driver is played here, and honest: a snapshot is ready once its copy of the data is made, a claim gets
the data of the handle that it names, and what it does not know it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.backup.volumes import API
from bootstrap.core.errors import NotFound
from bootstrap.kube.connection import request
from bootstrap.kube.objects import create
from bootstrap.kube.removal import merge_patch
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from tests.conftest import Run
from tests.sandbox import kubernetes
from tests.sandbox.backup.kept import backup, filled, key, restore
from tests.sandbox.world import World, empty

__all__ = ["key"]

DRIVER = "csi.example.com"
CRDS = Path(__file__).parent / "snapshot-crds.yaml"
PROTECTION = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"
GROUP = "/apis/snapshot.storage.k8s.io/v1"


class Driver:
    """`disks`: volume → its bytes; `kept`: handle → the bytes at that moment. `refuses`: its own error."""

    def __init__(self, world: World, refuses: str = "") -> None:
        self.cluster, self.refuses = world.cluster, refuses
        self.disks: dict[str, bytes] = {}
        self.kept: dict[str, bytes] = {}

    def volume(self, claim: dict[str, Any], data: bytes) -> None:
        """A volume with that data, bound to the claim."""
        metadata, spec = claim["metadata"], claim["spec"]
        name = f"pv-{metadata['uid']}"
        self.disks[name] = data
        reference = {
            "kind": "PersistentVolumeClaim",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
        }
        create(
            self.cluster,
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": {
                    "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                    "accessModes": spec["accessModes"],
                    "storageClassName": spec["storageClassName"],
                    "claimRef": {**reference, "uid": metadata["uid"]},
                    "csi": {"driver": DRIVER, "volumeHandle": name},
                    "persistentVolumeReclaimPolicy": "Retain",
                },
            },
        )

    def look(self) -> None:
        for one in kube.list_objects(self.cluster, API, "VolumeSnapshotContent"):
            self.forgotten(one)
        for one in kube.list_objects(self.cluster, API, "VolumeSnapshot"):
            if not (one.get("status") or {}).get("readyToUse"):
                self.snapshot(one)
        for one in kube.list_objects(self.cluster, "v1", "PersistentVolumeClaim"):
            source = (one["spec"].get("dataSource") or {}).get("name")
            if source and not kube.get(
                self.cluster, "v1", "PersistentVolume", None, f"pv-{one['metadata']['uid']}"
            ):
                self.restored(one, source)

    def forgotten(self, content: dict[str, Any]) -> None:
        """What becomes of a content that is deleted, or whose snapshot is: its policy says it."""
        metadata, reference = content["metadata"], content["spec"]["volumeSnapshotRef"]
        deletes = content["spec"]["deletionPolicy"] == "Delete"
        if "deletionTimestamp" in metadata:
            if deletes:
                self.kept.pop(content["status"]["snapshotHandle"])
            done = {"metadata": {"finalizers": None}}
            merge_patch(self.cluster, API, content["kind"], None, metadata["name"], done)
        elif deletes and not kube.get(
            self.cluster, API, "VolumeSnapshot", reference["namespace"], reference["name"]
        ):
            path = f"{GROUP}/volumesnapshotcontents/{metadata['name']}"
            request(self.cluster, "DELETE", path, "as the driver")

    def snapshot(self, item: dict[str, Any]) -> None:
        metadata, source = item["metadata"], item["spec"]["source"]
        if self.refuses:
            self.status(
                "volumesnapshots", metadata, {"error": {"message": self.refuses}, "readyToUse": False}
            )
            return
        if content := source.get("volumeSnapshotContentName"):
            found = kube.get(self.cluster, API, "VolumeSnapshotContent", None, content)
            if found is None or found["spec"]["source"]["snapshotHandle"] not in self.kept:
                return
        else:
            content = f"snapcontent-{metadata['uid']}"
            self.content(item, content)
        bound = {"boundVolumeSnapshotContentName": content, "readyToUse": True}
        self.status("volumesnapshots", metadata, bound)

    def content(self, item: dict[str, Any], name: str) -> None:
        metadata = item["metadata"]
        claim = kube.get(
            self.cluster,
            "v1",
            "PersistentVolumeClaim",
            metadata["namespace"],
            item["spec"]["source"]["persistentVolumeClaimName"],
        )
        assert claim is not None
        volume = claim["spec"]["volumeName"]
        create(
            self.cluster,
            {
                "apiVersion": API,
                "kind": "VolumeSnapshotContent",
                "metadata": {"name": name, "finalizers": [PROTECTION]},
                "spec": {
                    "deletionPolicy": "Delete",
                    "driver": DRIVER,
                    "source": {"volumeHandle": volume},
                    "volumeSnapshotRef": {key: metadata[key] for key in ("name", "namespace", "uid")},
                },
            },
        )
        handle = f"snap-{metadata['uid']}"
        self.kept[handle] = self.disks[volume]
        self.status("volumesnapshotcontents", {"name": name}, {"snapshotHandle": handle, "readyToUse": True})

    def restored(self, claim: dict[str, Any], source: str) -> None:
        found = kube.get(self.cluster, API, "VolumeSnapshot", claim["metadata"]["namespace"], source)
        bound = ((found or {}).get("status") or {}).get("boundVolumeSnapshotContentName")
        content = kube.get(self.cluster, API, "VolumeSnapshotContent", None, bound) if bound else None
        if content is not None:
            self.volume(claim, self.kept[content["spec"]["source"]["snapshotHandle"]])

    def status(self, plural: str, metadata: dict[str, Any], status: dict[str, Any]) -> None:
        place = f"namespaces/{metadata['namespace']}/" if metadata.get("namespace") else ""
        with suppress(NotFound):  # deleted meanwhile
            request(
                self.cluster,
                "PATCH",
                f"{GROUP}/{place}{plural}/{metadata['name']}/status",
                "as the driver",
                body=json.dumps({"status": status}).encode(),
                content_type="application/merge-patch+json",
            )

    def running(self) -> AbstractContextManager[None]:
        return kubernetes.meanwhile(self.look)


def claim(world: World, name: str) -> dict[str, Any]:
    create(
        world.cluster,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "shop", "labels": {"app": "db"}},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "csi",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        },
    )
    found = kube.get(world.cluster, "v1", "PersistentVolumeClaim", "shop", name)
    assert found is not None
    return found


def bound(world: World, name: str) -> bytes | str:
    """The name of the volume that a claim is bound to, once it is."""
    for _, live in kube.watch(
        world.cluster, "v1", "PersistentVolumeClaim", "shop", 120, field_selector=f"metadata.name={name}"
    ):
        if (live.get("status") or {}).get("phase") == "Bound":
            return str(live["spec"]["volumeName"])
    raise AssertionError(f"{name} is not bound")


def forget(world: World) -> None:
    """What emptying the cluster leaves: claims, their volumes and snapshots."""
    kinds = (
        (API, "VolumeSnapshot"),
        (API, "VolumeSnapshotContent"),
        (API, "VolumeSnapshotClass"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "PersistentVolume"),
    )
    for api, kind in kinds:
        for item in kube.list_objects(world.cluster, api, kind):
            metadata = item["metadata"]
            namespace = metadata.get("namespace", "")
            merge_patch(
                world.cluster,
                api,
                kind,
                namespace or None,
                metadata["name"],
                {"metadata": {"finalizers": None}},
            )
            kube.delete(world.cluster, [ClusterObject(api, kind, namespace, metadata["name"], b"")])


def served(world: World, on: bool) -> None:
    """The snapshots' CRDs, which whoever installs the driver brings."""
    admin = kubernetes.admin(world.sandbox)
    crds = split.split(CRDS.read_bytes(), str(CRDS))
    if on:
        kube.apply(admin, crds)
    else:
        kube.delete(admin, crds)
    world.cluster.kinds.clear()


@pytest.fixture
def shop(lived: World) -> Iterator[World]:
    """`init`, the snapshots' CRDs with the driver's class, and a namespace for claims."""
    served(lived, True)
    filled(lived)
    kube.ensure_namespace(lived.cluster, "shop")
    cls = {"apiVersion": API, "kind": "VolumeSnapshotClass", "metadata": {"name": "fast"}}
    create(lived.cluster, {**cls, "driver": DRIVER, "deletionPolicy": "Delete"})
    yield lived
    forget(lived)
    served(lived, False)


def test_a_claims_data_comes_back_from_its_drivers_snapshot(shop: World, run: Run, key: Path) -> None:
    driver = Driver(shop)
    with driver.running():
        driver.volume(claim(shop, "data-db-0"), b"votes")
        disk = bound(shop, "data-db-0")
        done = backup(shop, run, key, "--volumes")
        assert done.exit == 0, done.err
        told = json.loads(done.out)
        assert told["volumes"] == [{"claim": "shop/data-db-0", "driver": DRIVER}]
        assert told["notKept"] == []
        driver.disks[str(disk)] = b"changed since"
        (content,) = kube.list_objects(shop.cluster, API, "VolumeSnapshotContent")
        assert content["spec"]["deletionPolicy"] == "Retain"
        forget(shop)
    served(shop, False)
    empty(shop.cluster)
    refused = restore(shop, run, told["file"], key)
    assert (refused.exit, "--without-volumes" in refused.err) == (3, True), refused.err
    assert kube.get(shop.cluster, "v1", "Namespace", None, "shop") is None
    served(shop, True)
    with driver.running():
        back = restore(shop, run, told["file"], key)
        assert back.exit == 0, back.err
        assert "the claims' data is there once their driver has made the volumes" in back.err
        assert driver.disks[str(bound(shop, "data-db-0"))] == b"votes"
    again = restore(shop, run, told["file"], key)
    assert (again.exit, "nothing to do" in again.out) == (0, True), again.err


def test_what_a_driver_does_not_do_is_not_told_to_be_kept(shop: World, run: Run, key: Path) -> None:
    driver = Driver(shop, refuses="quota of snapshots is used up")
    with driver.running():
        driver.volume(claim(shop, "data-db-0"), b"votes")
        bound(shop, "data-db-0")
        claim(shop, "waiting")
        for seconds in (3, 12, 48):  # longer, until the driver has had the time to say it
            done = backup(shop, run, key, "--volumes", "--timeout", str(seconds))
            if driver.refuses in done.out:
                break
    assert done.exit == 1, done.err
    told = json.loads(done.out)
    assert told["volumes"] == []
    why = {one["claim"]: one["why"] for one in told["notKept"]}
    assert "quota of snapshots is used up" in why["shop/data-db-0"]
    assert why["shop/waiting"] == "it is Pending: it has no volume"
    assert "not kept: the data of claim shop/data-db-0" in done.err
    assert not [name for name in told["objects"] if name.startswith(("Volume", "Persistent"))]


def test_without_a_class_or_the_option_no_driver_is_asked(shop: World, run: Run, key: Path) -> None:
    driver = Driver(shop)
    driver.volume(claim(shop, "data-db-0"), b"votes")
    bound(shop, "data-db-0")
    plain = json.loads(backup(shop, run, key).out)
    assert "volumes" not in plain
    kube.delete(shop.cluster, [ClusterObject(API, "VolumeSnapshotClass", "", "fast", b"")])
    looked = backup(shop, run, key, "--volumes", "--dry-run")
    assert looked.exit == 1
    assert json.loads(looked.out)["notKept"] == [
        {"claim": "shop/data-db-0", "why": f"driver {DRIVER} has no VolumeSnapshotClass"}
    ]
    assert kube.list_objects(shop.cluster, API, "VolumeSnapshot") == []
