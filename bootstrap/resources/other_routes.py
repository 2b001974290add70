"""The entrances of Traefik and OpenShift: IngressRoutes and Routes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence

OPENSHIFT = "Route.route.openshift.io"
TRAEFIK = tuple(
    f"{kind}.{group}"
    for group in ("traefik.io", "traefik.containo.us")
    for kind in ("IngressRoute", "IngressRouteTCP")
)
KINDS = (*TRAEFIK, OPENSHIFT)

_HOST = re.compile(r"\bHost(?:SNI)?\(([^)]*)\)")
_PATH = re.compile(r"\bPath(?:Prefix)?\(([^)]*)\)")
_DEEPEST = 4
"""TraefikServices that lead to one another, at most."""


@dataclass(frozen=True)
class Way:
    """From a host and path to a Service; `port` None: its first; `weight` None: all requests."""

    route: Resource
    host: str
    path: str
    namespace: str
    service: str
    port: Any
    weight: int | None
    tls: bool | None


def ways(index: Index) -> Iterator[Way]:
    """Every entrance of these kinds."""
    for route in index.of(*TRAEFIK):
        yield from _traefik(index, route)
    for route in index.of(OPENSHIFT):
        yield from _openshift(index, route)


def _traefik(index: Index, route: Resource) -> Iterator[Way]:
    points = sequence(route.spec.get("entryPoints"))
    is_plain = bool(points) and not any("secure" in str(one) for one in points)
    tls = True if "tls" in route.spec else False if is_plain else None
    for rule in mappings(route.spec.get("routes")):
        services = [
            one for item in mappings(rule.get("services")) for one in _services(index, route, item, 0)
        ]
        for host, path in _matches(str(rule.get("match") or "")):
            for namespace, name, port, weight in services:
                yield Way(
                    route, host, path, namespace, name, port, weight if len(services) > 1 else None, tls
                )


def internal(index: Index) -> Iterator[tuple[Resource, str, str, str]]:
    """(route, host, path, name) of rules that lead to what is built into Traefik, as `noop@internal`."""
    for route in index.of(*TRAEFIK):
        for rule in mappings(route.spec.get("routes")):
            names = [str(item.get("name")) for item in mappings(rule.get("services"))]
            for name in names:
                if name.endswith("@internal"):
                    for host, path in _matches(str(rule.get("match") or "")):
                        yield route, host, path, name


def _matches(match: str) -> Iterator[tuple[str, str]]:
    """(host, path) of each alternative of a rule; "*" and "/" where it has none."""
    for part in match.split("||"):
        hosts = [name for text in _HOST.findall(part) for name in _quoted(text)]
        paths = [path for text in _PATH.findall(part) for path in _quoted(text)]
        if hosts or "HostRegexp" not in part:
            for host in hosts or ["*"]:
                for path in paths or ["/"]:
                    yield host, path


def _quoted(text: str) -> list[str]:
    return [part.strip("`\"' ") for part in text.split(",")]


def _services(
    index: Index, user: Resource, item: Mapping[str, Any], depth: int
) -> Iterator[tuple[str, str, Any, int | None]]:
    """(namespace, Service, port, weight) behind a named one, possibly through TraefikServices."""
    namespace, name = str(item.get("namespace") or user.namespace), str(item.get("name"))
    weight = item.get("weight") if isinstance(item.get("weight"), int) else None
    if item.get("kind") != "TraefikService":
        yield namespace, name, item.get("port"), weight
        return
    group = user.kind.partition(".")[2]
    found = index.get(f"TraefikService.{group}", namespace, name)
    if found is None or depth > _DEEPEST:
        return
    inner = mappings(dig(found.spec, "weighted", "services"))
    mirrored = mapping(found.spec.get("mirroring"))
    for one in [*inner, *([mirrored] if mirrored else [])]:
        yield from _services(index, found, one, depth + 1)


def _openshift(index: Index, route: Resource) -> Iterator[Way]:
    spec = route.spec
    targets = [mapping(spec.get("to")), *mappings(spec.get("alternateBackends"))]
    for target in targets:
        name = target.get("name")
        if not name or str(target.get("kind") or "Service") != "Service":
            continue
        port = _service_port(index.get("Service", route.namespace, name), dig(spec, "port", "targetPort"))
        weight = target.get("weight") if len(targets) > 1 and isinstance(target.get("weight"), int) else None
        host, path = str(spec.get("host") or "*"), str(spec.get("path") or "/")
        yield Way(route, host, path, route.namespace, str(name), port, weight, "tls" in spec)


def _service_port(service: Resource | None, wanted: Any) -> Any:
    """The Service's port that a Route means: by its name, or by the number of the pods' port."""
    if service is None or wanted is None:
        return None
    for port in mappings(service.spec.get("ports")):
        if wanted in (port.get("name"), port.get("targetPort", port.get("port"))):
            return port.get("port")
    return None
