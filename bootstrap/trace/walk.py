"""Pure: builds the tree of hops from a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.core.numbers import whole
from bootstrap.core.text import near
from bootstrap.repository.model import Unknown
from bootstrap.resources.entrances import Entrances
from bootstrap.resources.entries import Entry, entries, gateways_of, known_hosts, mesh_gateways
from bootstrap.resources.index import Index, Resource, mapping, mappings
from bootstrap.resources.links import Link, links
from bootstrap.resources.pods import pod_spec, replicas, running, selected
from bootstrap.trace.ends import addresses
from bootstrap.trace.given import certificate, certificates, configuration, ready_when, volumes
from bootstrap.trace.hops import Hop, Remark
from bootstrap.trace.platform import Platform, platform
from bootstrap.validate.rules import entrances, mesh_strict
from bootstrap.validate.rules.api.pods import SWITCHED_OFF, off_message, switched_off
from bootstrap.validate.rules.mesh import policy_of
from bootstrap.validate.rules.monitoring import scrapers
from bootstrap.validate.rules.network import Stop, stopped
from bootstrap.validate.rules.scaling import budgets_of, metrics_of, scalers_of


@dataclass
class _Walk:
    """One walk: what it reads, and which workloads it has shown."""

    index: Index
    platform: Platform
    entrances: Entrances
    alone: bool = True
    unread: Sequence[Unknown] = ()
    shown: set[tuple[str, str, str]] = field(default_factory=set)

    def unseen(self, what: str, namespace: str, application: str) -> Remark:
        """That something is in nothing that was read, and what may bring it: of `application` first."""
        near = [one for one in self.unread if one.namespace in (namespace, "*")]
        near.sort(key=lambda one: (one.application != application, one.namespace == "*"))
        if not near:
            return Remark("unknown", f"{what} is in nothing that was read", "trace it with --live")
        one = near[0]
        of = f" of Application {one.application}" if one.application else ""
        message = f"{what} is in nothing that was read; it may be in {one.what}{of}: {one.why}"
        charts = "--fetch-charts" in one.why
        return Remark("unknown", message, "trace with --fetch-charts" if charts else "trace with --live")


def trace(
    index: Index,
    target: str,
    ways_in: Entrances | None = None,
    whole: bool = True,
    alone: bool = True,
    unread: Sequence[Unknown] = (),
    any_host: bool = True,
) -> Hop:
    """The chain from `HOST[/PATH]` (or `SERVICE.NAMESPACE`); InputError when nothing serves the host.

    `whole` means that the index has all Applications of the cluster, `alone` that nothing else comes with
    what no Application applies; `unread` is what may have what the index lacks. Without `any_host`,
    routes that take every host count for nothing.
    """
    host, slash, path = target.removeprefix("https://").removeprefix("http://").partition("/")
    host = host.lower()  # hosts are case-insensitive (RFC 4343)
    if not host or len(host.split()) != 1 or host != host.strip():
        hint = "give HOST[/PATH], SERVICE.NAMESPACE or NODE:PORT"
        raise InputError(f"tracing {target or repr(target)}", "that is no host", hint)
    walk = _Walk(index, platform(index, whole), ways_in or {}, alone, unread)
    below = f"/{path}" if slash else ""
    found = entries(index, host, below)
    name, _, number = host.rpartition(":")
    if number.isdigit() and not _naming(found) and not _at_node_port(index, host):
        host, found = name, entries(index, name, below)
    root = Hop("entry", host + below)
    if naming := _naming(found):
        _entry(walk, root, host, naming)
    elif service := _named(index, host):
        root.hops.append(_service(walk, service, None, "named"))
    elif at_node := _at_node_port(index, host):
        service, port = at_node
        root.hops.append(_service(walk, service, port, "named"))
        _entrance(walk, root.hops[0], service, service, port)
    elif found and any_host:
        _entry(walk, root, host, found)
    else:
        raise _unknown(index, host)
    return root


def _naming(found: list[Entry]) -> list[Entry]:
    """Those that name the host, rather than take every one."""
    return [one for one in found if one.host != "*"]


def _named(index: Index, host: str) -> Resource | None:
    """The Service that `name.namespace[.svc…]` means."""
    parts = host.split(".")
    if len(parts) < 2:
        return None
    return next((one for one in index.of("Service", namespace=parts[1]) if one.name == parts[0]), None)


def _at_node_port(index: Index, host: str) -> tuple[Resource, Any] | None:
    """The Service that `NODE:31000` reaches, and its port."""
    port = whole(host.rpartition(":")[2])
    for service in index.of("Service"):
        for item in mappings(service.spec.get("ports")):
            if port is not None and item.get("nodePort") == port:
                return service, item.get("port")
    return None


def _unknown(index: Index, host: str) -> InputError:
    known = known_hosts(index)
    shown = near(host, known, most=3, cutoff=0.5) or known[:10]
    hint = (
        f"known hosts: {', '.join(shown)}"
        if shown
        else "no Ingress or route names a host; try SERVICE.NAMESPACE"
    )
    return InputError(f"tracing {host}", "no Ingress, route or VirtualService serves this host", hint)


def _entry(walk: _Walk, root: Hop, host: str, found: list[Entry]) -> None:
    root.details += walk.platform.names(host, [entry.route for entry in found])
    routes: dict[int, Hop] = {}
    for entry in found:
        hop = routes.get(id(entry.route))
        if hop is None:
            hop = routes[id(entry.route)] = _route(walk, entry)
            root.hops.append(hop)
        if not entry.service:
            hop.details.append(f"{entry.host}{entry.path}: {entry.answer}")
            continue
        service = walk.index.get("Service", entry.namespace, entry.service)
        share = f", {entry.weight} % of requests" if entry.weight is not None else ""
        how = f"{entry.host}{entry.path}{share}"
        if service is None:
            missing = Hop("service", f"Service {entry.namespace}/{entry.service}", how)
            sure = walk.index.knows(entry.namespace) and (walk.alone or entry.route.application)
            if sure:
                missing.remarks.append(Remark("broken", "it is not in Git", "add it"))
            else:
                missing.remarks.append(walk.unseen("it", entry.namespace, entry.route.application))
            hop.hops.append(missing)
        else:
            reached = _service(walk, service, entry.port, how)
            _entrance(walk, reached, entry.route, service, entry.port)
            hop.hops.append(reached)


def _entrance(walk: _Walk, hop: Hop, route: Resource, service: Resource, port: Any) -> None:
    """Whether what serves the route may reach the Service's pods."""
    for check in (entrances.stopped, mesh_strict.entry_stop):
        if stop := check(walk.index, walk.index, walk.entrances, route, service, port):
            hop.remarks.append(_stop(stop))


