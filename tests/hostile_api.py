"""A server that answers as a Kubernetes API until a test makes it hostile; real HTTP, no TLS."""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests import kubeconfigs

TOKEN = "hostile-api-token-0123456789"
Handler = BaseHTTPRequestHandler
Trick = Callable[[Handler, Any], bool]
"""Answers a request in place of the server, given what it would say; False: it did not."""

_TIME = "2026-01-02T03:04:05Z"


def _object(api_version: str, kind: str, name: str, namespace: str | None = None, **body: Any) -> Any:
    metadata = {"name": name, "uid": f"{kind}-{name}", "resourceVersion": "7", "generation": 2}
    metadata |= {"creationTimestamp": _TIME, "managedFields": [{"manager": "someone"}]}
    metadata |= {"labels": {"app": name}, "annotations": {"note": "text"}, "finalizers": ["example.com/f"]}
    if namespace:
        metadata["namespace"] = namespace
    metadata |= body.pop("metadata", {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def _condition(type: str, status: str) -> dict[str, str]:
    return {"type": type, "status": status, "message": f"{type} is {status}", "lastTransitionTime": _TIME}


def _workload(kind: str, name: str, namespace: str = "argocd", **spec: Any) -> Any:
    labels = {"app.kubernetes.io/part-of": "argocd", "app.kubernetes.io/component": name[7:]}
    image = "quay.io/argoproj/argocd:v3.4.5"
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": name, "image": image}]},
    }
    return _object(
        "apps/v1",
        kind,
        name,
        namespace,
        metadata={"labels": labels, "ownerReferences": [{"kind": "Some", "name": "owner"}]},
        spec={"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template, **spec},
        status={
            "replicas": 2,
            "observedGeneration": 2,
            "readyReplicas": 1,
            "availableReplicas": 1,
            "updatedReplicas": 2,
            "conditions": [_condition("Available", "False")],
        },
    )


def _application(name: str, parent: str = "") -> Any:
    source = {"repoURL": "https://git.example.com/x/y.git", "path": "apps", "targetRevision": "main"}
    tracking = {"argocd.argoproj.io/tracking-id": f"{parent}:argoproj.io/Application:argocd/{name}"}
    child = {"group": "argoproj.io", "version": "v1alpha1", "kind": "Application", "namespace": "argocd"}
    web = {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "web"}
    job = {"group": "batch", "version": "v1", "kind": "Job", "namespace": "shop", "name": "job"}
    pod = {"version": "v1", "kind": "Pod", "namespace": "shop", "name": "web-1"}
    claim = {"version": "v1", "kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data"}
    service = {"version": "v1", "kind": "Service", "namespace": "shop", "name": "web"}
    health = {"status": "Degraded", "message": "no", "lastTransitionTime": _TIME}
    resources = [{**one, "status": "OutOfSync", "health": health} for one in (web, job, claim, service, pod)]
    return _object(
        "argoproj.io/v1alpha1",
        "Application",
        name,
        "argocd",
        metadata={"annotations": tracking if parent else {}},
        spec={
            "project": "default",
            "source": source,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"automated": {"prune": True}},
        },
        status={
            "reconciledAt": _TIME,
            "sync": {"status": "OutOfSync" if parent else "Synced", "revision": "a" * 40},
            "health": health,
            "summary": {"images": ["web:1"]},
            "conditions": [{"type": "OrphanedResourceWarning", "status": "True", "message": "x"}],
            "operationState": {"phase": "Failed", "message": "m", "startedAt": _TIME, "finishedAt": _TIME},
            "resources": resources
            if parent
            else [{**child, "name": "child", "status": "Synced", "syncWave": 2}],
        },
    )


def _container_status() -> Any:
    return {
        "name": "web",
        "restartCount": 3,
        "ready": False,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    }


def _web() -> Any:
    web = _workload("Deployment", "web", "shop")
    web["metadata"]["labels"] = {"app": "web"}
    web["spec"]["template"]["spec"]["containers"] = [{"name": "web", "image": "nginx:1"}]
    return web


def world() -> dict[tuple[str, str], list[Any]]:
    """(group/version, plural) → its objects, each with something for a command to say."""
    secret = "argocd.argoproj.io/secret-type"
    address = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
    crd = "gateways.gateway.networking.k8s.io"
    return {
        ("argoproj.io/v1alpha1", "applications"): [_application("root"), _application("child", "root")],
        ("apps/v1", "deployments"): [
            _workload("Deployment", "argocd-server"),
            _workload("Deployment", "argocd-repo-server"),
            _web(),
        ],
        ("apps/v1", "statefulsets"): [
            _workload(
                "StatefulSet", "argocd-application-controller", updateStrategy={"type": "RollingUpdate"}
            )
        ],
        ("apps/v1", "daemonsets"): [],
        ("apps/v1", "replicasets"): [],
        ("batch/v1", "jobs"): [
            _object("batch/v1", "Job", "job", "shop", status={"conditions": [_condition("Failed", "True")]})
        ],
        ("v1", "pods"): [
            _object(
                "v1",
                "Pod",
                "web-1",
                "shop",
                spec={"containers": [{"name": "web", "image": "nginx:1"}]},
                status={
                    "phase": "Pending",
                    "containerStatuses": [_container_status()],
                    "conditions": [_condition("PodScheduled", "False")],
                },
            )
        ],
        ("v1", "events"): [
            _object("v1", "Event", "e", "shop", reason="Failed", message="no", lastTimestamp=_TIME)
        ],
        ("v1", "services"): [
            _object(
                "v1",
                "Service",
                "web",
                "shop",
                spec={"type": "LoadBalancer", "selector": {"app": "web"}},
                status=address,
            )
        ],
        ("v1", "persistentvolumeclaims"): [
            _object("v1", "PersistentVolumeClaim", "data", "shop", status={"phase": "Pending"})
        ],
        ("v1", "secrets"): [
            _object(
                "v1",
                "Secret",
                "repo-x",
                "argocd",
                metadata={"labels": {secret: "repository"}},
                data={"url": "aHR0cHM6Ly9naXQuZXhhbXBsZS5jb20veC95LmdpdA==", "password": "cGFzc3dvcmQ="},
            ),
            _object("v1", "Secret", "argocd-secret", "argocd", data={"webhook.gitea.secret": "eA=="}),
            _object("v1", "Secret", "argocd-server-tls", "argocd", data={"tls.crt": "eA=="}),
        ],
        ("v1", "configmaps"): [
            _object("v1", "ConfigMap", "argocd-cm", "argocd", data={"url": "https://argocd.example.com"}),
            _object("v1", "ConfigMap", "argocd-tls-certs-cm", "argocd", data={"git.example.com": "x"}),
        ],
        ("v1", "nodes"): [
            _object(
                "v1",
                "Node",
                "one",
                spec={"providerID": "kwok://one"},
                status={"conditions": [_condition("Ready", "True")]},
            )
        ],
        ("v1", "namespaces"): [_object("v1", "Namespace", name) for name in ("argocd", "shop")],
        ("storage.k8s.io/v1", "storageclasses"): [
            _object("storage.k8s.io/v1", "StorageClass", "standard", provisioner="rancher.io/local-path")
        ],
        ("networking.k8s.io/v1", "ingressclasses"): [
            _object(
                "networking.k8s.io/v1",
                "IngressClass",
                "nginx",
                spec={"controller": "traefik.io/ingress-controller"},
            )
        ],
        ("networking.k8s.io/v1", "ingresses"): [
            _object("networking.k8s.io/v1", "Ingress", "web", "shop", spec={}, status=address)
        ],
        ("discovery.k8s.io/v1", "endpointslices"): [
            _object(
                "discovery.k8s.io/v1",
                "EndpointSlice",
                "web-a",
                "shop",
                endpoints=[{"conditions": {"ready": False}, "targetRef": {"name": "web-1"}}],
            )
        ],
        ("cert-manager.io/v1", "certificates"): [
            _object(
                "cert-manager.io/v1",
                "Certificate",
                "web",
                "shop",
                status={"notAfter": _TIME, "conditions": [_condition("Ready", "False")]},
            )
        ],
        ("apiextensions.k8s.io/v1", "customresourcedefinitions"): [
            _object(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                crd,
                spec={
                    "group": "gateway.networking.k8s.io",
                    "names": {"kind": "Gateway", "plural": "gateways"},
                },
                status={"conditions": [_condition("Established", "True")]},
            )
        ],
        ("apiregistration.k8s.io/v1", "apiservices"): [],
    }


_KIND = {"ingresses": "Ingress", "ingressclasses": "IngressClass", "storageclasses": "StorageClass"}
_CLUSTER_WIDE = {"nodes", "namespaces", "storageclasses", "ingressclasses"} | {
    "customresourcedefinitions",
    "apiservices",
}


@dataclass
class HostileApi:
    """`objects` as in `world`. `tricks`: the first whose pattern is in a path answers its requests.

    `change`: a function that changes each answer before it is sent. `asked`: (method, path, Authorization).
    """

    url: str
    objects: dict[tuple[str, str], list[Any]]
    tricks: dict[str, Trick] = field(default_factory=dict)
    change: Callable[[str, Any], Any] = lambda path, data: data
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def kubeconfig(self, folder: Path) -> Path:
        return kubeconfigs.write(folder / "kubeconfig", self.url, {"token": TOKEN})

    def says(self, path: str) -> tuple[int, Any]:
        """The honest answer."""
        if path == "/version":
            return 200, {"gitVersion": "v1.34.1", "major": "1", "minor": "34"}
        if path.endswith("/proxy/metrics"):
            return 200, b'workqueue_depth{name="app_operation_processing_queue"} 3\n'
        if path.endswith("selfsubjectaccessreviews"):
            return 201, {"kind": "SelfSubjectAccessReview", "status": {"allowed": True}}
        if path == "/apis":
            groups = {key[0] for key in self.objects if "/" in key[0]}
            return 200, {"groups": [{"versions": [{"groupVersion": one}]} for one in sorted(groups)]}
        parts = re.fullmatch(
            r"/(?:api/(v1)|apis/([^/]+/[^/]+))(?:/namespaces/([^/]+)(?=/))?(?:/([a-z]+)(?:/([^/]+))?)?", path
        )
        if parts is None:
            return 404, _status(404)
        version, namespace, plural, name = parts[1] or parts[2], parts[3], parts[4], parts[5]
        known = {key[1]: found for key, found in self.objects.items() if key[0] == version}
        if plural is None:
            kinds = [
                {"name": one, "kind": _kind(one), "namespaced": one not in _CLUSTER_WIDE} for one in known
            ]
            return (200, {"resources": kinds}) if kinds else (404, _status(404))
        found = [
            one
            for one in known.get(plural, [])
            if namespace is None or one["metadata"].get("namespace") == namespace
        ]
        if name is None:
            return 200, {"kind": f"{_kind(plural)}List", "metadata": {"resourceVersion": "9"}, "items": found}
        one = next((one for one in found if one["metadata"]["name"] == name), None)
        return (200, one) if one else (404, _status(404))

    def applies(self, path: str, given: bytes) -> tuple[int, Any]:
        """The object that a server-side apply asks for, as if it had been applied."""
        data = yaml.safe_load(given)
        before = self.says(path)[1].get("metadata") or {}
        if found := re.search(r"/namespaces/([^/]+)/", path):
            before = {"namespace": found[1], **before}
        return 200, {**data, "metadata": {"uid": "new", "resourceVersion": "8", **before, **data["metadata"]}}


def _kind(plural: str) -> str:
    if plural in _KIND:
        return _KIND[plural]
    words = (
        "application deployment statefulSet daemonSet replicaSet job pod event service secret configMap node"
    )
    words += " namespace persistentVolumeClaim endpointSlice certificate customResourceDefinition aPIService"
    return next(one[0].upper() + one[1:] for one in words.split() if f"{one.lower()}s" == plural)


def _status(code: int) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "code": code, "message": "not found", "reason": "NotFound"}


@contextmanager
def running() -> Iterator[HostileApi]:
    """On a free port of 127.0.0.1."""

    class Answering(BaseHTTPRequestHandler):
        timeout = 10  # a client that was made to hang up does not always close, and the server's end waits

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            given = self.rfile.read(length)
            path, _, query = self.path.partition("?")
            api.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            code, data = api.says(path) if self.command != "PATCH" else api.applies(path, given)
            data = api.change(path, copy.deepcopy(data))
            for pattern, trick in list(api.tricks.items()):
                if pattern in path and trick(self, data):
                    self.close_connection = True
                    return
            if "watch=true" in query:  # a watch without events, which ends at once
                data = b""
            body = data if isinstance(data, bytes) else json.dumps(data).encode("utf-8", "surrogatepass")
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False  # so that closing the server waits for them

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # the client has hung up, which is what tests are about

    server = Server(("127.0.0.1", 0), Answering)
    api = HostileApi(f"http://127.0.0.1:{server.server_address[1]}", world())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
