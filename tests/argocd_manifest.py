"""A manifest that has what Argo CD's has and a layout needs, in a hundred lines instead of 37,000."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from bootstrap.core.argocd_version import ARGOCD_VERSION

VERSION = ARGOCD_VERSION
KNOWN_HOSTS = """\
# of well-known hosts
git.example.net ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPEKJ9uTDLyYNqyqqfvQqvZNDSkbgAmZ3qGeZSJvE+Xs
"""
_KINDS = {"applications": "Application", "applicationsets": "ApplicationSet", "appprojects": "AppProject"}
_CONFIG_MAPS = (
    "argocd-cm",
    "argocd-cmd-params-cm",
    "argocd-gpg-keys-cm",
    "argocd-notifications-cm",
    "argocd-rbac-cm",
    "argocd-tls-certs-cm",
)


@cache
def manifest(version: str = VERSION) -> bytes:
    """One JSON document an object, as YAML takes it."""
    objects = [
        *(_crd(plural, kind) for plural, kind in _KINDS.items()),
        *(_object("v1", "ConfigMap", name) for name in _CONFIG_MAPS),
        _object("v1", "ConfigMap", "argocd-ssh-known-hosts-cm", data={"ssh_known_hosts": KNOWN_HOSTS}),
        _object("v1", "Secret", "argocd-secret", type="Opaque"),
        _workload("StatefulSet", "argocd-application-controller", version),
        _workload("Deployment", "argocd-repo-server", version),
        _workload("Deployment", "argocd-server", version),
    ]
    return b"".join(b"---\n" + _yaml(item) for item in objects)


def _yaml(item: dict[str, Any]) -> bytes:
    from io import StringIO

    from ruamel.yaml import YAML

    stream = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(json.loads(json.dumps(item)), stream)  # by JSON, so that no anchors are made
    return stream.getvalue().encode()


def _object(api_version: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "argocd"}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": labels}, **fields}


def _crd(plural: str, kind: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "required": ["metadata", "spec"],
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": plural[:-1]}
    spec = {"group": "argoproj.io", "names": names, "scope": "Namespaced", "versions": [version]}
    return _object("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{plural}.argoproj.io", spec=spec)


def _workload(kind: str, name: str, version: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    container = {
        "name": name,
        "image": f"quay.io/argoproj/argocd:{version}",
        "securityContext": {  # as the released manifest has it: the namespace is restricted
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return _object("apps/v1", kind, name, spec=spec)
