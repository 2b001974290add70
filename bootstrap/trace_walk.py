"""Pure: builds the tree of hops from a host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap.checks import entrances, secrets
from bootstrap.checks.catalog import CHECKS
from bootstrap.checks.mesh import policy_of
from bootstrap.checks.monitoring import scrapers
from bootstrap.checks.network import Stop, stopped
from bootstrap.checks.pods import SWITCHED_OFF, switched_off
from bootstrap.checks.rule import Problem, Surroundings
from bootstrap.checks.scaling import budgets_of, metrics_of, scalers_of
from bootstrap.errors import InputError
from bootstrap.index import Index, Resource, dig, mapping, mappings
from bootstrap.index_entrances import Entrances
from bootstrap.index_links import Link, links
from bootstrap.index_pods import containers, pod_spec, references, replicas, running, selected
from bootstrap.trace import Hop, Remark
from bootstrap.trace_entry import Entry, entries, gateways_of, known_hosts
from bootstrap.trace_platform import Platform, platform


@dataclass
class _Walk:
    """One walk: what it looks into, and which workloads it has shown."""

    index: Index
    platform: Platform
    entrances: Entrances
    shown: set[tuple[str, str, str]] = field(default_factory=set)


def trace(index: Index, target: str, ways_in: Entrances | None = None) -> Hop:
    """The chain from `HOST[/PATH]` (or `SERVICE.NAMESPACE`); InputError when nothing takes the host."""
    host, slash, path = target.removeprefix("https://").removeprefix("http://").partition("/")
    walk = _Walk(index, platform(index), ways_in or {})
    found = entries(index, host, f"/{path}" if slash else "")
    root = Hop("entry", host + (f"/{path}" if slash else ""))
    if found:
        _entry(walk, root, host, found)
    elif service := _named(index, host) or _at_node_port(index, host):
        root.hops.append(_service(walk, service, None, "named"))
    else:
        raise _unknown(index, host)
    return root


def _named(index: Index, host: str) -> Resource | None:
    """The Service that `name.namespace[.svc…]` means."""
    parts = host.split(".")
    if len(parts) < 2:
        return None
    return next((one for one in index.of("Service", namespace=parts[1]) if one.name == parts[0]), None)


def _at_node_port(index: Index, host: str) -> Resource | None:
    """The Service that `NODE:31000` reaches."""
    port = host.rpartition(":")[2]
    for service in index.of("Service"):
        for item in mappings(service.spec.get("ports")):
            if port.isdigit() and item.get("nodePort") == int(port):
                return service
    return None


def _unknown(index: Index, host: str) -> InputError:
    from difflib import get_close_matches

    known = known_hosts(index)
    near = get_close_matches(host, known, n=3, cutoff=0.5) or known[:10]
    hint = (
        f"hosts that are taken: {', '.join(near)}"
        if near
        else "no Ingress or route names a host; try SERVICE.NAMESPACE"
    )
    return InputError(f"tracing {host}", "no Ingress, route or VirtualService takes this host", hint)


def _entry(walk: _Walk, root: Hop, host: str, found: list[Entry]) -> None:
    root.details += walk.platform.names(host, [entry.route for entry in found])
    routes: dict[int, Hop] = {}
    for entry in found:
        hop = routes.get(id(entry.route))
        if hop is None:
            hop = routes[id(entry.route)] = _route(walk, entry)
            root.hops.append(hop)
        service = walk.index.get("Service", entry.namespace, entry.service)
        share = f", {entry.weight} % of requests" if entry.weight is not None else ""
        how = f"{entry.host}{entry.path}{share}"
        if service is None:
            missing = Hop("service", f"Service {entry.namespace}/{entry.service}", how)
            missing.remarks.append(
                Remark(
                    "unknown" if not walk.index.knows(entry.namespace) else "broken",
                    "it is not in Git",
                    "add it",
                )
            )
            hop.hops.append(missing)
        else:
            reached = _service(walk, service, entry.port, how)
            _entrance(walk, reached, entry.route, service, entry.port)
            hop.hops.append(reached)


def _entrance(walk: _Walk, hop: Hop, route: Resource, service: Resource, port: Any) -> None:
    """Whether what serves the route may reach the Service's pods."""
    if stop := entrances.stopped(walk.index, walk.index, walk.entrances, route, service, port):
        hop.remarks.append(_stop(stop))


def _stop(stop: Stop) -> Remark:
    policy, rule = stop.policy, stop.rule
    place = f"{policy.file}:{policy.line}" if policy.file else ""
    return Remark("broken", stop.message, rule.mend, rule.id, place)


