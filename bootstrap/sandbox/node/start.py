"""Start a sandbox's real node, wait until it is Ready, and remove what a dead one has left."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bootstrap
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox import cluster_objects, process, ready
from bootstrap.sandbox import kubeconfig as kubeconfigs
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.files import private_folder, write_if_changed
from bootstrap.sandbox.node import cgroups, layout, own_images, preflight, registry, settings
from bootstrap.sandbox.process import Spec
from bootstrap.sandbox.state import Settings

if TYPE_CHECKING:
    from bootstrap import kube

IDENTITIES = ("kubelet", "kube-proxy", "kube-router", "volumes")


def prepare(sandbox: Sandbox, pki: Path) -> None:
    """Write what the control plane needs to reach the node, and the kubeconfigs of the node's programs."""
    folder = sandbox.folder
    for identity in IDENTITIES:
        path = folder / "kubeconfigs" / identity
        kubeconfigs.write(path, sandbox.context, sandbox.server, pki, identity)
    connection = {
        "proxyProtocol": "HTTPConnect",
        "transport": {"uds": {"udsName": str(layout.socket(folder))}},
    }
    selection = {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": connection}],
    }
    place = private_folder(layout.folder(folder) / "etc")
    write_if_changed(place / "egress.yaml", json.dumps(selection, indent=2) + "\n")


def look(sandbox: Sandbox, programs: Mapping[str, str]) -> preflight.Machine:
    """The machine, if it can run a node; SandboxError with all that is missing otherwise."""
    return preflight.check([str(sandbox.folder), *programs.values()])


def start(
    sandbox: Sandbox,
    chosen: Settings,
    cluster: kube.Cluster,
    environ: Mapping[str, str],
    deadline: float,
    report: Callable[[str], None],
) -> None:
    """Start the node unless it runs as wanted; returns when it is Ready and names are resolved in it.

    `deadline`: monotonic seconds. SandboxError: the machine lacks something, or the node did not come up.
    """
    from bootstrap import kube

    folder = sandbox.folder
    machine = look(sandbox, chosen.programs)
    for note in machine.notes:
        report(note)
    settings.write(folder, chosen, machine, environ)
    if process.running(folder, layout.PROCESS) is None:
        sweep(folder)
    cgroups.create(folder)
    report("starting the real node")
    process.start(folder, spec(folder, environ))
    port = chosen.ports[layout.PORT]
    ready.wait_for(folder, layout.PROCESS, lambda: ready.answers(port, "/v2/"), deadline, "its registry")
    for image in own_images.all_of(chosen):
        registry.push(port, image)
    kube.apply(cluster, [_server_endpoint(chosen), *_objects()], force=True)
    report("waiting for the real node to be Ready")

    def node_ready() -> bool:
        node = kube.get(cluster, "v1", "Node", None, layout.NAME)
        return node is not None and cluster_objects.is_ready(node)

    def names_resolved() -> bool:
        deployment = kube.get(cluster, "apps/v1", "Deployment", "kube-system", "coredns") or {}
        return bool(deployment.get("status", {}).get("availableReplicas"))

    ready.wait_for(folder, layout.PROCESS, node_ready, deadline, "the real node to be Ready")
    report("waiting for the cluster's name service")
    ready.wait_for(folder, layout.PROCESS, names_resolved, deadline, "the name service to be available")


def spec(folder: Path, environ: Mapping[str, str]) -> Spec:
    """The process that everything in the node ends with."""
    own = layout.folder(folder)
    argv = (sys.executable, "-m", "bootstrap.sandbox.node.launch", str(own))
    package = str(Path(bootstrap.__file__).parents[1])
    names = ("node.json", "containerd.toml", "kubelet.yaml", "kube-proxy.yaml", "registry.yaml")
    return Spec(
        layout.PROCESS,
        argv,
        {**environ, "PYTHONPATH": package, "PYTHONUNBUFFERED": "1"},
        tuple(own / "etc" / name for name in names),
    )


def sweep(folder: Path) -> None:
    """Remove what a node whose processes have ended leaves outside the sandbox's folder."""
    cgroups.remove(folder)
    layout.socket(folder).unlink(missing_ok=True)


def _server_endpoint(chosen: Settings) -> ClusterObject:
    """Where pods find the API server: at the node's address, which leads to the machine's loopback."""
    data: dict[str, Any] = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [layout.ADDRESS], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": chosen.ports["kube-apiserver"], "protocol": "TCP"}],
    }
    text = json.dumps(data).encode()
    return ClusterObject("discovery.k8s.io/v1", "EndpointSlice", "default", "kubernetes", text)


def _objects() -> list[ClusterObject]:
    text = (files("bootstrap.sandbox.node") / "objects.yaml").read_bytes()
    return split.split(text, "objects.yaml")
