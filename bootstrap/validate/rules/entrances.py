"""The first hop: whether the ingress controller or gateway can reach the pods behind a route."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bootstrap.resources import other_routes
from bootstrap.resources.entrances import Entrances, callers, waypoints
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.links import protocol, target_port
from bootstrap.resources.pods import selected
from bootstrap.resources.policies import Peer, cut, peer, refused
from bootstrap.resources.routes import (
    INGRESS,
    ROUTES,
    VIRTUAL,
    destinations,
    ingress_backends,
    route_backends,
    service_of,
)
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules.network import Stop

CUT = Rule(
    "GB349",
    "policy-cuts-entry",
    "error",
    "A policy keeps the ingress controller (or gateway, or load balancer) from the pods behind a route: "
    "requests from outside time out, or are refused.",
    "admit the controller's namespace at the pods' port",
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    reported: set[tuple[int, str, str]] = set()
    for route, namespace, name, port in ways(index):
        service = index.get("Service", namespace, name)
        stop = service and stopped(index, context.public, context.entrances, route, service, port)
        if stop and (key := (id(stop.policy), namespace, name)) not in reported:
            reported.add(key)
            yield problem(CUT, stop.policy, stop.message, *stop.path)


def ways(index: Index) -> Iterator[tuple[Resource, str, str, Any]]:
    """(route, namespace, Service, port) of every entrance; the route of an open Service is the Service."""
    for ingress in index.of(INGRESS):
        for _, _, name, port, _ in ingress_backends(ingress):
            yield ingress, ingress.namespace, str(name), port
    for route in index.of(*ROUTES):
        for name, namespace, port, _ in route_backends(route):
            yield route, namespace, name, port
    for virtual in index.of(VIRTUAL):
        if [name for name in sequence(virtual.spec.get("gateways")) if name != "mesh"]:
            for destination, _ in destinations(virtual):
                if target := service_of(str(destination.get("host")), virtual.namespace):
                    yield virtual, *target, dig(destination, "port", "number")
    for way in other_routes.ways(index):
        yield way.route, way.namespace, way.service, way.port
    for service in index.of("Service"):
        if service.spec.get("type") in ("NodePort", "LoadBalancer"):
            for item in mappings(service.spec.get("ports")):
                yield service, service.namespace, service.name, item.get("port")


def stopped(
    index: Index, public: Index, entrances: Entrances, route: Resource, service: Resource, port: Any
) -> Stop | None:
    """What keeps all callers of a route from the pods; None when one may pass, or when Git does not say."""
    if not index.knows(service.namespace):
        return None
    number = _number(service, port)
    sources = [Peer("", None)] if route is service else callers(index, public, entrances, route)
    sources += waypoints(index, service.namespace)
    for pod in selected(index, mapping(service.spec.get("selector")), service.namespace):
        target = target_port(service, number, pod)
        kind = protocol(service, number)
        answers = [_stop(index, source, peer(pod), target, kind) for source in sources]
        if answers and all(answers):
            found = answers[0]
            assert found is not None  # noqa: S101 - all of them are
            policy, direction, verb = found
            forwards = f"{_who(sources, route)} forward{'s' * (route is not service)} the requests of {route}"
            where = f"at port {target}" if target else "at its port"
            message = f"{forwards} to {service}, but {policy} {verb} {where} of {pod}"
            if route is service:
                message = f"{service} is open to callers from outside, but {policy} {verb} {where} of {pod}"
            return Stop(CUT, policy, message, ("spec", direction))
    return None


def _stop(
    index: Index, source: Peer, target: Peer, port: int | None, kind: str
) -> tuple[Resource, str, str] | None:
    """(policy, field, what it does) of the policy that stops one caller."""
    if found := cut(index, source, target, port, kind):
        verb = "admits none of them" if found[1] == "Ingress" else "lets none of them out"
        return found[0], found[1].lower(), verb
    refusing = refused(index, source, target, port) if source.namespace else None
    if refusing is not None:
        return refusing, "rules", "refuses them"
    return None


def _who(sources: Iterable[Peer], route: Resource) -> str:
    """The callers in words."""
    known = [source for source in sources if source.namespace]
    if not known:
        return "a controller outside the namespace"
    gateway = next((source.account for source in known if source.account), None)
    if gateway:
        return f"the pods of gateway {gateway}"
    return f"the controller in namespace {' or '.join(dict.fromkeys(item.namespace for item in known))}"


def _number(service: Resource, port: Any) -> int | None:
    """The Service's port that a route names by number or name."""
    for item in mappings(service.spec.get("ports")):
        if port in (item.get("name"), item.get("port")):
            return item.get("port") if isinstance(item.get("port"), int) else None
    return None