def _stop(stop: Stop) -> Remark:
    policy, rule = stop.policy, stop.rule
    return Remark("broken", stop.message, rule.fix, rule.id, policy.place)


def _route(walk: _Walk, entry: Entry) -> Hop:
    route = entry.route
    hop = Hop("route", str(route), "serves the host", route)
    hop.details += walk.platform.served_by(walk.index, route)
    gateways = gateways_of(walk.index, route)
    for gateway in gateways:
        listeners = ", ".join(
            f"{item.get('name')} ({item.get('protocol', '?')} {item.get('port')})"
            for item in mappings(gateway.spec.get("listeners"))
        )
        hop.hops.append(Hop("related", str(gateway), "listens", gateway, [f"listeners: {listeners}"]))
    for gateway in mesh_gateways(walk.index, route):
        ports = [mapping(item.get("port")) for item in mappings(gateway.spec.get("servers"))]
        servers = ", ".join(
            f"{item.get('name')} ({item.get('protocol', '?')} {item.get('number')})" for item in ports
        )
        hop.hops.append(Hop("related", str(gateway), "listens", gateway, [f"servers: {servers}"]))
    for holder in gateways or [route]:
        for namespace, secret in certificates(holder, entry.host.lower(), route):
            hop.hops.append(certificate(walk.index, holder, namespace, secret))
    if entry.tls is False:
        hop.details.append("plain HTTP: no TLS for this host")
    return hop