def _route(walk: _Walk, entry: Entry) -> Hop:
    route = entry.route
    hop = Hop("route", str(route), "takes the host", route)
    hop.details += walk.platform.served_by(walk.index, route)
    gateways = gateways_of(walk.index, route)
    for gateway in gateways:
        listeners = ", ".join(
            f"{item.get('name')} ({item.get('protocol', '?')} {item.get('port')})"
            for item in mappings(gateway.spec.get("listeners"))
        )
        hop.hops.append(Hop("beside", str(gateway), "listens", gateway, [f"listeners: {listeners}"]))
    holders = gateways or [route]
    for holder in holders:
        for secret in _certificates(holder):
            hop.hops.append(_certificate(walk, holder, secret))
    if not entry.tls:
        hop.details.append("plain HTTP: no TLS for this host")
    return hop


def _certificates(holder: Resource) -> list[str]:
    found = [str(item["secretName"]) for item in mappings(holder.spec.get("tls")) if item.get("secretName")]
    for listener in mappings(holder.spec.get("listeners")):
        found += [str(item.get("name")) for item in mappings(dig(listener, "tls", "certificateRefs"))]
    return list(dict.fromkeys(found))


def _certificate(walk: _Walk, holder: Resource, secret: str) -> Hop:
    """The TLS Secret, and who issues it."""
    hop = Hop("config", f"Secret {holder.namespace}/{secret}", "TLS certificate")
    for certificate in walk.index.of("Certificate.cert-manager.io", namespace=holder.namespace):
        if certificate.spec.get("secretName") == secret:
            issuer = mapping(certificate.spec.get("issuerRef"))
            hop.resource = certificate
            hop.details.append(f"issued by {issuer.get('kind', 'Issuer')} {issuer.get('name')}")
            return hop
    for key in ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer"):
        if key in holder.annotations:
            hop.details.append(f"issued by {holder.annotations[key]} ({key.partition('/')[2]})")
            return hop
    hop.resource = walk.index.get("Secret", holder.namespace, secret)
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
        hop.hops.append(Hop("external", str(service.spec.get("externalName")), "outside of the cluster"))
        return hop
    hop.details += [f"mesh: {text}" for text in policy_of(walk.index, service)]
    pods = selected(walk.index, mapping(service.spec.get("selector")), service.namespace)
    hop.details += [f"scraped by {monitor}" for monitor in scrapers(walk.index, service, pods)]
    if off := switched_off(walk.index, service):
        message = f"its pods are switched off: {', '.join(map(str, off))} has replicas: 0"
        hop.remarks.append(Remark("broken", message, SWITCHED_OFF.mend, SWITCHED_OFF.id))
    for pod in pods:
        hop.hops.append(_pods(walk, pod, "selected"))
    if not pods and not walk.index.knows(service.namespace):
        hop.remarks.append(
            Remark("unknown", "its pods come from a chart that is not rendered", "trace --live")
        )
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
    hop.details.append("one on each node" if pod.kind == "DaemonSet.apps" else count)
    for container in running(pod):
        probe = "ready when " + _probe(container.body) if _probe(container.body) else "no readiness probe"
        hop.details.append(f"container {container.name}: {container.body.get('image')}, {probe}")
    account = pod_spec(pod).get("serviceAccountName")
    if account:
        hop.details.append(f"runs as ServiceAccount {account}")
    hop.details += walk.platform.watched(pod)
    hop.hops += _configuration(walk, pod)
    for scaler in scalers:
        low, high = scaler.spec.get("minReplicas", 1), scaler.spec.get("maxReplicas")
        detail = f"{low} to {high} replicas by {', '.join(metrics_of(scaler))}"
        hop.hops.append(Hop("beside", str(scaler), "scales", scaler, [detail]))
    for budget in budgets_of(walk.index, pod):
        field_ = "maxUnavailable" if "maxUnavailable" in budget.spec else "minAvailable"
        hop.hops.append(
            Hop("beside", str(budget), "limits drains", budget, [f"{field_}: {budget.spec.get(field_)}"])
        )
    hop.hops += _volumes(walk, pod)
    for link in links(walk.index, pod):
        hop.hops.append(_link(walk, link))
    hop.hops += _callers(walk, pod)
    return hop


def _probe(container: Mapping[str, Any]) -> str:
    probe = mapping(container.get("readinessProbe"))
    if probe.get("httpGet"):
        return f"GET {dig(probe, 'httpGet', 'path') or '/'} answers"
    if probe.get("tcpSocket"):
        return f"port {dig(probe, 'tcpSocket', 'port')} opens"
    if probe.get("grpc"):
        return "gRPC health says so"
    return (
        f"`{' '.join(map(str, dig(probe, 'exec', 'command') or []))[:60]}` ends well"
        if probe.get("exec")
        else ""
    )


