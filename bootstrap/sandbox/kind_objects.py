"""Pure: what a kind cluster gets in addition to Argo CD: Gitea on a volume, and node ports for both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bootstrap.manifests.objects import ClusterObject
from bootstrap.programs.pinned import GITEA
from bootstrap.sandbox.argocd_workloads import NAMESPACE as ARGOCD

NAMESPACE = "gitea"
IMAGE = f"docker.io/gitea/gitea:{GITEA.removeprefix('v')}-rootless"
GITEA_PORT = 30300
ARGOCD_PORT = 30080
"""Ports on the node."""

_CONFIG = """\
APP_NAME = bootstrap sandbox
RUN_MODE = prod
WORK_PATH = /var/lib/gitea

[server]
HTTP_PORT = 3000
ROOT_URL = {url}/
OFFLINE_MODE = true
LFS_START_SERVER = false

[database]
DB_TYPE = sqlite3
PATH = /var/lib/gitea/gitea.db

[security]
INSTALL_LOCK = true
SECRET_KEY = {secret_key}
INTERNAL_TOKEN = {internal_token}

[service]
DISABLE_REGISTRATION = true
REQUIRE_SIGNIN_VIEW = true

[repository]
ROOT = /var/lib/gitea/repositories
DEFAULT_BRANCH = main
DEFAULT_PRIVATE = private

[webhook]
ALLOWED_HOST_LIST = private
"""


def gitea(url: str, secrets: Mapping[str, str]) -> list[ClusterObject]:
    """Gitea with its configuration in a Secret; `url` is its address outside and inside."""
    labels = {"app.kubernetes.io/name": "gitea"}
    container = {
        "name": "gitea",
        "image": IMAGE,
        "args": ["gitea", "web", "--config=/etc/gitea/app.ini"],
        "ports": [{"containerPort": 3000}],
        "readinessProbe": {"httpGet": {"path": "/api/healthz", "port": 3000}},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/gitea"},
            {"name": "data", "mountPath": "/var/lib/gitea"},
        ],
    }
    pod = {
        "securityContext": {"fsGroup": 1000},
        "containers": [container],
        "volumes": [
            {"name": "config", "secret": {"secretName": "gitea"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "gitea"}},
        ],
    }
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    config = _CONFIG.format(url=url, **secrets)
    return [
        _object("v1", "Namespace", "", NAMESPACE),
        _object("v1", "Secret", NAMESPACE, "gitea", stringData={"app.ini": config}),
        _object("v1", "PersistentVolumeClaim", NAMESPACE, "gitea", spec=claim),
        _object(
            "apps/v1",
            "Deployment",
            NAMESPACE,
            "gitea",
            spec={
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        ),
        _node_port(NAMESPACE, "gitea", labels, 3000, GITEA_PORT),
    ]


def argocd_address() -> list[ClusterObject]:
    """A Service of its own for Argo CD's API, so that the installed one stays as it is in Git."""
    labels = {"app.kubernetes.io/name": "argocd-server"}
    return [
        _object("v1", "Namespace", "", ARGOCD),
        _node_port(ARGOCD, "sandbox-argocd-server", labels, 8080, ARGOCD_PORT),
    ]


def _node_port(
    namespace: str, name: str, selector: Mapping[str, str], target: int, port: int
) -> ClusterObject:
    ports = [{"port": 80, "targetPort": target, "nodePort": port}]
    return _object(
        "v1", "Service", namespace, name, spec={"type": "NodePort", "selector": selector, "ports": ports}
    )


def _object(api_version: str, kind: str, namespace: str, name: str, **content: Any) -> ClusterObject:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    data = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
    return ClusterObject(api_version, kind, namespace, name, json.dumps(data).encode())
