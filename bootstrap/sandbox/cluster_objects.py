"""What every sandbox's cluster contains from the start: nodes, the default StorageClass, metrics.k8s.io."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.node import layout
from bootstrap.sandbox.state import Settings

ZONES = ("local-a", "local-b", "local-c")
PROVISIONER = "sandbox.gitops-bootstrap.io/simulated"


def nodes(real: bool = False) -> list[ClusterObject]:
    """Three nodes in three zones; KWOK reports their capacity (kwok/nodes.yaml).

    Next to a real node there is only one, for the pods whose work the machine's own processes do.
    """
    if real:
        return [_object(_node(1, ZONES[0], aside=True))]
    return [_object(_node(number, zone)) for number, zone in enumerate(ZONES, 1)]


def storage_class(real: bool = False) -> ClusterObject:
    """`standard`, the default: a claim is bound as soon as it is created.

    Its volumes exist only in the API (kwok/volumes.yaml), or on the real node (node/volumes.py).
    """
    return _object(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "standard",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": layout.PROVISIONER if real else PROVISIONER,
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
            "allowVolumeExpansion": True,
        }
    )


def metrics_api(folder: Path, settings: Settings) -> list[ClusterObject]:
    """metrics.k8s.io served by the host's metrics-server, its certificate verified by the sandbox's CA."""
    port = settings.ports["metrics-server"]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "metrics-server", "namespace": "kube-system"},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "caBundle": base64.b64encode((folder / "pki" / "ca.crt").read_bytes()).decode(),
            "service": {"namespace": "kube-system", "name": "metrics-server", "port": port},
        },
    }
    return [_object(service), _object(api)]


def _node(number: int, zone: str, aside: bool = False) -> Mapping[str, Any]:
    name = f"node-{number}"
    taint = {"key": layout.SIMULATED, "effect": "NoSchedule"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": "simulated",
                "topology.kubernetes.io/region": "local",
                "topology.kubernetes.io/zone": zone,
                **({layout.SIMULATED: "true"} if aside else {}),
            },
            "annotations": {
                "metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{name}/metrics/resource"
            },
        },
        "spec": {"providerID": f"kwok://{name}", **({"taints": [taint]} if aside else {})},
    }


def _object(data: Mapping[str, Any]) -> ClusterObject:
    metadata = data["metadata"]
    text = json.dumps(data).encode()
    return ClusterObject(
        data["apiVersion"], data["kind"], metadata.get("namespace", ""), metadata["name"], text
    )


def is_ready(node: Mapping[str, Any]) -> bool:
    """Whether the node's kubelet reports it Ready."""
    conditions = node.get("status", {}).get("conditions") or ()
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
