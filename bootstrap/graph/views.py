"""Pure: three views of a cluster: the app of apps by wave, the resources of an app, who talks to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bootstrap.core.health import State, worst
from bootstrap.drawing.model import Edge, Graph, Node, graph
from bootstrap.resources.applications import destination, sources
from bootstrap.resources.entries import every
from bootstrap.resources.index import APPLICATION, APPLICATION_SET, PROJECT, Index, Resource, mapping
from bootstrap.resources.links import links
from bootstrap.resources.pods import WORKLOADS, references, selected
from bootstrap.resources.routes import ingress_backends, route_backends
from bootstrap.validate.rule import Finding
from bootstrap.validate.rules.network import stopped
from bootstrap.validate.rules.scaling import budgets_of, scalers_of

_STATES: Mapping[str, State] = {"error": "broken", "warning": "warning", "info": "ok"}

Findings = Mapping[tuple[str, str], Sequence[Finding]]
"""What the rules found, by the object and the Application that applies it ("" when none does)."""


def by_object(findings: Iterable[Finding]) -> Findings:
    """Findings by the node that they belong to, each once.

    Findings about an Application's files have no object: they belong to the Application.
    """
    found: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for one in findings:
        there = found[(one.object, one.application)]
        if one not in there:
            there.append(one)
    return found


def apps(applications: Iterable[Resource], found: Findings, title: str) -> Graph:
    """The Applications, wave by wave. The root has no edges of its own: it would have one to each of them."""
    applications = list(applications)
    roots = {f"{item.namespace}/{item.name}" for item in applications if not item.application}
    nodes, edges = [], []
    for application in sorted(applications, key=lambda item: (item.wave, item.name)):
        name = f"{application.namespace}/{application.name}"
        cluster, namespace = destination(application.body)
        details = [f"to {namespace} of {cluster}"]
        details += [
            f"chart {source.chart} {source.revision}" if source.chart else f"{source.path or source.ref}"
            for source in sources(application.body)
        ]
        group = f"wave {application.wave}" if application.application else "root"
        nodes.append(_node(application, name, "Application", group, found, details))
        if application.application and (application.application not in roots or len(roots) > 1):
            edges.append(Edge(application.application, name))
    waves = sorted({item.wave for item in applications if item.application})
    return graph(title, nodes, edges, ["root", *(f"wave {wave}" for wave in waves)], True)


_HIDDEN = {
    APPLICATION,
    APPLICATION_SET,
    PROJECT,
    "Namespace",
    "CustomResourceDefinition.apiextensions.k8s.io",
}


def resources(index: Index, found: Findings, title: str, application: str | None = None) -> Graph:
    """The objects, grouped by Application, and what each of them needs."""
    chosen = [
        item
        for item in index.resources
        if item.kind not in _HIDDEN
        and (application is None or application in (item.application, _short(item)))
    ]
    nodes = [
        _node(item, str(item), item.short_kind, item.application or "applied by hand", found)
        for item in chosen
    ]
    edges = [edge for item in chosen for edge in _needs(index, item)]
    return graph(title, nodes, edges)


def _short(item: Resource) -> str:
    return item.application.partition("/")[2]


def _needs(index: Index, item: Resource) -> Iterator[Edge]:
    """What an object names, as edges."""
    if item.short_kind == "Ingress":
        for host, path, service, _, _ in ingress_backends(item):
            yield Edge(str(item), f"Service {item.namespace}/{service}", f"{host}{path}")
    elif item.kind.endswith("gateway.networking.k8s.io") and item.short_kind.endswith("Route"):
        for name, namespace, _, _ in route_backends(item):
            yield Edge(str(item), f"Service {namespace}/{name}")
        for reference in item.spec.get("parentRefs") or ():
            namespace = mapping(reference).get("namespace") or item.namespace
            yield Edge(f"Gateway {namespace}/{mapping(reference).get('name')}", str(item))
    elif item.kind == "Service":
        for pod in selected(index, mapping(item.spec.get("selector")), item.namespace):
            yield Edge(str(item), str(pod))
    elif item.kind in WORKLOADS:
        for use in references(item):
            kind = use.kind.partition(".")[0]
            place = "" if use.kind.endswith(".k8s.io") else f"{item.namespace}/"
            yield Edge(str(item), f"{kind} {place}{use.name}")
        for link in links(index, item):
            if link.service is not None:
                yield Edge(str(item), str(link.service), "talks to")
        for beside in [*scalers_of(index, item), *budgets_of(index, item)]:
            yield Edge(str(beside), str(item))
    elif item.kind == "PersistentVolumeClaim" and item.spec.get("storageClassName"):
        yield Edge(str(item), f"StorageClass {item.spec['storageClassName']}")


def network(index: Index, found: Findings, title: str, application: str | None = None) -> Graph:
    """Who talks to whom: hosts, workloads, and the connections between them; a blocked one is broken."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    fronts: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for service in index.of("Service"):
        pods = selected(index, mapping(service.spec.get("selector")), service.namespace)
        fronts[(service.namespace, service.name)] = pods
    for workload in index.of(*WORKLOADS):
        if application is not None and application not in (workload.application, _short(workload)):
            continue
        name = str(workload)
        nodes.append(_node(workload, name, workload.short_kind, workload.namespace, found))
        for link in links(index, workload):
            targets = fronts.get((link.namespace, link.host), []) if link.service is not None else []
            state: State = "broken" if stopped(index, link) else "ok"
            label = link.host + (f":{link.port}" if link.port else "")
            edges += [Edge(name, str(target), label, state) for target in targets]
            if link.service is not None and not targets:
                nodes.append(_node(link.service, str(link.service), "Service", link.namespace, found))
                edges.append(Edge(name, str(link.service), label))
    for entry in every(index):
        targets = fronts.get((entry.namespace, entry.service), [])
        nodes.append(Node(f"host {entry.host}", entry.host, "Host", "outside"))
        edges += [Edge(f"host {entry.host}", str(target), entry.path) for target in targets]
    for service in index.of("Service"):
        if service.spec.get("type") in ("NodePort", "LoadBalancer"):
            name = f"outside {service}"
            targets = fronts[(service.namespace, service.name)]
            nodes.append(Node(name, f"{service.spec['type']} {service.name}", "Port", "outside"))
            edges += [Edge(name, str(target)) for target in targets]
    used = {end for edge in edges for end in (edge.source, edge.target)}
    known = {node.id for node in nodes if node.group != "outside"}
    reached = {edge.source for edge in edges if edge.target in known}
    shown = [node for node in nodes if node.group != "outside" or node.id in reached & used]
    return graph(title, shown, edges, ["outside"])


def _node(
    resource: Resource, name: str, kind: str, group: str, found: Findings, details: Iterable[str] = ()
) -> Node:
    here = list(found.get((str(resource), resource.application), ()))
    if resource.kind == APPLICATION:
        here += found.get(("", f"{resource.namespace}/{resource.name}"), ())
    states = [_STATES[one.severity] for one in here]
    state = worst(states)
    notes = [*details, *(f"{one.rule}: {one.message}" for one in here)]
    return Node(name, resource.name, kind, group, state, resource.place, tuple(notes))
