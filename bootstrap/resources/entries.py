"""Pure: where a host enters the cluster: Ingresses, Gateway API routes, Istio's VirtualServices, Services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.resources import other_routes
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.routes import (
    GATEWAY,
    INGRESS,
    MESH_GATEWAY,
    ROUTES,
    VIRTUAL,
    destinations,
    hosts,
    ingress_backends,
    meets,
    route_backends,
    service_of,
)

_NO_HOSTS = {
    *(f"{kind}.gateway.networking.k8s.io" for kind in ("TCPRoute", "UDPRoute")),
    *(kind for kind in other_routes.TRAEFIK if kind.startswith("IngressRouteTCP")),
}
"""Kinds that take whatever comes to a port, and know no hosts."""
_REDIRECT = "the entry redirects"
_CERTIFICATES = ("certificate-arn", "managed-certificates", "pre-shared-cert", "ssl-certificate")


@dataclass(frozen=True)
class Entry:
    """A rule that matches a host. `port` None: the Service's first. `weight` None: all requests.

    `service` "": the entry answers itself, as `answer` says. `tls` None: Git does not show it.
    """

    route: Resource
    host: str
    path: str
    namespace: str
    service: str
    port: Any
    weight: int | None = None
    tls: bool | None = False
    answer: str = ""


def entries(index: Index, host: str, path: str) -> list[Entry]:
    """The rules that answer `host`; with a path, only those with the longest prefix that matches it."""
    found = [entry for entry in (*every(index), *answering(index)) if _takes(entry.host, host)]
    found = [entry for entry in found if entry.host != "*" or entry.route.kind not in _NO_HOSTS]
    exact = [entry for entry in found if entry.host.lower() == host]
    found = exact or found
    if not path:
        return found
    fitting = [entry for entry in found if _prefix(entry.path, path)]
    longest = max((len(entry.path) for entry in fitting), default=0)
    return [entry for entry in fitting if len(entry.path) == longest]


def known_hosts(index: Index) -> list[str]:
    """Every host that some rule names."""
    return sorted({entry.host for entry in (*every(index), *answering(index)) if entry.host != "*"})


def every(index: Index) -> Iterator[Entry]:
    """Every entry of the cluster."""
    for ingress in index.of(INGRESS):
        secured = [
            str(item)
            for tls in mappings(ingress.spec.get("tls"))
            for item in sequence(tls.get("hosts")) or ["*"]
        ]
        for host, path, service, port, _ in ingress_backends(ingress):
            tls = any(_takes(item, host) for item in secured) or _secured_elsewhere(ingress)
            yield Entry(ingress, host or "*", path or "/", ingress.namespace, str(service), port, None, tls)
    for route in index.of(*ROUTES):
        yield from _route(index, route)
    for virtual in index.of(VIRTUAL):
        yield from _virtual(index, virtual)
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
    tls = _is_secured(index, route, listeners)
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


def answering(index: Index) -> Iterator[Entry]:
    """Rules that lead to no Service: the entry redirects, or answers itself."""
    for route in index.of(*ROUTES):
        for rule in mappings(route.spec.get("rules")):
            kinds = {str(item.get("type")) for item in mappings(rule.get("filters"))}
            if "RequestRedirect" in kinds and not rule.get("backendRefs"):
                paths = [str(dig(item, "path", "value") or "/") for item in mappings(rule.get("matches"))]
                for host in hosts(route) or ["*"]:
                    for path in paths or ["/"]:
                        yield Entry(route, host, path, "", "", None, tls=None, answer=_REDIRECT)
    for virtual in index.of(VIRTUAL):
        for rule in mappings(virtual.spec.get("http")):
            answer = _REDIRECT if rule.get("redirect") else "the entry answers itself"
            if _at_entry(virtual) and (rule.get("redirect") or rule.get("directResponse")):
                for host in sequence(virtual.spec.get("hosts")):
                    yield Entry(virtual, str(host), "/", "", "", None, tls=None, answer=answer)
    for route, host, path, name in other_routes.internal(index):
        answer = f"Traefik answers itself ({name})"
        yield Entry(route, host, path, "", "", None, tls=None, answer=answer)


def _is_secured(index: Index, route: Resource, listeners: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether a listener that a route may use has TLS; None if not all of its Gateways are known."""
    named = mappings(route.spec.get("parentRefs"))
    wanted = {item.get("sectionName") for item in named}
    used = [item for item in listeners if None in wanted or item.get("name") in wanted]
    if any(item.get("protocol") in ("HTTPS", "TLS") for item in used):
        return True
    gateways = [item for item in named if item.get("kind") in (None, "Gateway")]
    return False if len(gateways_of(index, route)) == len(named) == len(gateways) else None


def _secured_elsewhere(ingress: Resource) -> bool | None:
    """Whether an annotation, or what Git does not show, gives an Ingress TLS without its `tls` field."""
    notes = {key.rpartition("/")[2]: str(value) for key, value in ingress.annotations.items() if "/" in key}
    if notes.get("router.tls") == "true" or any(key in notes for key in _CERTIFICATES):
        return True
    if "HTTPS" in notes.get("listen-ports", "") or notes.get("termination"):
        return True
    return None if "secure" in notes.get("router.entrypoints", "") else False


def _at_entry(virtual: Resource) -> bool:
    return any(name != "mesh" for name in sequence(virtual.spec.get("gateways")))


def mesh_gateways(index: Index, virtual: Resource) -> list[Resource]:
    """Istio's Gateways that a VirtualService names, as far as they are in Git."""
    found = []
    for name in map(str, sequence(virtual.spec.get("gateways"))) if virtual.kind == VIRTUAL else ():
        namespace, slash, short = name.rpartition("/")
        gateway = index.get(MESH_GATEWAY, namespace if slash else virtual.namespace, short)
        found += [gateway] if gateway is not None else []
    return found


def _has_tls(index: Index, virtual: Resource) -> bool | None:
    """Whether a server of the Gateways that a VirtualService names has TLS; None if one is not known."""
    gateways = mesh_gateways(index, virtual)
    servers = [server for gateway in gateways for server in mappings(gateway.spec.get("servers"))]
    if any(server.get("tls") and not dig(server, "tls", "httpsRedirect") for server in servers):
        return True
    named = [name for name in sequence(virtual.spec.get("gateways")) if name != "mesh"]
    return False if len(gateways) == len(named) else None


def _virtual(index: Index, virtual: Resource) -> Iterator[Entry]:
    tls = _has_tls(index, virtual)
    if not _at_entry(virtual):
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
                yield Entry(virtual, str(host), path, target[0], target[1], port, weight, tls)


def _takes(pattern: str, host: str) -> bool:
    pattern = pattern.lower()
    return pattern == "*" or pattern == host or (pattern.startswith("*.") and meets(pattern, host))


def _prefix(prefix: str, path: str) -> bool:
    prefix = prefix.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/") or not prefix
