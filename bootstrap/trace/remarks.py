"""Pure: attaches findings to the hops of a trace: those of the objects, and of the objects around them.

A policy, a budget or a DestinationRule is not a hop: its findings belong to the pods or the Service
that it is for; those of an Application, to the first hop that it applies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from bootstrap.core.health import State
from bootstrap.core.text import near
from bootstrap.resources.index import (
    APPLICATION_SET,
    PROJECT,
    Index,
    Resource,
    dig,
    label_selects,
    mapping,
    sequence,
)
from bootstrap.resources.pods import pod_labels, pod_spec
from bootstrap.resources.policies import AUTHORIZATION, MESH, NETWORK_POLICY, applies, peer
from bootstrap.resources.references import named
from bootstrap.resources.routes import DESTINATION, MESH_GATEWAY, VIRTUAL, destinations, service_of
from bootstrap.trace.hops import Hop, Remark
from bootstrap.validate.rule import Finding
from bootstrap.validate.rules import entrances, made_secrets, mesh_strict, network
from bootstrap.validate.rules.load_balancing import POOL
from bootstrap.validate.rules.monitoring import POD_MONITOR, SERVICE_MONITOR
from bootstrap.validate.rules.scaling import HPA, PDB

_STATES: Mapping[str, State] = {"error": "broken", "warning": "warning", "info": "ok"}
_WALKED = {network.CUT.id, network.REFUSED.id, entrances.CUT.id, mesh_strict.PLAIN_CALLER.id}
"""What the walk itself checks on each of its paths: other blocked paths do not concern this trace."""
_SCALED = "ScaledObject.keda.sh"


def namespaces(root: Hop, index: Index) -> set[str]:
    """The namespaces whose findings concern a trace, "" for cluster-scoped objects."""
    found = {""}
    for hop in root.walk():
        if hop.resource is not None:
            found.add(hop.resource.namespace)
            found |= {item.namespace for item in _appliers(index, hop.resource)}
            found |= {item.namespace for item in _beyond(index, hop)}
    return found


def remark(root: Hop, index: Index, findings: Collection[Finding]) -> None:
    """Attach findings to the hops that they concern, each once."""
    here = _applied_here(index)
    by_object: dict[str, list[Finding]] = defaultdict(list)
    by_files: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if _STATES[finding.severity] != "ok" and finding.rule not in _WALKED and finding.application in here:
            (by_object[finding.object] if finding.object else by_files[finding.application]).append(finding)
    _doubt(root, findings)
    lines = {(finding.rule, finding.message): finding.where for finding in findings}
    for hop in root.walk():
        hop.remarks = [
            replace(one, where=lines.get((one.rule, one.message), one.where)) for one in hop.remarks
        ]
    reported = {(one.rule, one.message) for hop in root.walk() for one in hop.remarks}

    def attach(hop: Hop, found: Iterable[Finding]) -> None:
        for one in found:
            if (one.rule, one.message) not in reported:
                reported.add((one.rule, one.message))
                hop.remarks.append(Remark(_STATES[one.severity], one.message, one.fix, one.rule, one.where))

    hops = [hop for hop in root.walk() if not hop.shown_above]
    for hop in hops:  # an object with a hop of its own has its findings there
        if hop.resource is not None:
            attach(hop, by_object.get(str(hop.resource), ()))
    for hop in hops:
        for name in dict.fromkeys(str(item) for item in _concerned(index, hop)):
            attach(hop, by_object.get(name, ()))
        if hop.resource is not None:
            attach(hop, by_files.get(hop.resource.application, ()))


def _doubt(root: Hop, findings: Collection[Finding]) -> None:
    """Leave open whether a Service is missing, where no rule finds that: something else may make it."""
    told = {(one.object, word) for one in findings for word in one.message.replace(",", " ").split()}
    for route in root.walk():
        for hop in route.hops if route.kind == "route" else ():
            name = hop.title.rpartition("/")[2]
            if hop.kind == "service" and hop.resource is None and (str(route.resource), name) not in told:
                message, fix = (
                    "it is in nothing that was read; something else may make it",
                    "trace it with --live",
                )
                hop.remarks = [
                    Remark("unknown", message, fix) if one.state == "broken" and not one.rule else one
                    for one in hop.remarks
                ]


def _applied_here(index: Index) -> set[str]:
    """The Applications that apply to this cluster, and those above them, which may be on Argo CD's own."""
    found: set[str] = set()
    wave = {resource.application for resource in index.resources}
    while wave - found:
        found |= wave
        wave = {index.applications[name].application for name in wave if name in index.applications}
    return found


def _concerned(index: Index, hop: Hop) -> Iterator[Resource]:
    """Objects that are not hops but affect this one."""
    if hop.resource is not None:
        yield from _appliers(index, hop.resource)
        if (namespace := index.get("Namespace", "", hop.resource.namespace)) is not None:
            yield namespace
    yield from _beyond(index, hop)
    if hop.kind == "pods" and hop.resource is not None:
        yield from _around_pods(index, hop.resource)
    elif hop.kind == "service" and hop.resource is not None:
        yield from _around_service(index, hop.resource)
    elif hop.kind == "config" and hop.title.startswith("Secret "):
        namespace_, _, name = hop.title.removeprefix("Secret ").partition("/")
        for maker in made_secrets.makers(index, namespace_, name):
            yield maker
            yield from reached(index, maker)


