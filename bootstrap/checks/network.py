"""Connections that a policy cuts although a manifest says that they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from bootstrap.checks.rule import Problem, Rule, Surroundings, at, names_near
from bootstrap.index import Index, Resource, mapping, mappings
from bootstrap.index_links import Link, links, protocol, target_port
from bootstrap.index_pods import WORKLOADS, label_selected, pod_labels, selected
from bootstrap.index_policies import NETWORK_POLICY, Peer, cut, peer, refused

CUT = Rule(
    "GB323",
    "network-policy-cuts-path",
    "error",
    "A NetworkPolicy cuts a connection that a workload needs.",
    "let the workload's pods in (or out), at that port",
)
EMPTY = Rule(
    "GB324",
    "network-policy-selects-nothing",
    "warning",
    "A NetworkPolicy selects no pods, but only just misses some: it protects nothing.",
    "make podSelector match the pods' labels",
)
REFUSED = Rule(
    "GB325",
    "authorization-policy-cuts-path",
    "error",
    "An AuthorizationPolicy refuses a connection that a workload needs.",
    "add the workload's service account to the rule's source",
)
NO_DNS = Rule(
    "GB338",
    "egress-without-dns",
    "error",
    "Egress policies leave a workload no way to the cluster's DNS, and it looks Services up by name.",
    "allow egress to kube-system at port 53, UDP and TCP",
)
TALKS_TO_NOTHING = Rule(
    "GB339",
    "talks-to-missing-service",
    "error",
    "A workload declares (gitops-bootstrap.io/talks-to) a Service, or a port of one, that is not there.",
    "correct the annotation, or the Service",
)


@dataclass(frozen=True)
class Stop:
    """A policy that stands between two ends, what to say of it, and where it says so."""

    rule: Rule
    policy: Resource
    message: str
    path: tuple[str, ...]


DNS = Peer("kube-system", {"k8s-app": "kube-dns"})


def check(index: Index, around: Surroundings) -> Iterator[Problem]:
    """Every rule of this module."""
    for policy in index.of(NETWORK_POLICY):
        yield from _empty(index, policy)
    for workload in index.of(*WORKLOADS):
        named = links(index, workload)
        stopped = cut(index, peer(workload), DNS, 53, "UDP") if named else None
        if stopped and stopped[1] == "Egress":
            message = f"{workload} looks up {named[0].host}, and {stopped[0]} lets it reach no DNS"
            yield at(NO_DNS, stopped[0], message, "spec", "egress")
        for link in named:
            yield from _link(index, link)


def _empty(index: Index, policy: Resource) -> Iterator[Problem]:
    """A policy may wait for pods that are not there yet; one that only just misses some is wrong."""
    selector = mapping(policy.spec.get("podSelector"))
    if not selector or label_selected(index, selector, policy.namespace):
        return
    labels = [pod_labels(item) for item in index.of(*WORKLOADS, namespace=policy.namespace)]
    for key, value in mapping(selector.get("matchLabels")).items():
        known = {str(item[key]) for item in labels if key in item} - {str(value)}
        if near := get_close_matches(str(value), known, n=1, cutoff=0.7):
            message = f"{policy} selects {key}={value}, which no pod has; did you mean {near[0]}?"
            yield at(EMPTY, policy, message, "spec", "podSelector")
            return


def _link(index: Index, link: Link) -> Iterator[Problem]:
    workload = link.workload
    if link.service is None:
        if link.declared and link.namespace == workload.namespace and index.knows(link.namespace):
            near = names_near(link.host, (s.name for s in index.of("Service", namespace=link.namespace)))
            message = f"{workload} talks to {link.host}, which is no Service of {link.namespace}{near}"
            yield at(TALKS_TO_NOTHING, workload, message, *link.path)
        return
    if link.declared and link.port is not None and not _serves(link.service, link.port):
        has = ", ".join(str(item.get("port")) for item in mappings(link.service.spec.get("ports"))) or "none"
        message = f"{workload} talks to {link.host} at port {link.port}, and {link.service} has port {has}"
        yield at(TALKS_TO_NOTHING, workload, message, *link.path)
        return
    if stop := stopped(index, link):
        yield at(stop.rule, stop.policy, stop.message, *stop.path)


def _serves(service: Resource, port: int) -> bool:
    """Whether a Service takes connections at a port; a headless one, or a mere name, takes them at any."""
    if service.spec.get("clusterIP") == "None" or service.spec.get("type") == "ExternalName":
        return True
    return any(item.get("port") == port for item in mappings(service.spec.get("ports")))


def stopped(index: Index, link: Link) -> Stop | None:
    """What cuts or refuses a link; None when it passes."""
    if link.service is None:
        return None
    workload, told = link.workload, f"{link.workload} talks to {link.host} ({link.how})"
    reached = [
        (pod, target_port(link.service, link.port, pod))
        for pod in selected(index, mapping(link.service.spec.get("selector")), link.namespace)
    ]
    for pod, port in reached:
        if found := cut(index, peer(workload), peer(pod), port, protocol(link.service, link.port)):
            policy, direction = found
            way = f"from {workload.name}" if direction == "Ingress" else f"to {pod.name}"
            message = f"{told}, and {policy} lets nothing {way} pass at port {port}"
            return Stop(CUT, policy, message, ("spec", direction.lower()))
    for pod, port in reached:
        if refusing := refused(index, peer(workload), peer(pod), port):
            return Stop(REFUSED, refusing, f"{told}, and {refusing} refuses it at {pod}", ("spec", "rules"))
    return None