def _configuration(walk: _Walk, pod: Resource) -> list[Hop]:
    """A hop for each ConfigMap and Secret: which of its keys gives which variable or file; never a value."""
    uses: dict[tuple[str, str], list[str]] = defaultdict(list)
    for use in references(pod):
        if use.kind not in ("ConfigMap", "Secret"):
            continue
        if use.key is not None:
            uses[(use.kind, use.name)].append(f"{use.how} ← key {use.key}")
        else:
            names = _keys(walk.index, pod.namespace, use.kind, use.name)
            known = f" ← keys {', '.join(names)}" if names else ""
            uses[(use.kind, use.name)].append(f"{use.how}{known}")
    hops = []
    for (kind, name), details in uses.items():
        resource = walk.index.get(kind, pod.namespace, name)
        made = (
            ", made in the cluster"
            if kind == "Secret" and (pod.namespace, name) in walk.index.promised
            else ""
        )
        hops.append(
            Hop("config", f"{kind} {pod.namespace}/{name}", f"configures it{made}", resource, details)
        )
    literal = [
        str(variable.get("name"))
        for container in containers(pod)
        for variable in mappings(container.body.get("env"))
        if "value" in variable
    ]
    if literal:
        hops.append(
            Hop("config", f"variables in the manifest: {', '.join(dict.fromkeys(literal))}", "configures it")
        )
    return hops


def _keys(index: Index, namespace: str, kind: str, name: str) -> list[str]:
    if kind == "Secret":
        return sorted(secrets.keys(index, namespace, name) or ())
    found = index.get(kind, namespace, name)
    if found is None:
        return []
    return sorted(map(str, {**mapping(found.body.get("data")), **mapping(found.body.get("binaryData"))}))


def _volumes(walk: _Walk, pod: Resource) -> list[Hop]:
    hops = []
    for use in references(pod):
        if use.kind == "PersistentVolumeClaim":
            claim = walk.index.get(use.kind, pod.namespace, use.name)
            hop = Hop("volume", f"PersistentVolumeClaim {pod.namespace}/{use.name}", use.how, claim)
            if claim is not None:
                hop.details.append(_claim(claim.spec))
                hop.hops.append(_class(walk, claim.spec.get("storageClassName")))
            hops.append(hop)
    for template in mappings(pod.spec.get("volumeClaimTemplates")):
        spec = mapping(template.get("spec"))
        hop = Hop(
            "volume", f"claim template {dig(template, 'metadata', 'name')}", "a volume for each pod", pod
        )
        hop.details.append(_claim(spec))
        hop.hops.append(_class(walk, spec.get("storageClassName")))
        hops.append(hop)
    kept = [str(item.get("name")) for item in mappings(pod_spec(pod).get("volumes")) if "emptyDir" in item]
    if kept and not hops:
        hops.append(Hop("volume", f"emptyDir {', '.join(kept)}", "gone with the pod"))
    return hops


def _claim(spec: Mapping[str, Any]) -> str:
    modes = ", ".join(map(str, spec.get("accessModes") or ()))
    return f"{dig(spec, 'resources', 'requests', 'storage') or '?'}, {modes}"


def _class(walk: _Walk, name: Any) -> Hop:
    found = walk.index.get("StorageClass.storage.k8s.io", "", name) if name else None
    title = f"StorageClass {name}" if name else "the cluster's default StorageClass"
    details = (
        [f"provisioner {found.body.get('provisioner')}"] if found else ["not in Git: the cluster brings it"]
    )
    return Hop("volume", title, "made by", found, details)


def _link(walk: _Walk, link: Link) -> Hop:
    how = f"talks to it ({link.how})"
    if link.service is None:
        return Hop("external", link.host, how)
    hop = _service(walk, link.service, link.port, how)
    if stop := stopped(walk.index, link):
        hop.remarks.append(_stop(stop))
    return hop


def _callers(walk: _Walk, pod: Resource) -> list[Hop]:
    """Other workloads that meet this one at the same Service: what it writes, they read."""
    hops = []
    fronts = [
        service
        for service in walk.index.of("Service", namespace=pod.namespace)
        if pod in selected(walk.index, mapping(service.spec.get("selector")), pod.namespace)
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


# -- what the rules say ----------------------------------------------------------------------


def problems(index: Index, around: Surroundings, namespaces: Iterable[str]) -> dict[int, list[Problem]]:
    """What the rules find in some namespaces, by the object it concerns."""
    wanted = set(namespaces) - {""}
    part = Index(
        [item for item in index.resources if item.namespace in wanted],
        index.opaque,
        index.promised,
        index.applications,
        beyond=index,
    )
    found: dict[int, list[Problem]] = defaultdict(list)
    for check in CHECKS:
        for problem in check(part, around):
            if problem.unless is None or index.get(*problem.unless) is None:
                found[id(problem.resource)].append(problem)
    return found
