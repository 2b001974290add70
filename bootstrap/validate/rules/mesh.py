"""Istio's routing: hosts, subsets and gateways that VirtualServices and DestinationRules name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.core.text import names_near, suggest
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, selects, sequence
from bootstrap.resources.operators import makes_service
from bootstrap.resources.pods import WORKLOADS, pod_labels
from bootstrap.resources.routes import DESTINATION, MESH_GATEWAY, VIRTUAL, destinations, service_of
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

HOST = Rule(
    "GB326",
    "mesh-host-missing",
    "error",
    "A VirtualService or DestinationRule names a host that is not a Service: requests fail with 503.",
    "correct the host, or add the Service",
)
SUBSET = Rule(
    "GB327",
    "mesh-subset-missing",
    "error",
    "A VirtualService sends requests to a subset that no DestinationRule defines: they fail with 503.",
    "add the subset to the host's DestinationRule",
)
SUBSET_EMPTY = Rule(
    "GB343",
    "mesh-subset-selects-nothing",
    "error",
    "A DestinationRule's subset selects no pods of its Service: requests to it fail with 503.",
    "make the subset's labels match the pods'",
)
WEIGHTS = Rule(
    "GB344",
    "route-weights",
    "error",
    "The weights of a route do not say how to share requests: they are all 0, or do not add up to 100.",
    "make the weights add up to 100",
)
PORT = Rule(
    "GB351",
    "mesh-port-missing",
    "error",
    "A VirtualService sends requests to a port that its Service does not have: they fail with 503.",
    "name a port of the Service",
)
PORT_SETTINGS = Rule(
    "GB352",
    "port-settings-for-missing-port",
    "warning",
    "A DestinationRule has settings for a port that its Service does not have: they apply to nothing.",
    "name a port of the Service",
)
GATEWAY_MISSING = Rule(
    "GB345",
    "mesh-gateway-missing",
    "error",
    "A VirtualService names a Gateway that does not exist: nothing from outside reaches it.",
    "correct the name (`namespace/name`), or add the Gateway",
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for virtual in index.of(VIRTUAL):
        for destination, place in destinations(virtual):
            yield from _destination(index, context, virtual, destination, place)
        for protocol in ("http", "tcp", "tls"):
            for number, route in enumerate(sequence(virtual.spec.get(protocol))):
                yield from _weights(virtual, protocol, number, mappings(mapping(route).get("route")))
        for number, name in enumerate(sequence(virtual.spec.get("gateways"))):
            yield from _gateway(index, context, virtual, str(name), number)
    for rule in index.of(DESTINATION):
        yield from _rule(index, context, rule)


def _missing(
    index: Index, context: ClusterContext, user: Resource, host: str, *place: str | int
) -> Iterator[Problem]:
    target = service_of(host, user.namespace)
    if target is None or any(
        host in sequence(e.spec.get("hosts")) for e in index.of("ServiceEntry.networking.istio.io")
    ):
        return
    namespace, name = target
    if index.get("Service", namespace, name) is not None or not index.knows(namespace):
        return
    if makes_service(index, namespace, name) is not None:
        return
    near = names_near(name, (item.name for item in index.of("Service", namespace=namespace)))
    message = f"{user} names the host {host}, which is not a Service{near}"
    if namespace == user.namespace or (context.complete and context.public.knows(namespace)):
        yield problem(HOST, user, message, *place, unless=("Service", namespace, name))


def _destination(
    index: Index,
    context: ClusterContext,
    virtual: Resource,
    destination: Mapping[str, Any],
    place: tuple[str | int, ...],
) -> Iterator[Problem]:
    host = str(destination.get("host") or "")
    yield from _missing(index, context, virtual, host, *place, "destination", "host")
    where = (*place, "destination", "port", "number")
    yield from _port(index, PORT, virtual, host, dig(destination, "port", "number"), where)
    subset = destination.get("subset")
    if not subset:
        return
    # The namespaces of the client, the Service and the mesh's root count; the last by its full name.
    everywhere = [*index.of(DESTINATION), *context.public.of(DESTINATION)]
    rules = [
        rule
        for rule in {id(one): one for one in everywhere}.values()
        if service_of(str(rule.spec.get("host")), rule.namespace) == service_of(host, virtual.namespace)
    ]
    known = {str(item.get("name")) for rule in rules for item in mappings(rule.spec.get("subsets"))}
    if str(subset) not in known and index.knows(virtual.namespace):
        message = (
            f"{virtual} sends to subset {subset} of {host}, which is not "
            f"defined{names_near(str(subset), known)}"
        )
        yield problem(SUBSET, virtual, message, *place, "destination", "subset")


def _port(
    index: Index, rule: Rule, user: Resource, host: str, port: Any, place: tuple[str | int, ...]
) -> Iterator[Problem]:
    target = service_of(host, user.namespace)
    service = index.get("Service", *target) if target else None
    if service is None or port is None:
        return
    known = [item.get("port") for item in mappings(service.spec.get("ports"))]
    if port not in known and (known or service.spec.get("type") != "ExternalName"):
        has = ", ".join(map(str, known)) or "none"
        yield problem(rule, user, f"{user} names port {port} of {service}, which has port {has}", *place)


def _weights(
    virtual: Resource, protocol: str, number: int, routes: list[Mapping[str, Any]]
) -> Iterator[Problem]:
    weights = [item.get("weight") for item in routes]
    given = [weight for weight in weights if isinstance(weight, int)]
    if len(routes) > 1 and given and sum(given) != 100 and "rollouts" not in str(virtual.labels):
        message = f"{virtual}: the weights {', '.join(map(str, weights))} add up to {sum(given)}"
        yield problem(WEIGHTS, virtual, message, "spec", protocol, number, "route")


def _gateway(
    index: Index, context: ClusterContext, virtual: Resource, name: str, number: int
) -> Iterator[Problem]:
    if name == "mesh":
        return
    namespace, slash, short = name.partition("/")
    namespace, short = (namespace, short) if slash else (virtual.namespace, name)
    known = index.knows(namespace) and context.complete and context.public.knows(namespace)
    if known and index.get(MESH_GATEWAY, namespace, short) is None:
        elsewhere = [f"{item.namespace}/{item.name}" for item in context.public.of(MESH_GATEWAY)]
        same = [one for one in elsewhere if one.endswith(f"/{short}")]
        near = names_near(f"{namespace}/{short}", elsewhere)
        hint = f"; {suggest(same)}" if len(same) == 1 else near
        fix = f"write {same[0]}" if len(same) == 1 else None
        message = f"{virtual} names the Gateway {name}, which does not exist{hint}"
        yield problem(GATEWAY_MISSING, virtual, message, "spec", "gateways", number, fix=fix)


def _rule(index: Index, context: ClusterContext, rule: Resource) -> Iterator[Problem]:
    host = str(rule.spec.get("host") or "")
    yield from _missing(index, context, rule, host, "spec", "host")
    policy = mapping(rule.spec.get("trafficPolicy"))
    for number, level in enumerate(sequence(policy.get("portLevelSettings"))):
        place = ("spec", "trafficPolicy", "portLevelSettings", number)
        yield from _port(index, PORT_SETTINGS, rule, host, dig(level, "port", "number"), place)
    target = service_of(host, rule.namespace)
    service = index.get("Service", *target) if target else None
    if service is None:
        return
    selector = mapping(service.spec.get("selector"))
    for number, subset in enumerate(sequence(rule.spec.get("subsets"))):
        labels = mapping(mapping(subset).get("labels"))
        pods = [
            item
            for item in index.of(*WORKLOADS, namespace=service.namespace)
            if selects(selector, pod_labels(item))
        ]
        if labels and pods and not any(selects(labels, pod_labels(item)) for item in pods):
            wanted = ", ".join(f"{key}={value}" for key, value in labels.items())
            name = mapping(subset).get("name")
            message = f"{rule}: subset {name} selects {wanted}, which no pod of {service} has"
            yield problem(SUBSET_EMPTY, rule, message, "spec", "subsets", number, "labels")


def policy_of(index: Index, service: Resource) -> list[str]:
    """What the mesh does to requests to a Service: mTLS, retries, timeouts, weights, in words."""
    hint = []
    for authentication in index.of("PeerAuthentication.security.istio.io", namespace=service.namespace):
        if not authentication.spec.get("selector"):
            hint.append(f"mTLS {str(dig(authentication.spec, 'mtls', 'mode')).lower()}")
    for rule in index.of(DESTINATION):
        if service_of(str(rule.spec.get("host")), rule.namespace) == (service.namespace, service.name):
            hint.append(f"traffic policy {rule.name}")
    for virtual in index.of(VIRTUAL):
        for route in mappings(virtual.spec.get("http")):
            backs = [mapping(item.get("destination")) for item in mappings(route.get("route"))]
            names = [service_of(str(item.get("host")), virtual.namespace) for item in backs]
            if (service.namespace, service.name) in names:
                if route.get("timeout"):
                    hint.append(f"timeout {route['timeout']}")
                if attempts := dig(route, "retries", "attempts"):
                    hint.append(f"retries {attempts}")
                if len(backs) > 1:
                    weights = [str(item.get("weight", "?")) for item in mappings(route.get("route"))]
                    hint.append(f"weights {'/'.join(weights)}")
    return hint