def _beyond(index: Index, hop: Hop) -> Iterator[Resource]:
    """What a hop's object names, and what that names; and the pools that a Service gets its address from."""
    resource = hop.resource
    if resource is None:
        return
    yield from reached(index, resource)
    if hop.kind == "service" and resource.spec.get("type") == "LoadBalancer":
        yield from index.of(POOL)


_ISSUER_NOTES = {"cert-manager.io/cluster-issuer": "ClusterIssuer", "cert-manager.io/issuer": "Issuer"}
_DEEPEST = 4


def reached(index: Index, resource: Resource, depth: int = 0) -> Iterator[Resource]:
    """The objects that one refers to, directly or indirectly: middlewares, stores, issuers, gateways …"""
    found = [index.get(use.kind, use.namespace, use.name) for use in named(resource)]
    issuer = mapping(resource.spec.get("issuerRef"))
    if resource.kind == "Certificate.cert-manager.io" and issuer:
        found.append(_issuer(index, resource, str(issuer.get("kind") or "Issuer"), issuer.get("name")))
    for key, kind in _ISSUER_NOTES.items():
        if key in resource.annotations:
            found.append(_issuer(index, resource, kind, resource.annotations[key]))
    if resource.kind == VIRTUAL:
        for name in map(str, sequence(resource.spec.get("gateways"))):
            namespace, slash, short = name.rpartition("/")
            found.append(index.get(MESH_GATEWAY, namespace if slash else resource.namespace, short))
    for one in found:
        if one is not None and one is not resource and depth < _DEEPEST:
            yield one
            if one.kind != "Service":
                yield from reached(index, one, depth + 1)


def _issuer(index: Index, user: Resource, kind: str, name: object) -> Resource | None:
    namespace = "" if kind == "ClusterIssuer" else user.namespace
    return index.get(f"{kind}.cert-manager.io", namespace, name)


def _appliers(index: Index, resource: Resource) -> Iterator[Resource]:
    """The Application that applies an object, its project and its set, and those above it."""
    seen: set[str] = set()
    name = resource.application
    while name and name not in seen:
        seen.add(name)
        application = index.applications.get(name)
        if application is None:
            return
        yield application
        project = index.get(PROJECT, application.namespace, application.spec.get("project") or "default")
        if project is not None:
            yield project
        for made in index.of(APPLICATION_SET, namespace=application.namespace):
            if (made.file, made.line) == (application.file, application.line):
                yield made
        name = application.application


def _around_pods(index: Index, pod: Resource) -> Iterator[Resource]:
    labels, here = pod_labels(pod), pod.namespace
    for policy in index.of(NETWORK_POLICY, namespace=here):
        if label_selects(policy.spec.get("podSelector"), labels):
            yield policy
    for policy in index.of(AUTHORIZATION):
        if policy.namespace in (here, MESH) and applies(policy, peer(pod)):
            yield policy
    for scaler in index.of(HPA, _SCALED, namespace=here):
        if _is_for(index, scaler, pod, str(dig(scaler.body, "spec", "scaleTargetRef", "name"))):
            yield scaler
            yield from reached(index, scaler)
    for item in index.of(PDB, POD_MONITOR, namespace=here):
        if _selects(item, labels) or item.name == pod.name:
            yield item
    account = index.get("ServiceAccount", here, pod_spec(pod).get("serviceAccountName") or "default")
    if account is not None:
        yield account


def _is_for(index: Index, user: Resource, target: Resource, name: str) -> bool:
    """Whether an object that names its target means this one: by its name, or by a misspelling of it."""
    if name == target.name:
        return True
    if index.get(target.kind, target.namespace, name) is not None:
        return False
    return user.name == target.name or bool(near(name, [target.name]))


def _selects(user: Resource, labels: Mapping[str, object]) -> bool:
    """Whether an object's selector matches these labels, or nearly does."""
    selector = mapping(user.spec.get("selector"))
    wanted = mapping(selector.get("matchLabels"))
    return label_selects(selector, labels) or any(
        near(str(value), [str(labels[key])], cutoff=0.7) for key, value in wanted.items() if key in labels
    )


def _around_service(index: Index, service: Resource) -> Iterator[Resource]:
    for rule in index.of(DESTINATION):
        if _names(index, rule, service, str(rule.spec.get("host"))):
            yield rule
    for virtual in index.of(VIRTUAL):
        if any(
            _names(index, virtual, service, str(target.get("host"))) for target, _ in destinations(virtual)
        ):
            yield virtual
    for monitor in index.of(SERVICE_MONITOR, namespace=service.namespace):
        if _selects(monitor, service.labels) or monitor.name == service.name:
            yield monitor


def _names(index: Index, user: Resource, service: Resource, host: str) -> bool:
    target = service_of(host, user.namespace)
    return target is not None and target[0] == service.namespace and _is_for(index, user, service, target[1])
