"""Hosts and paths, and node ports, that two objects of a cluster claim."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.claims import NODE_PORT
from bootstrap.validate.rule import Apps, HostClaim, Problem, Rule, problem

TWICE = Rule(
    "GB330",
    "host-and-path-twice",
    "error",
    "Two Ingresses, or two routes of a Gateway, claim the same host and path: which answers is undefined.",
    "give one of them another host or path",
)
NODE_PORT_TWICE = Rule(
    "GB359",
    "node-port-twice",
    "error",
    "Two Services of a cluster claim the same nodePort: the API server refuses the second.",
    "give one of them another nodePort, or leave it to Kubernetes",
)


def check(apps: Apps) -> Iterator[Problem]:
    """Every rule of this module."""
    seen: dict[tuple[str, ...], HostClaim] = {}
    for claim in apps.claims:
        owned = claim.owned
        kind, *way = claim.way
        if kind == "gateway":
            way[0] = way[0] or owned.namespace
        # Where not all of a cluster is known, the one in another namespace may be for another cluster.
        far = apps.complete and claim.host != "*"
        space = "" if far or kind == "gateway" else owned.namespace
        first = seen.setdefault((owned.cluster, space, owned.kind, *way, claim.host, claim.path), claim)
        if (first.owned.namespace, first.owned.name) != (owned.namespace, owned.name):
            message = f"{owned.resource} claims {claim.host}{_path(claim.path)}, which {first.owned.resource}"
            rule = NODE_PORT_TWICE if kind == NODE_PORT else TWICE
            yield problem(rule, owned.resource, f"{message} claims, too", *claim.place)


def _path(path: str) -> str:
    return path if path.startswith("/") else f" ({path})"
