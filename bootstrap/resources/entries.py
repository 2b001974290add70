"""Pure: where a host enters the cluster: Ingresses, Gateway API routes, Istio's VirtualServices, Services."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bootstrap.resources import other_routes
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.routes import (
    GATEWAY,
    INGRESS,
    ROUTES,
    VIRTUAL,
    destinations,
    hosts,
    ingress_backends,
    meets,
    route_backends,
    service_of,
)


@dataclass(frozen=True)
class Entry:
    """A rule that matches a host. `port` None: the Service's first. `weight` None: all requests."""

    route: Resource
    host: str
    path: str
    namespace: str
    service: str
    port: Any
    weight: int | None = None
    tls: bool = False


def entries(index: Index, host: str, path: str) -> list[Entry]:
    """The rules that answer `host`; with a path, only those with the longest prefix that matches it."""
    found = [entry for entry in every(index) if _takes(entry.host, host)]
    exact = [entry for entry in found if entry.host == host]
    found = exact or found
    if not path:
        return found
    fitting = [entry for entry in found if _prefix(entry.path, path)]
    longest = max((len(entry.path) for entry in fitting), default=0)
    return [entry for entry in fitting if len(entry.path) == longest]


def known_hosts(index: Index) -> list[str]:
    """Every host that some rule names."""
    return sorted({entry.host for entry in every(index) if entry.host != "*"})


def every(index: Index) -> Iterator[Entry]:
    """Every entry of the cluster."""
    for ingress in index.of(INGRESS):
        secured = [
            str(item)
            for tls in mappings(ingress.spec.get("tls"))
            for item in sequence(tls.get("hosts")) or ["*"]
        ]
        for host, path, service, port, _ in ingress_backends(ingress):
            tls = any(_takes(item, host) for item in secured)
            yield Entry(ingress, host or "*", path or "/", ingress.namespace, str(service), port, None, tls)
    for route in index.of(*ROUTES):
        yield from _route(index, route)
    for virtual in index.of(VIRTUAL):
        yield from _virtual(virtual)
    for way in other_routes.ways(index):
        yield Entry(way.route, way.host, way.path, way.namespace, way.service, way.port, way.weight, way.tls)


def gateways_of(index: Index, route: Resource) -> list[Resource]:
    """The Gateways that a route is attached to, as far as they exist."""
    found = []
    for reference in mappings(route.spec.get("parentRefs")):
        namespace = str(reference.get("namespace") or route.namespace)
        gateway = index.get(GATEWAY, namespace, reference.get("name"))
        if gateway is not None:
            found.append(gateway)
    return found


def _route(index: Index, route: Resource) -> Iterator[Entry]:
    names = hosts(route)
    listeners = [
        item for gateway in gateways_of(index, route) for item in mappings(gateway.spec.get("listeners"))
    ]
    names = names or [str(item["hostname"]) for item in listeners if item.get("hostname")] or ["*"]
    tls = any(item.get("protocol") in ("HTTPS", "TLS") for item in listeners)
    rules = mappings(route.spec.get("rules"))
    for service, namespace, port, place in route_backends(route):
        rule = rules[int(place[2])] if int(place[2]) < len(rules) else {}
        matches = mappings(rule.get("matches"))
        paths = [str(dig(item, "path", "value") or "/") for item in matches] or ["/"]
        weight = dig(mappings(rule.get("backendRefs"))[int(place[4])], "weight")
        several = len(mappings(rule.get("backendRefs"))) > 1
        for host in names:
            for path in paths:
                yield Entry(route, host, path, namespace, service, port, weight if several else None, tls)


def _virtual(virtual: Resource) -> Iterator[Entry]:
    if not [name for name in sequence(virtual.spec.get("gateways")) if name != "mesh"]:
        return
    for destination, place in destinations(virtual):
        route = mapping(mappings(virtual.spec.get(str(place[1])))[int(place[2])])
        target = service_of(str(destination.get("host")), virtual.namespace)
        if target is None:
            continue
        paths = [
            str(dig(item, "uri", "prefix") or dig(item, "uri", "exact") or "/")
            for item in mappings(route.get("match"))
        ]
        weight = mappings(route.get("route"))[int(place[4])].get("weight")
        for host in sequence(virtual.spec.get("hosts")):
            for path in paths or ["/"]:
                port = dig(destination, "port", "number")
                yield Entry(virtual, str(host), path, target[0], target[1], port, weight)


def _takes(pattern: str, host: str) -> bool:
    return pattern == "*" or pattern == host or (pattern.startswith("*.") and meets(pattern, host))


def _prefix(prefix: str, path: str) -> bool:
    prefix = prefix.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/") or not prefix
