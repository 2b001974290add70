"""What a cluster has for requests from outside (classes, load balancers) and for metrics; reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import ApiError
from bootstrap.kube import objects
from bootstrap.kube.connection import Cluster

_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_METRICS = "v1beta1.metrics.k8s.io"
_CLOUDS = {
    "aws": "AWS",
    "gce": "Google Cloud",
    "azure": "Azure",
    "digitalocean": "DigitalOcean",
    "hcloud": "Hetzner Cloud",
    "linode": "Linode",
    "oci": "Oracle Cloud",
    "openstack": "OpenStack",
    "scaleway": "Scaleway",
    "k3s": "k3s",
    "kwok": "a sandbox",
}
"""What a node's providerID begins with → the provider, whose controllers give Services addresses."""
_CONTROLLERS = {
    "ipaddresspools.metallb.io": "MetalLB",
    "ciliumloadbalancerippools.cilium.io": "Cilium",
    "loadbalancerclasses.purelb.io": "PureLB",
}

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Entrances:
    """Each field is None if it may not be read.

    `ingress` is the name of an IngressClass → whether it is the default one, `gateway` that of a
    GatewayClass → its controller. `balancer` is what shows that Services of type LoadBalancer get addresses,
    "" if nothing does; `metrics` whether the API of pods' CPU and memory is served.
    """

    ingress: Mapping[str, bool] | None = None
    gateway: Mapping[str, str] | None = None
    balancer: str | None = None
    metrics: bool | None = None


def entrances(cluster: Cluster) -> Entrances:
    """What the cluster has now, whoever put it there."""
    ingress = _listed(cluster, "networking.k8s.io/v1", "IngressClass")
    return Entrances(
        None if ingress is None else {_name(one): _is_default(one) for one in ingress},
        _gateway_classes(cluster),
        _balancer(cluster),
        _has(cluster, "apiregistration.k8s.io/v1", "APIService", _METRICS),
    )


def _gateway_classes(cluster: Cluster) -> dict[str, str] | None:
    crd = "gatewayclasses.gateway.networking.k8s.io"
    if not (there := _has_crd(cluster, crd)):
        return None if there is None else {}
    found = _listed(cluster, "gateway.networking.k8s.io/v1", "GatewayClass")
    return (
        None
        if found is None
        else {_name(one): str((one.get("spec") or {}).get("controllerName")) for one in found}
    )


def _balancer(cluster: Cluster) -> str | None:
    services, nodes = _listed(cluster, "v1", "Service"), _listed(cluster, "v1", "Node")
    for service in services or ():
        if ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
            return f"Service {service['metadata']['namespace']}/{_name(service)} has an address"
    for node in nodes or ():
        provider = str((node.get("spec") or {}).get("providerID") or "").partition(":")[0]
        if provider in _CLOUDS:
            return f"node {_name(node)} belongs to {_CLOUDS[provider]}"
    there = {name: _has_crd(cluster, crd) for crd, name in _CONTROLLERS.items()}
    for name, is_there in there.items():
        if is_there:
            return f"{name} is installed"
    return None if services is None or nodes is None or None in there.values() else ""


def _has_crd(cluster: Cluster, name: str) -> bool | None:
    return _has(cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition", name)


def _has(cluster: Cluster, api_version: str, kind: str, name: str) -> bool | None:
    try:
        return objects.get(cluster, api_version, kind, None, name) is not None
    except ApiError:
        return None


def _listed(cluster: Cluster, api_version: str, kind: str) -> list[dict[str, Any]] | None:
    try:
        return objects.list_objects(cluster, api_version, kind)
    except ApiError:
        return None


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _is_default(item: Object) -> bool:
    return (item["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"
