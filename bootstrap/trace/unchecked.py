"""Pure: which of the rules that look up names of the cluster concern a chain."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.other_routes import KINDS
from bootstrap.resources.pods import pod_spec
from bootstrap.resources.routes import INGRESS, ROUTES, VIRTUAL
from bootstrap.trace.hops import Hop


def looked_up(root: Hop) -> frozenset[str]:
    """The rules whose names the objects of a chain use: classes, issuers, kinds that are not built in."""
    return frozenset(rule for hop in root.walk() for rule in _of_hop(hop))


def _of_hop(hop: Hop) -> Iterator[str]:
    resource = hop.resource
    if hop.kind == "route" and resource is not None:
        if resource.kind == INGRESS:
            if resource.spec.get("ingressClassName") or "kubernetes.io/ingress.class" in resource.annotations:
                yield "GB306"
            if resource.spec.get("tls") and any("cert-manager.io/" in key for key in resource.annotations):
                yield "GB342"
        elif resource.kind in (*ROUTES, VIRTUAL, *KINDS):
            yield "GB217"
            if resource.kind in ROUTES:
                yield "GB341"
    elif hop.kind == "volume" and resource is not None:
        yield "GB316"
    elif hop.kind == "pods" and resource is not None:
        spec = pod_spec(resource)
        if spec.get("priorityClassName") or spec.get("runtimeClassName"):
            yield "GB333"
