"""Pure: the platform around the apps: what serves routes, resolves names, stores logs and traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bootstrap.resources.applications import sources
from bootstrap.resources.index import Index, Resource, mapping, sequence
from bootstrap.resources.products import PRODUCTS


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
        serving = self._behind(str(name)) or _called(index, str(name))
        absent = ", whose controller is not in Git" if self.whole else ""
        return [f"served by class {name}" + (f" ({serving})" if serving else absent)]

    def _behind(self, name: str) -> Resource | None:
        """The Application of the controller of a class, by the usual names of its classes."""
        usual = [product.part for product in PRODUCTS if name in product.classes + product.inner]
        return next((self.parts[part] for part in (*usual, name) if part in self.parts), None)

    def watched(self, pod: Resource) -> list[str]:
        """Where the pods' logs and traces go."""
        lines = []
        if logs := self.parts.get("logs"):
            lines.append(f"logs go to {logs.name}")
        if traces := self.parts.get("traces"):
            lines.append(f"traces of the entry and the mesh go to {traces.name}")
        return lines


def _called(index: Index, name: str) -> Resource | None:
    """The Application that is called as a class: what it applies may be elsewhere."""
    return next((one for one in index.applications.values() if one.name == name), None)


def platform(index: Index, whole: bool = True) -> Platform:
    """Find the parts among the Applications; `whole` means that these are all."""
    found: dict[str, Resource] = {}
    for application in index.applications.values():
        names = {application.name, *(source.chart or "" for source in sources(application.body))}
        for product in PRODUCTS:
            if product.part not in found and names.intersection(product.charts):
                found[product.part] = application
    return Platform(found, whole)
