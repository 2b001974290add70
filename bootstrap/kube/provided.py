"""What a cluster has by itself that a component of the catalog would bring a second time; reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.core.errors import ApiError
from bootstrap.kube import objects
from bootstrap.kube.connection import Cluster

GATEWAY = {"traefik.io/gateway-controller": "traefik", "istio.io/gateway-controller": "istio"}
"""A GatewayClass's controller → the component that is the same."""
INGRESS = {"traefik.io/ingress-controller": "traefik", "k8s.io/ingress-nginx": "ingress-nginx"}
"""An IngressClass's controller → the component that is the same."""
LOCAL_PATH = "rancher.io/local-path"
METRICS = "v1beta1.metrics.k8s.io"
GATEWAYS = "gateways.gateway.networking.k8s.io"
TRACKING = "argocd.argoproj.io/tracking-id"

Object = Mapping[str, Any]


def provided(cluster: Cluster) -> dict[str, str]:
    """Component → the object that exists already, as far as it may be read.

    What Argo CD has put there is the component itself, not a second one.
    """
    found: dict[str, str] = {}
    for item in _others(cluster, "networking.k8s.io/v1", "IngressClass"):
        if component := INGRESS.get(str((item.get("spec") or {}).get("controller"))):
            found[component] = f"IngressClass {item['metadata']['name']}"
    for item in _others(cluster, "gateway.networking.k8s.io/v1", "GatewayClass"):
        if component := GATEWAY.get(str((item.get("spec") or {}).get("controllerName"))):
            found.setdefault(component, f"GatewayClass {item['metadata']['name']}")
    for item in _others(cluster, "storage.k8s.io/v1", "StorageClass"):
        if item.get("provisioner") == LOCAL_PATH:
            found["local-path-storage"] = f"StorageClass {item['metadata']['name']}"
    for api_version, kind, name, component in (
        ("apiregistration.k8s.io/v1", "APIService", METRICS, "metrics-server"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", GATEWAYS, "gateway-api"),
    ):
        try:
            one = objects.get(cluster, api_version, kind, None, name)
        except ApiError:
            continue
        if one is not None and not _is_argocds(one):
            found[component] = f"{kind} {name}"
    return found


def _others(cluster: Cluster, api_version: str, kind: str) -> list[dict[str, Any]]:
    try:
        listed = objects.list_objects(cluster, api_version, kind)
    except ApiError:
        return []
    return [item for item in listed if not _is_argocds(item)]


def _is_argocds(item: Object) -> bool:
    metadata = item["metadata"]
    by = {entry.get("manager") for entry in metadata.get("managedFields") or ()}
    return TRACKING in (metadata.get("annotations") or {}) or "argocd-controller" in by
