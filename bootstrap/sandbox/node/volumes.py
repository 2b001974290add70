"""Volumes on a real node: each claim gets a folder of its own, which every user of the pod may write to.

`python -m bootstrap.sandbox.node.volumes KUBECONFIG CONTEXT`, one of the node's own programs. The simulated
nodes' volumes exist only in the API (kwok/volumes.yaml); these are real folders.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap import kube
from bootstrap.core.errors import BootstrapError
from bootstrap.core.invocation import Invocation
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.node import layout

FOLDER = layout.INSIDE / "volumes"
_ASKED = "volume.kubernetes.io/storage-provisioner"
_MADE = "pv.kubernetes.io/provisioned-by"
ROUND = 3600.0
RETRY = 3.0
"""Seconds before the API server is asked again after a failure."""

Object = Mapping[str, Any]


def main() -> None:
    """Run until the process is ended."""
    config, context = Path(sys.argv[1]), sys.argv[2]
    FOLDER.mkdir(exist_ok=True)
    cluster = kube.connect(Invocation(), context, config)
    threading.Thread(target=_follow, args=(cluster, "PersistentVolume", _reclaim), daemon=True).start()
    _follow(cluster, "PersistentVolumeClaim", _provide)


def _follow(cluster: kube.Cluster, kind: str, act: Any) -> None:
    while True:
        try:
            for event, found in kube.watch(cluster, "v1", kind, None, ROUND):
                if event != "DELETED":
                    act(cluster, found)
        except (BootstrapError, OSError) as error:
            print(error, flush=True)
            time.sleep(RETRY)


def _provide(cluster: kube.Cluster, claim: Object) -> None:
    metadata, spec = claim["metadata"], claim["spec"]
    asked = (metadata.get("annotations") or {}).get(_ASKED)
    if asked != layout.PROVISIONER or spec.get("volumeName") or metadata.get("deletionTimestamp"):
        return
    folder = FOLDER / metadata["uid"]
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)  # a volume of this kind is not given to the pod's group
    kube.apply(cluster, [volume(claim, folder)], force=True)
    print(f"{metadata['namespace']}/{metadata['name']} has {folder}", flush=True)


def volume(claim: Object, folder: Path) -> ClusterObject:
    """The volume that fits the claim, on this node."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [layout.NAME]}
    data = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_MADE: layout.PROVISIONER}},
        "spec": {
            "storageClassName": spec["storageClassName"],
            "persistentVolumeReclaimPolicy": "Delete",
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "hostPath": {"path": str(folder), "type": "Directory"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
    return ClusterObject("v1", "PersistentVolume", "", name, json.dumps(data).encode())


def _reclaim(cluster: kube.Cluster, found: Object) -> None:
    metadata, spec = found["metadata"], found["spec"]
    if (metadata.get("annotations") or {}).get(_MADE) != layout.PROVISIONER:
        return
    if found.get("status", {}).get("phase") not in ("Released", "Failed") or metadata.get(
        "deletionTimestamp"
    ):
        return
    if spec["persistentVolumeReclaimPolicy"] != "Delete":
        return
    shutil.rmtree(Path(spec["hostPath"]["path"]), ignore_errors=True)
    kube.delete(cluster, [ClusterObject("v1", "PersistentVolume", "", metadata["name"], b"")])


if __name__ == "__main__":
    main()
