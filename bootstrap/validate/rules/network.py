"""Connections that a policy blocks although a manifest says that they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.core.text import names_near, near, suggest
from bootstrap.resources.index import Index, Resource, mapping, mappings, sequence
from bootstrap.resources.links import Link, hosts, links, protocol, target_port
from bootstrap.resources.pods import WORKLOADS, label_selected, pod_labels, pod_spec, selected
from bootstrap.resources.policies import NETWORK_POLICY, Peer, cut, peer, refused
from bootstrap.validate.rule import ClusterContext, Problem, Rule, Severity, problem

CUT = Rule(
    "GB323",
    "network-policy-cuts-path",
    "error",
    "A NetworkPolicy blocks a connection that a workload needs.",
    "allow the workload's pods in (or out) at that port",
)
EMPTY = Rule(
    "GB324",
    "network-policy-selects-nothing",
    "warning",
    "A NetworkPolicy selects no pods, but nearly matches some: it protects nothing.",
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
    "Egress policies block the cluster's DNS for a workload that looks up Services by name.",
    "allow egress to kube-system at port 53, UDP and TCP",
)
TALKS_TO_NOTHING = Rule(
    "GB339",
    "talks-to-missing-service",
    "error",
    "A workload declares (gitops-bootstrap.io/talks-to) a Service, or a port of one, that does not exist.",
    "correct the annotation, or the Service",
)

NEAR_MISS = Rule(
    "GB355",
    "host-just-misses-service",
    "warning",
    "A variable names a host that is not a Service of the namespace, but one has almost the same name.",
    "correct the name",
)


@dataclass(frozen=True)
class Stop:
    """A policy that blocks a connection, the message about it, and the field that does so."""

    rule: Rule
    policy: Resource
    message: str
    path: tuple[str, ...]


_COREDNS = {"app.kubernetes.io/name": "coredns", "app.kubernetes.io/instance": "coredns"}
_OPENSHIFT = {"dns.operator.openshift.io/daemonset-dns": "default"}
DNS = (
    *((Peer("kube-system", {"k8s-app": one, **_COREDNS}), 53) for one in ("kube-dns", "coredns")),
    (Peer("openshift-dns", _OPENSHIFT), 5353),
)
"""The pods of the cluster's DNS and their port, as distributions and CoreDNS's own chart label them."""


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for policy in index.of(NETWORK_POLICY):
        yield from _empty(index, policy)
    for workload in index.of(*WORKLOADS):
        named = links(index, workload)
        looked_up = next((one.host for one in named if one.sure and not _is_own_name(index, one)), None)
        stops = [cut(index, peer(workload), one, port, "UDP") for one, port in DNS] if looked_up else []
        closed = stops[0] if all(stops) and stops else None
        if closed and closed[1] == "Egress":
            message = f"{workload} looks up {looked_up}, but {closed[0]} blocks DNS for it"
            yield problem(NO_DNS, closed[0], message, "spec", "egress")
        for link in named:
            yield from _link(index, link)
        yield from _near_misses(index, workload)


def _empty(index: Index, policy: Resource) -> Iterator[Problem]:
    """A policy may be for pods that do not exist yet; one that nearly matches some is wrong."""
    selector = mapping(policy.spec.get("podSelector"))
    if not selector or label_selected(index, selector, policy.namespace):
        return
    labels = [pod_labels(item) for item in index.of(*WORKLOADS, namespace=policy.namespace)]
    for key, value in mapping(selector.get("matchLabels")).items():
        known = {str(item[key]) for item in labels if key in item} - {str(value)}
        if hint := suggest(near(str(value), known, cutoff=0.7)):
            message = f"{policy} selects {key}={value}, which no pod has; {hint}"
            yield problem(EMPTY, policy, message, "spec", "podSelector")
            return


def _near_misses(index: Index, workload: Resource) -> Iterator[Problem]:
    here = workload.namespace
    if not index.knows(here):
        return
    names = {service.name for service in index.of("Service", namespace=here)}
    aliases = mappings(pod_spec(workload).get("hostAliases"))
    known = names | {str(host) for alias in aliases for host in sequence(alias.get("hostnames"))}
    for host, name, how, place in hosts(index, workload):
        close = near(name, names, cutoff=0.8) if name not in known else []
        if close and not _apart(name, close[0]):
            message = f"{workload}: {how} names the host {host}, but {here} has no Service {name}"
            message += f"; {suggest(close)}"
            yield problem(NEAR_MISS, workload, message, *place, unless=("Service", here, name))


def _apart(one: str, other: str) -> bool:
    """Whether two names are similar on purpose: they differ in numbers, or in a part after a dash."""
    plain = [re.sub(r"\d+", "", name) for name in (one, other)]
    longer, shorter = max(one, other, key=len), min(one, other, key=len)
    return plain[0] == plain[1] or longer.startswith(f"{shorter}-") or longer.endswith(f"-{shorter}")


def _link(index: Index, link: Link) -> Iterator[Problem]:
    workload = link.workload
    if link.service is None:
        if link.declared and link.namespace == workload.namespace and index.knows(link.namespace):
            near = names_near(link.host, (s.name for s in index.of("Service", namespace=link.namespace)))
            message = f"{workload} talks to {link.host}, which is not a Service of {link.namespace}{near}"
            yield problem(TALKS_TO_NOTHING, workload, message, *link.path)
        return
    if link.declared and link.port is not None and not _serves(link.service, link.port):
        has = ", ".join(str(item.get("port")) for item in mappings(link.service.spec.get("ports"))) or "none"
        message = f"{workload} talks to {link.host} at port {link.port}, but {link.service} has port {has}"
        yield problem(TALKS_TO_NOTHING, workload, message, *link.path)
        return
    if stop := stopped(index, link):
        guessed = link.how.startswith(("NetworkPolicy ", "the egress of "))  # it may be let in, and never ask
        level: Severity | None = "warning" if guessed else None
        yield problem(stop.rule, stop.policy, stop.message, *stop.path, level=level)


def _serves(service: Resource, port: int) -> bool:
    """Whether a Service accepts connections at a port; a headless one, or an ExternalName, does at any."""
    if service.spec.get("clusterIP") == "None" or service.spec.get("type") == "ExternalName":
        return True
    return any(item.get("port") == port for item in mappings(service.spec.get("ports")))


def stopped(index: Index, link: Link) -> Stop | None:
    """What blocks or refuses a link; None when it passes."""
    if link.service is None or not link.sure or _is_own_name(index, link):
        return None
    ports = [link.port]
    if link.port is None:  # which of them it uses is unknown: one that is open is enough
        ports = [item.get("port") for item in mappings(link.service.spec.get("ports"))] or [None]
    for pod in selected(index, mapping(link.service.spec.get("selector")), link.namespace):
        stops = [_stop(index, link, link.service, port, pod) for port in ports]
        if all(stops):
            return stops[0]
    return None


def _is_own_name(index: Index, link: Link) -> bool:
    """Whether a workload only has the name of its own Service: others are told it, it calls itself nowhere.

    The members of a group find one another by a headless one.
    """
    if link.declared or link.service is None or link.service.spec.get("clusterIP") == "None":
        return False
    pods = selected(index, mapping(link.service.spec.get("selector")), link.namespace)
    return bool(pods) and all(pod is link.workload for pod in pods)


def _stop(index: Index, link: Link, service: Resource, number: int | None, pod: Resource) -> Stop | None:
    """What stops a link at one port of its Service."""
    workload, port = link.workload, target_port(service, number, pod)
    connection = f"{workload} talks to {link.host} ({link.how})"
    if found := cut(index, peer(workload), peer(pod), port, protocol(service, number)):
        policy, direction = found
        way = f"from {workload.name}" if direction == "Ingress" else f"to {pod.name}"
        message = f"{connection}, but {policy} allows nothing {way} at port {port}"
        return Stop(CUT, policy, message, ("spec", direction.lower()))
    if refusing := refused(index, peer(workload), peer(pod), port):
        return Stop(REFUSED, refusing, f"{connection}, but {refusing} refuses it at {pod}", ("spec", "rules"))
    return None
