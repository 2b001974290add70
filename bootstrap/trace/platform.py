"""Pure: the platform around the apps: what serves routes, resolves names, stores logs and traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bootstrap.resources.applications import sources
from bootstrap.resources.index import Index, Resource, mapping, sequence

_PARTS: Mapping[str, tuple[str, ...]] = {
    "traefik": ("traefik",),
    "ingress-nginx": ("ingress-nginx",),
    "istio": ("istiod", "gateway", "istio-ingress"),
    "dns": ("external-dns",),
    "logs": (
        "alloy",
        "k8s-monitoring",
        "promtail",
        "fluent-bit",
        "fluent-bit-collector",
        "fluentd",
        "eck-stack",
    ),
    "traces": ("tempo", "tempo-distributed", "jaeger", "zipkin", "opentelemetry-collector"),
    "metrics": ("kube-prometheus-stack", "prometheus"),
}
"""A part → the charts (or names of Applications) that provide it."""

_CONTROLLERS: Mapping[str, str] = {
    "traefik": "traefik",
    "nginx": "ingress-nginx",
    "istio": "istio",
    "istio-waypoint": "istio",
}
"""An IngressClass or GatewayClass → its part."""


@dataclass(frozen=True)
class Platform:
    """Part → the Application that provides it. `whole`: all Applications are known."""

    parts: Mapping[str, Resource]
    whole: bool = True

    def names(self, host: str, routes: Sequence[Resource]) -> list[str]:
        """How the host's name leads to the cluster."""
        if dns := self.parts.get("dns"):
            return [f"DNS: {host} is managed by {dns}"]
        absent = " (no external-dns in Git)" if self.whole else ""
        return [f"DNS: {host} must point to the address of the entry{absent}"]

    def served_by(self, index: Index, route: Resource) -> list[str]:
        """The controller that serves a route, as far as Git shows."""
        name = route.spec.get("ingressClassName")
        for reference in sequence(route.spec.get("parentRefs")):
            reference = mapping(reference)
            namespace = str(reference.get("namespace") or route.namespace)
            gateway = index.get("Gateway.gateway.networking.k8s.io", namespace, reference.get("name"))
            name = name or (gateway.spec.get("gatewayClassName") if gateway else None)
        if name is None and route.kind.endswith("istio.io"):
            name = "istio"
        if name is None:
            return ["served by the cluster's default class"] if route.short_kind == "Ingress" else []
        serving = self.parts.get(_CONTROLLERS.get(str(name), str(name)))
        absent = ", whose controller is not in Git" if self.whole else ""
        return [f"served by class {name}" + (f" ({serving})" if serving else absent)]

    def watched(self, pod: Resource) -> list[str]:
        """Where the pods' logs and traces go."""
        lines = []
        if logs := self.parts.get("logs"):
            lines.append(f"logs go to {logs.name}")
        if traces := self.parts.get("traces"):
            lines.append(f"traces of the entry and the mesh go to {traces.name}")
        return lines


def platform(index: Index, whole: bool = True) -> Platform:
    """Find the parts among the Applications; `whole` means that these are all."""
    found: dict[str, Resource] = {}
    for application in index.applications.values():
        names = {application.name, *(source.chart or "" for source in sources(application.body))}
        for part, charts in _PARTS.items():
            if part not in found and names.intersection(charts):
                found[part] = application
    return Platform(found, whole)
