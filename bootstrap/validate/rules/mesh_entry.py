"""Istio's Gateways: the hosts that they listen for, and their pods."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.index import Index, Resource, mapping, mappings, selects, sequence
from bootstrap.resources.pods import WORKLOADS, containers, pod_labels
from bootstrap.resources.routes import MESH_GATEWAY, VIRTUAL, meets
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules import made_secrets, services

NOT_OF_GATEWAY = Rule(
    "GB374",
    "mesh-host-not-of-gateway",
    "error",
    "No server of a VirtualService's Gateway listens for its host: requests from outside fail with 404.",
    "add the host to spec.servers of the Gateway, or correct it",
)
NO_GATEWAY_PODS = Rule(
    "GB375",
    "mesh-gateway-selects-nothing",
    "error",
    "An Istio Gateway's selector matches no gateway pods: nothing listens for its hosts.",
    "make the selector match the labels of the gateway's pods",
)

_IMAGES = ("proxyv2", "auto")
"""The last part of the images that Istio's gateways run."""


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for virtual in index.of(VIRTUAL):
        for name in map(str, sequence(virtual.spec.get("gateways"))):
            yield from _hosts(index, virtual, name)
    for gateway in index.of(MESH_GATEWAY):
        yield from _pods(index, context, gateway)
        yield from _certificates(index, context, gateway)


def _certificates(index: Index, context: ClusterContext, gateway: Resource) -> Iterator[Problem]:
    """Certificates that nothing creates; Istio looks for them in the namespace of the gateway's pods."""
    if not context.complete or not index.knows(gateway.namespace):
        return
    selector = mapping(gateway.spec.get("selector"))
    pods = index.of(*WORKLOADS, namespace=gateway.namespace)
    here = any(selects(selector, pod_labels(item)) for item in pods)
    for number, server in enumerate(mappings(gateway.spec.get("servers"))):
        name = mapping(server.get("tls")).get("credentialName")
        if not name or made_secrets.is_made(index, gateway.namespace, str(name)):
            continue
        where = f" in {gateway.namespace}" if here else ""
        message = f"{gateway} uses the certificate in Secret {name}, which nothing creates{where}"
        there = ("Secret", gateway.namespace if here else "*", str(name))
        place = ("spec", "servers", number, "tls", "credentialName")
        yield problem(services.TLS_SECRET, gateway, message, *place, unless=there)


def _hosts(index: Index, virtual: Resource, name: str) -> Iterator[Problem]:
    namespace, slash, short = name.rpartition("/")
    gateway = index.get(MESH_GATEWAY, namespace if slash else virtual.namespace, short)
    if gateway is None:
        return
    open_to = [
        str(host).rpartition("/")[2]
        for server in mappings(gateway.spec.get("servers"))
        for host in sequence(server.get("hosts"))
        if _admits(str(host), gateway, virtual)
    ]
    for number, item in enumerate(sequence(virtual.spec.get("hosts"))):
        host = str(item)
        inside = "." not in host or host.endswith((".svc", ".cluster.local"))
        if inside or any(one == "*" or host == "*" or meets(one, host) for one in open_to):
            continue
        has = ", ".join(dict.fromkeys(open_to)) or "no host of this namespace"
        message = f"{virtual} is for {host}, but {gateway} listens for {has}"
        yield problem(NOT_OF_GATEWAY, virtual, message, "spec", "hosts", number)


def _admits(host: str, gateway: Resource, virtual: Resource) -> bool:
    """Whether a server's host (`[NAMESPACE/]HOST`) is for VirtualServices of the namespace."""
    namespace, slash, _ = host.partition("/")
    if not slash or namespace == "*":
        return True
    return virtual.namespace == (gateway.namespace if namespace == "." else namespace)


def _is_gateway(workload: Resource) -> bool:
    """Whether pods run a gateway of Istio rather than a service with, or without, a proxy beside it.

    The label `istio` is what Istio's own gateways are selected by: services have none.
    """
    if "istio" in pod_labels(workload):
        return True
    images = [str(one.body.get("image")).partition("@")[0] for one in containers(workload)]
    return bool(images) and all(one.rpartition("/")[2].partition(":")[0] in _IMAGES for one in images)


def _pods(index: Index, context: ClusterContext, gateway: Resource) -> Iterator[Problem]:
    selector = mapping(gateway.spec.get("selector"))
    if not selector or not context.complete or context.gateways is None:
        return
    pods = index.of(*WORKLOADS, namespace=gateway.namespace)
    here = [pod_labels(item) for item in pods]
    known = [*context.gateways, *here]
    by_hand = any(image.rpartition("/")[2] in _IMAGES for image in context.images)
    if any(selects(selector, labels) for labels in known) or (by_hand and not here):
        return
    if not context.gateways and not any(_is_gateway(item) for item in pods):
        return  # Git does not say what creates the gateway's pods
    wanted = ", ".join(f"{key}={value}" for key, value in selector.items())
    alike = [labels for labels in known if set(selector) & set(labels)] or known
    pairs = [f"{key}={labels[key]}" for labels in alike[:1] for key in labels if key in selector]
    near = f"; the gateway's pods have {', '.join(pairs)}" if pairs else ""
    message = f"{gateway} is for pods with {wanted}, which no gateway has{near}"
    yield problem(NO_GATEWAY_PODS, gateway, message, "spec", "selector")
