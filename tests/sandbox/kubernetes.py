"""Objects and connections for tests against the light API server."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap import kube
from bootstrap.core.invocation import Invocation
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.addresses import Sandbox
from tests import kubeconfigs
from tests.sandbox.conftest import private_invocation


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


@contextmanager
def temporary_namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace, deleted (without waiting for it) afterwards."""
    name = f"test-{secrets.token_hex(4)}"
    kube.ensure_namespace(cluster, name)
    try:
        yield name
    finally:
        request(cluster, "DELETE", f"/api/v1/namespaces/{name}", "cleaning up")


def apply_as(cluster: Cluster, item: ClusterObject, namespace: str, manager: str) -> None:
    """Server-side apply by somebody else."""
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
