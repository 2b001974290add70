"""Pure: which hosts and paths, or node ports, an object claims; kept short, as there are thousands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import dig, mapping, mappings, qualified, sequence

_SHARED = ("canary", "mergeable-ingress-type")
"""Annotations of an Ingress that takes a share of another's traffic."""
_ROUTERS = (
    "traefik.ingress.kubernetes.io/router.entrypoints",
    "traefik.ingress.kubernetes.io/router.priority",
)
_EACH = {"alb", "gce", "gce-internal", "tailscale"}
"""Classes whose controllers give every Ingress, or group of them, an address of its own."""
_ROUTES = ("HTTPRoute.gateway.networking.k8s.io", "GRPCRoute.gateway.networking.k8s.io")

NODE_PORT = "nodePort"
"""The entrance of a node port."""

Claim = tuple[list[str], str, str, list[str | int]]
"""(entrance, host, path and other conditions of a request, place in the object), as JSON."""


def claims(body: Mapping[str, Any]) -> Iterator[Claim]:
    """What an object claims; the namespace of an entrance is "" where it is the object's own."""
    kind = qualified(body)
    if kind == "Ingress.networking.k8s.io":
        yield from _ingress(body)
    elif kind in _ROUTES:
        yield from _route(body)
    elif kind == "Service":
        yield from _node_ports(body)


def _node_ports(body: Mapping[str, Any]) -> Iterator[Claim]:
    """The node ports of a Service: the number as the host, its protocol as the path."""
    for number, port in enumerate(mappings(dig(body, "spec", "ports"))):
        if port.get("nodePort"):
            place: list[str | int] = ["spec", "ports", number, "nodePort"]
            yield [NODE_PORT], str(port["nodePort"]), str(port.get("protocol") or "TCP"), place


def _ingress(body: Mapping[str, Any]) -> Iterator[Claim]:
    annotations = mapping(dig(body, "metadata", "annotations"))
    if any(word in str(key) for key in annotations for word in _SHARED):
        return
    name = dig(body, "spec", "ingressClassName") or annotations.get("kubernetes.io/ingress.class")
    own = annotations.get("alb.ingress.kubernetes.io/group.name") or dig(body, "metadata", "name")
    way = [
        "class",
        str(name or ""),
        str(own if name in _EACH else ""),
        *(str(annotations.get(key) or "") for key in _ROUTERS),
    ]
    for number, rule in enumerate(sequence(dig(body, "spec", "rules"))):
        host = str(mapping(rule).get("host") or "*")
        for place, item in enumerate(sequence(dig(rule, "http", "paths"))):
            path = str(mapping(item).get("path") or "/")
            exact = "= " if mapping(item).get("pathType") == "Exact" else ""
            yield way, host, exact + path, ["spec", "rules", number, "http", "paths", place]


def _route(body: Mapping[str, Any]) -> Iterator[Claim]:
    ways = [
        ["gateway", *(str(parent.get(key) or "") for key in ("namespace", "name", "sectionName", "port"))]
        for parent in mappings(dig(body, "spec", "parentRefs"))
        if str(parent.get("kind") or "Gateway") == "Gateway"
    ]
    for number, rule in enumerate(sequence(dig(body, "spec", "rules"))):
        for match in mappings(mapping(rule).get("matches")) or [{}]:
            for host in sequence(dig(body, "spec", "hostnames")):
                for way in ways:
                    yield way, str(host), _spell(match), ["spec", "rules", number]


def _spell(match: Mapping[str, Any]) -> str:
    """A match as text: the path, and the rest as JSON where there is any."""
    path = mapping(match.get("path"))
    rest = {key: value for key, value in match.items() if key != "path" and value}
    exact = {"Exact": "= ", "RegularExpression": "~ "}.get(str(path.get("type")), "")
    more = f" {json.dumps(rest, sort_keys=True, default=str)}" if rest else ""
    return f"{exact}{path.get('value') or '/'}{more}"
