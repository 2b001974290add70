"""Pure: the pods through which requests enter a cluster: ingress controllers and gateways."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.resources.applications import destination, sources
from bootstrap.resources.index import IN_CLUSTER, Index, Resource, dig, mapping, mappings
from bootstrap.resources.pods import WORKLOADS, containers
from bootstrap.resources.policies import Peer
from bootstrap.resources.products import ENTRANCES

GATEWAY = "Gateway.gateway.networking.k8s.io"
INGRESS = "Ingress.networking.k8s.io"
_CLASS_OF_INGRESS = "IngressClass.networking.k8s.io"
_OWN = "gateway.networking.k8s.io/gateway-name"


_TAG = re.compile(r"[:@][^/]*$")

Entrances = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""A controller → the namespaces of its pods → the labels that Argo CD gives those namespaces."""


def known(
    applications: Iterable[Resource], built: Iterable[tuple[str, Iterable[str]]], cluster: str
) -> Entrances:
    """The controllers of a cluster, from its Applications, and from the images of what was rendered.

    `built` has (namespace, images) of each rendered part.
    """
    found: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for application in applications:
        where, namespace = destination(application.body)
        names = {application.name, *(source.chart or "" for source in sources(application.body))}
        names |= {(source.path or "").rstrip("/").rpartition("/")[2] for source in sources(application.body)}
        for maker, marks in ENTRANCES.items():
            if where == cluster and namespace and names.intersection(marks.charts):
                labels = dig(application.spec, "syncPolicy", "managedNamespaceMetadata", "labels")
                found[maker][namespace] = {**mapping(labels), **_by_values(application)}
    for namespace, images in built:
        for image in images:
            for maker, marks in ENTRANCES.items():
                name = f"/{_TAG.sub('', image)}"
                if any(name.endswith(f"/{own}") for own in marks.images):
                    found[maker].setdefault(namespace, {})
    return found


MAY_INJECT = "sidecar.istio.io/inject"
"""Among the labels of a controller's namespace: its chart's values may add the pods to the mesh."""


def _by_values(application: Resource) -> Mapping[str, Any]:
    namespaces_of = MAY_INJECT in str(application.spec)
    files = any(mapping(one.body.get("helm")).get("valueFiles") for one in sources(application.body))
    return {MAY_INJECT: ""} if namespaces_of or files else {}


def of_index(index: Index, cluster: str = IN_CLUSTER) -> Entrances:
    """The controllers of a cluster that is known completely."""
    built = [
        (item.namespace, [str(container.body.get("image")) for container in containers(item)])
        for item in index.of(*WORKLOADS)
    ]
    return known(index.applications.values(), built, cluster)


def classes(entrances: Entrances) -> set[str]:
    """The usual class names of the installed controllers."""
    return {name for maker in entrances for name in ENTRANCES[maker].classes}


def callers(index: Index, public: Index, entrances: Entrances, route: Resource) -> list[Peer]:
    """Who may forward a route's requests to its pods; a Peer of namespace "" where Git does not say.

    `public` has the classes and Gateways. One of them is enough: which one may depend on the cluster.
    """
    if route.kind == INGRESS:
        return _of_class(entrances, _ingress_makers(public, route))
    if route.kind.startswith("IngressRoute"):
        return _of_class(entrances, ["traefik"])
    if route.kind.endswith(".networking.istio.io"):
        return _of_class(entrances, ["istio"])
    found: list[Peer] = []
    for reference in mappings(route.spec.get("parentRefs")):
        namespace = str(reference.get("namespace") or route.namespace)
        gateway = index.get(GATEWAY, namespace, reference.get("name"))
        found += [Peer("", None)] if gateway is None else _of_gateway(public, entrances, gateway)
    return found or [Peer("", None)]


def _of_class(entrances: Entrances, makers: Iterable[str]) -> list[Peer]:
    found = [
        Peer(namespace, None, marks=marks)
        for maker in makers
        for namespace, marks in entrances.get(maker, {}).items()
    ]
    return found or [Peer("", None)]


def _ingress_makers(public: Index, ingress: Resource) -> list[str]:
    """The controllers that may serve an Ingress: by its class, or any where it names none."""
    name = ingress.spec.get("ingressClassName") or ingress.annotations.get("kubernetes.io/ingress.class")
    classes = public.of(_CLASS_OF_INGRESS)
    if not name:
        defaults = [
            item
            for item in classes
            if str(item.annotations.get("ingressclass.kubernetes.io/is-default-class")) == "true"
        ]
        if len(defaults) != 1:
            return list(ENTRANCES)
        name = defaults[0].name
    controller = next((str(item.spec.get("controller") or "") for item in classes if item.name == name), "")
    return _makers(str(name), controller)


def _makers(name: str, controller: str) -> list[str]:
    """The controllers behind a class, by its controller name, else by its own name."""
    if controller:
        return [
            maker
            for maker, marks in ENTRANCES.items()
            if any(controller.startswith(c) for c in marks.controllers)
        ]
    return [maker for maker, marks in ENTRANCES.items() if name in marks.classes]


def _of_gateway(public: Index, entrances: Entrances, gateway: Resource) -> list[Peer]:
    """The pods behind a Gateway: those of its class's controller, or its own, created by Istio."""
    name = str(gateway.spec.get("gatewayClassName") or "")
    classes = public.of("GatewayClass.gateway.networking.k8s.io")
    controller = next(
        (str(item.spec.get("controllerName") or "") for item in classes if item.name == name), ""
    )
    makers = _makers(name, controller)
    if makers == ["istio"]:
        if gateway.spec.get("addresses"):  # it configures an existing gateway
            return _of_class(entrances, makers)
        labels = {
            **gateway.labels,
            **mapping(dig(gateway.spec, "infrastructure", "labels")),
            _OWN: gateway.name,
            "istio.io/gateway-name": gateway.name,
        }
        return [Peer(gateway.namespace, labels, account=f"{gateway.name}-{name}")]
    # Other classes run their proxies in the controller's namespace, or next to the Gateway.
    return [*_of_class(entrances, makers), *([] if makers else [Peer(gateway.namespace, None)])]


def waypoints(index: Index, namespace: str) -> list[Peer]:
    """The ambient mesh's proxies of a namespace, between an entrance and its pods."""
    return [
        Peer(namespace, {_OWN: gateway.name}, account=gateway.name)
        for gateway in index.of(GATEWAY, namespace=namespace)
        if gateway.spec.get("gatewayClassName") == "istio-waypoint"
    ]