def _service(walk: _Walk, service: Resource, port: Any, how: str) -> Hop:
    hop = Hop("service", str(service), how, service)
    kind = str(service.spec.get("type") or "ClusterIP")
    ports = mappings(service.spec.get("ports"))
    chosen = [item for item in ports if port is None or port in (item.get("name"), item.get("port"))] or ports
    for item in chosen[:3]:
        target = item.get("targetPort", item.get("port"))
        node = f", node port {item['nodePort']}" if item.get("nodePort") else ""
        hop.details.append(f"{kind}, port {item.get('port')} to {target}{node}")
    if kind == "ExternalName":
        hop.hops.append(Hop("external", str(service.spec.get("externalName")), "outside the cluster"))
        return hop
    hop.details += [f"mesh: {text}" for text in policy_of(walk.index, service)]
    if not service.spec.get("selector") and (found := addresses(walk.index, service)):
        hop.hops += found
        return hop
    pods = _behind(walk.index, service)
    hop.details += [f"scraped by {monitor}" for monitor in scrapers(walk.index, service, pods)]
    if off := switched_off(walk.index, service):
        message = off_message(service, off)
        hop.remarks.append(Remark("broken", message, SWITCHED_OFF.fix, SWITCHED_OFF.id, off[0].place))
    for pod in pods:
        hop.hops.append(_pods(walk, pod, "selected"))
    if not pods and not walk.index.knows(service.namespace):
        what = "pods" if service.spec.get("selector") else "EndpointSlice"
        hop.remarks.append(walk.unseen(f"its {what}", service.namespace, service.application))
    return hop


def _pods(walk: _Walk, pod: Resource, how: str) -> Hop:
    hop = Hop("pods", str(pod), how, pod)
    key = (pod.kind, pod.namespace, pod.name)
    if key in walk.shown:
        hop.shown_above = True
        return hop
    walk.shown.add(key)
    scalers = scalers_of(walk.index, pod)
    count = "scaled by its autoscaler" if scalers else f"{replicas(pod)} replica{'s' * (replicas(pod) != 1)}"
    hop.details.append("one per node" if pod.kind == "DaemonSet.apps" else count)
    for container in running(pod):
        ready = ready_when(container.body)
        probe = f"ready when {ready}" if ready else "no readiness probe"
        hop.details.append(f"container {container.name}: {container.body.get('image')}, {probe}")
    account = pod_spec(pod).get("serviceAccountName")
    if account:
        hop.details.append(f"runs as ServiceAccount {account}")
    hop.details += walk.platform.watched(pod)
    hop.hops += configuration(walk.index, pod)
    for scaler in scalers:
        low, high = scaler.spec.get("minReplicas", 1), scaler.spec.get("maxReplicas")
        detail = f"{low} to {high} replicas by {', '.join(metrics_of(scaler))}"
        hop.hops.append(Hop("related", str(scaler), "scales", scaler, [detail]))
    for budget in budgets_of(walk.index, pod):
        field_ = "maxUnavailable" if "maxUnavailable" in budget.spec else "minAvailable"
        hop.hops.append(
            Hop("related", str(budget), "limits drains", budget, [f"{field_}: {budget.spec.get(field_)}"])
        )
    hop.hops += volumes(walk.index, pod)
    for link in links(walk.index, pod):
        if link.sure or link.service is None or pod not in _behind(walk.index, link.service):
            hop.hops.append(_link(walk, link))
    hop.hops += _callers(walk, pod)
    return hop


def _behind(index: Index, service: Resource) -> list[Resource]:
    return selected(index, mapping(service.spec.get("selector")), service.namespace)


def _link(walk: _Walk, link: Link) -> Hop:
    how = f"{'talks' if link.sure else 'may talk'} to it ({link.how})"
    if link.service is None:
        return Hop("external", link.host, how)
    hop = _service(walk, link.service, link.port, how)
    for stop in (stopped(walk.index, link), mesh_strict.link_stop(walk.index, walk.index, link)):
        if stop is not None:
            hop.remarks.append(_stop(stop))
    return hop


def _callers(walk: _Walk, pod: Resource) -> list[Hop]:
    """Other workloads that talk to the same Service: what this one writes, they read."""
    hops = []
    fronts = [
        service
        for service in walk.index.of("Service", namespace=pod.namespace)
        if pod in _behind(walk.index, service)
    ]
    for other in walk.index.of(
        "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", namespace=pod.namespace
    ):
        if (other.kind, other.namespace, other.name) in walk.shown or other is pod:
            continue
        for link in links(walk.index, other):
            if any(link.service is service for service in fronts):
                hops.append(_pods(walk, other, f"also talks to {pod.name} ({link.how})"))
                break
    return hops
