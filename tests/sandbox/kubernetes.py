"""Objects and connections for tests against the light API server."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bootstrap import kube
from bootstrap.core.errors import NotFound
from bootstrap.core.invocation import Invocation
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.addresses import Sandbox
from tests import kubeconfigs
from tests.sandbox.conftest import private_invocation

SOON = 60.0
"""Seconds for what takes a second or two on a machine with nothing else to do."""


def admin(sandbox: Sandbox) -> Cluster:
    return kube.connect(private_invocation(sandbox.folder), sandbox.context, sandbox.kubeconfig)


def made(content: dict[str, Any]) -> ClusterObject:
    """An object from its content, as `manifests.split` makes it."""
    (found,) = split.split(json.dumps(content).encode(), "test")
    return found


def config_map(name: str = "a", **data: str) -> ClusterObject:
    return made({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def crd(group: str, kind: str, scope: str = "Namespaced") -> ClusterObject:
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    return made(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": scope, "names": names, "versions": [version]},
        }
    )


def delete(cluster: Cluster, path: str) -> None:
    """Clean up: what a controller has deleted since it was listed is as good."""
    with suppress(NotFound):
        request(cluster, "DELETE", path, "cleaning up")


@contextmanager
def temporary_namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace, deleted (without waiting for it) afterwards."""
    name = f"test-{secrets.token_hex(4)}"
    kube.ensure_namespace(cluster, name)
    try:
        yield name
    finally:
        delete(cluster, f"/api/v1/namespaces/{name}")


def apply_as(cluster: Cluster, item: ClusterObject, namespace: str, manager: str) -> None:
    """Server-side apply by someone else."""
    from bootstrap.kube.crds import wait_until_served
    from bootstrap.kube.send import APPLY, place

    wait_until_served(cluster, item)
    placed = place(cluster, item, namespace)
    assert placed is not None
    query = {"fieldManager": manager, "force": "true"}
    request(cluster, "PATCH", placed.path, "applying", query=query, body=item.text, content_type=APPLY)


def powerless(cluster: Cluster, sandbox: Sandbox, namespace: str, folder: Path) -> Cluster:
    """A connection as a ServiceAccount that may nothing."""
    kube.apply(
        cluster,
        [made({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}})],
        namespace=namespace,
    )
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/nobody/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = request(cluster, "POST", path, "making a token", body=json.dumps(body).encode()).data["status"][
        "token"
    ]
    return with_token(sandbox, token, folder)


def with_token(sandbox: Sandbox, token: str, folder: Path) -> Cluster:
    path = kubeconfigs.write(folder / "token-kubeconfig", sandbox.server, {"token": token}, **_ca(sandbox))
    return kube.connect(Invocation(environ={}), None, path)


def _ca(sandbox: Sandbox) -> dict[str, str]:
    from bootstrap.kube.config import load

    configuration = load(
        private_invocation(sandbox.folder), sandbox.context, sandbox.kubeconfig
    ).configuration
    return {"certificate-authority": str(configuration.ssl_ca_cert)}


# -- workloads, and their pods as a kubelet would leave them ---------------------------------


def workload(kind: str, namespace: str, name: str, image: str = "registry.example/web:1") -> dict[str, Any]:
    """A Deployment or StatefulSet of one pod, labelled `app: NAME`."""
    container = {"name": "web", "image": image}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    service = {"serviceName": name} if kind == "StatefulSet" else {}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, **service}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def pod_of(cluster: Cluster, namespace: str, name: str, image: str = "registry.example/web:1") -> str:
    """The name of the pod that the controllers make of an image, once they have."""
    deadline = time.monotonic() + SOON
    while True:
        for pod in kube.list_objects(cluster, "v1", "Pod", namespace, f"app={name}"):
            if pod["spec"]["containers"][0]["image"] == image:
                return str(pod["metadata"]["name"])
        assert time.monotonic() < deadline, "no pod was made"
        time.sleep(0.05)


def pod_status(cluster: Cluster, namespace: str, pod: str, status: dict[str, Any]) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/status"
    body = json.dumps({"status": status}).encode()
    request(cluster, "PATCH", path, "as kubelet", body=body, content_type="application/merge-patch+json")


CONTAINER = {"name": "web", "image": "x", "imageID": "", "restartCount": 0}


def serve(cluster: Cluster, namespace: str, pod: str) -> None:
    """As a kubelet whose pod is ready."""
    since = "2026-11-24T21:50:03Z"
    running = {**CONTAINER, "ready": True, "state": {"running": {"startedAt": since}}}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    status = {"phase": "Running", "containerStatuses": [running], "conditions": [ready]}
    pod_status(cluster, namespace, pod, status)


def fail(cluster: Cluster, namespace: str, pod: str) -> None:
    """As a kubelet that cannot pull the image."""
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    container = {**CONTAINER, "ready": False, "state": {"waiting": waiting}}
    pod_status(cluster, namespace, pod, {"phase": "Pending", "containerStatuses": [container]})
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{pod}.1", "namespace": namespace},
        "involvedObject": {"kind": "Pod", "name": pod, "namespace": namespace},
        "type": "Warning",
        "reason": "Failed",
        "message": "cannot pull it",
        "lastTimestamp": "2026-11-24T21:50:03Z",
    }
    body = json.dumps(event).encode()
    request(cluster, "POST", f"/api/v1/namespaces/{namespace}/events", "as kubelet", body=body)


def stuck_rollout(cluster: Cluster, namespace: str, name: str = "web") -> None:
    """A Deployment whose old pod serves, and whose new one never gets its image."""
    kube.apply(cluster, [made(workload("Deployment", namespace, name))])
    serve(cluster, namespace, pod_of(cluster, namespace, name))
    until_status(cluster, namespace, name, availableReplicas=1)
    broken = "registry.example/web:2"
    kube.apply(cluster, [made(workload("Deployment", namespace, name, broken))])
    fail(cluster, namespace, pod_of(cluster, namespace, name, broken))
    until_status(cluster, namespace, name, updatedReplicas=1, availableReplicas=1, unavailableReplicas=1)


def until_status(cluster: Cluster, namespace: str, name: str, **counts: int) -> None:
    """Wait until the Deployment's controller has counted so many."""
    deadline = time.monotonic() + SOON
    while True:
        found = kube.get(cluster, "apps/v1", "Deployment", namespace, name) or {}
        status = found.get("status") or {}
        if all(status.get(key) == value for key, value in counts.items()):
            return
        assert time.monotonic() < deadline, status
        time.sleep(0.05)


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Do, again and again, what a controller would; what it raises is raised at the end."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(0.2):
            act()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(run)
        try:
            yield
        finally:
            ended.set()
            done.result()
