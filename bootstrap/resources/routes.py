"""Hosts, backends and ports of Ingress, Gateway API and Istio objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Resource, dig, mapping, mappings, sequence

GATEWAY = "Gateway.gateway.networking.k8s.io"

ROUTES = tuple(
    f"{kind}.gateway.networking.k8s.io"
    for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
)

VIRTUAL = "VirtualService.networking.istio.io"
MESH_GATEWAY = "Gateway.networking.istio.io"

DESTINATION = "DestinationRule.networking.istio.io"

INGRESS = "Ingress.networking.k8s.io"


def route_backends(route: Resource) -> Iterator[tuple[str, str, Any, tuple[str | int, ...]]]:
    """(Service, namespace, port, place) of each backend of a route, with mirrors."""
    for number, rule in enumerate(sequence(route.spec.get("rules"))):
        start: tuple[str | int, ...] = ("spec", "rules", number)
        found = [
            (mapping(item), (*start, "backendRefs", place))
            for place, item in enumerate(sequence(mapping(rule).get("backendRefs")))
        ]
        found += [
            (mapping(dig(item, "requestMirror", "backendRef")), (*start, "filters", place))
            for place, item in enumerate(sequence(mapping(rule).get("filters")))
            if isinstance(item, dict) and "requestMirror" in item
        ]
        for reference, where in found:
            if str(reference.get("kind") or "Service") == "Service" and not reference.get("group"):
                namespace = str(reference.get("namespace") or route.namespace)
                yield str(reference.get("name")), namespace, reference.get("port"), where


def hosts(route: Resource) -> list[str]:
    return [str(host) for host in sequence(route.spec.get("hostnames"))]


def meets(pattern: str, host: str) -> bool:
    """Whether two hostnames, each perhaps with a leading `*.`, have names in common."""
    if pattern == host:
        return True
    one, other = pattern.removeprefix("*"), host.removeprefix("*")
    if pattern.startswith("*.") and host.startswith("*."):
        return one.endswith(other) or other.endswith(one)
    return (pattern.startswith("*.") and other.endswith(one)) or (
        host.startswith("*.") and one.endswith(other)
    )


def destinations(virtual: Resource) -> Iterator[tuple[Mapping[str, Any], tuple[str | int, ...]]]:
    """(destination, place) of every route of a VirtualService."""
    for protocol in ("http", "tcp", "tls"):
        for number, route in enumerate(sequence(virtual.spec.get(protocol))):
            for place, item in enumerate(sequence(mapping(route).get("route"))):
                yield mapping(mapping(item).get("destination")), ("spec", protocol, number, "route", place)


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """(namespace, Service) of a host inside the cluster; None for another."""
    parts = host.split(".")
    if "*" in host:
        return None
    if len(parts) == 1:
        return namespace, parts[0]
    if len(parts) == 2 or (len(parts) > 2 and parts[2] == "svc"):
        return (parts[1], parts[0]) if len(parts) > 2 else None
    return None


def ports(service: Resource) -> list[Mapping[str, Any]]:
    return mappings(service.spec.get("ports"))


_BY_ANNOTATION = "use-annotation"
"""As the port's name: the Service's name is that of an action in an annotation."""
_ACTIONS = "alb.ingress.kubernetes.io/actions."


def ingress_backends(ingress: Resource) -> Iterator[tuple[str, str, Any, Any, tuple[str | int, ...]]]:
    """(host, path, Service, port, place) of each backend; of the default one, host and path are ""."""
    spec = ingress.spec
    default = mapping(dig(spec, "defaultBackend", "service"))
    if default:
        for name, port, at in _targets(ingress, default, ("spec", "defaultBackend", "service")):
            yield "", "", name, port, at
    for number, rule in enumerate(sequence(spec.get("rules"))):
        for place, item in enumerate(sequence(dig(rule, "http", "paths"))):
            service = mapping(dig(item, "backend", "service"))
            where = ("spec", "rules", number, "http", "paths", place, "backend", "service")
            host, path = str(mapping(rule).get("host") or "*"), str(mapping(item).get("path") or "/")
            for name, port, at in _targets(ingress, service, where) if service else ():
                yield host, path, name, port, at


def _targets(
    ingress: Resource, service: Mapping[str, Any], place: tuple[str | int, ...]
) -> Iterator[tuple[Any, Any, tuple[str | int, ...]]]:
    """(Service, port, place) of a backend; those of an action if the backend names one (AWS load balancers).

    An action that only redirects or answers has none; Argo Rollouts writes the action of a Service's name.
    """
    name, port = service.get("name"), _port(service)
    if port != _BY_ANNOTATION:
        yield name, port, place
        return
    annotation = f"{_ACTIONS}{name}"
    if annotation not in ingress.annotations:
        yield name, None, place
        return
    try:
        action = mapping(json.loads(str(ingress.annotations[annotation])))
    except ValueError:
        return
    groups = mappings(mapping(action.get("forwardConfig") or action.get("ForwardConfig")).get("targetGroups"))
    for group in groups:
        if group.get("serviceName"):
            number = str(group.get("servicePort"))
            given = int(number) if number.isdecimal() else group.get("servicePort")
            yield group["serviceName"], given, ("metadata", "annotations", annotation)


def _port(service: Mapping[str, Any]) -> Any:
    port = mapping(service.get("port"))
    return port.get("name") or port.get("number")
