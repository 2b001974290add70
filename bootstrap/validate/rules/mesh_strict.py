"""Istio's strict mTLS refuses callers without it: ingress controllers and workloads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.entrances import MAY_INJECT, Entrances, callers
from bootstrap.resources.index import Index, Resource, dig, label_selects, mapping, mappings
from bootstrap.resources.links import Link, links, target_port
from bootstrap.resources.pods import WORKLOADS, pod_annotations, pod_labels, running, selected
from bootstrap.resources.policies import MESH, Peer, namespace_labels, peer
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules.entrances import ways
from bootstrap.validate.rules.network import Stop

PLAIN_CALLER = Rule(
    "GB373",
    "strict-mtls-refuses-caller",
    "error",
    "A PeerAuthentication requires mTLS, but the caller is not in the mesh: every request is reset.",
    "add the caller to the mesh (istio-injection: enabled on its namespace), or make the port PERMISSIVE",
)

KIND = "PeerAuthentication.security.istio.io"
_OWN_CERTIFICATE = "nginx.ingress.kubernetes.io/proxy-ssl-secret"
_NOT_CAUGHT = "traffic.sidecar.istio.io/excludeInboundPorts"


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    if not context.complete or not (index.of(KIND) or context.public.of(KIND)):
        return
    reported: set[tuple[int, str]] = set()
    stops: list[Stop | None] = []
    for route, namespace, name, port in ways(index):
        service = index.get("Service", namespace, name)
        if service is not None:
            stops.append(entry_stop(index, context.public, context.entrances, route, service, port))
    for workload in index.of(*WORKLOADS):
        stops += [link_stop(index, context.public, link) for link in links(index, workload)]
    for stop in stops:
        if stop is not None and (key := (id(stop.policy), stop.message)) not in reported:
            reported.add(key)
            yield problem(stop.rule, stop.policy, stop.message, *stop.path)


def entry_stop(
    index: Index, public: Index, entrances: Entrances, route: Resource, service: Resource, port: Any
) -> Stop | None:
    """What refuses the requests of a route to a Service; None when they pass, or Git does not say."""
    if not (index.of(KIND) or public.of(KIND)) or _OWN_CERTIFICATE in route.annotations:
        return None
    outside = route is service
    sources = [] if outside else callers(index, public, entrances, route)
    plain = outside or (bool(sources) and all(_is_plain(public, entrances, one) for one in sources))
    if not plain:
        return None
    call = f"callers from outside send requests to {route}"
    if not outside:
        call = f"the controller in namespace {sources[0].namespace} forwards the requests of {route}"
    return _stop(index, public, service, port, call)


def link_stop(index: Index, public: Index, link: Link) -> Stop | None:
    """What refuses a workload's own connection to a Service."""
    if link.service is None or not link.sure or not (index.of(KIND) or public.of(KIND)):
        return None
    if in_mesh(public, peer(link.workload)) is not False:
        return None
    return _stop(index, public, link.service, link.port, f"{link.workload} talks to {link.host} ({link.how})")


def _is_plain(public: Index, entrances: Entrances, source: Peer) -> bool:
    """Whether a caller is certainly not in the mesh."""
    if not source.namespace or source.account is not None or source.namespace in entrances.get("istio", {}):
        return False
    return in_mesh(public, source) is False


def in_mesh(public: Index, end: Peer) -> bool | None:
    """Whether pods are in the mesh; None if Git does not say."""
    pods = {**(end.labels or {}), **(pod_annotations(end.workload) if end.workload else {})}
    chosen = str(pods.get("sidecar.istio.io/inject")).lower()
    if chosen in ("true", "false"):
        return chosen == "true"
    labels = {**namespace_labels(public, end.namespace), **end.marks}
    if MAY_INJECT in labels:
        return None
    if labels.get("istio-injection") == "disabled":
        return False
    return (
        labels.get("istio-injection") == "enabled"
        or "istio.io/rev" in {**labels, **pods}
        or "ambient" in (labels.get("istio.io/dataplane-mode"), pods.get("istio.io/dataplane-mode"))
    )


def _stop(index: Index, public: Index, service: Resource, port: Any, call: str) -> Stop | None:
    number = next(
        (
            one.get("port")
            for one in mappings(service.spec.get("ports"))
            if port in (one.get("name"), one.get("port"))
        ),
        None,
    )
    for pod in selected(index, mapping(service.spec.get("selector")), service.namespace):
        target = target_port(service, number if isinstance(number, int) else None, pod)
        policy = _strict(index, public, pod, target)
        if policy is None or in_mesh(public, peer(pod)) is not True or _passes_by(pod, target):
            continue
        message = f"{call} without mTLS, but {policy} requires it (STRICT) for {pod}"
        return Stop(PLAIN_CALLER, policy, message, ("spec", "mtls", "mode"))
    return None


def _passes_by(pod: Resource, port: int | None) -> bool:
    """Whether the sidecar does not intercept a port, or the pods are a gateway's."""
    notes = pod_annotations(pod)
    left_out = {part.strip() for part in str(notes.get(_NOT_CAUGHT) or "").split(",")}
    images = {str(one.body.get("image")).partition(":")[0].rpartition("/")[2] for one in running(pod)}
    return str(port) in left_out or "inject.istio.io/templates" in notes or bool(images & {"proxyv2", "auto"})


def _strict(index: Index, public: Index, pod: Resource, port: int | None) -> Resource | None:
    """The PeerAuthentication by which a port of some pods accepts only mTLS: the closest one counts."""
    own = index.of(KIND, namespace=pod.namespace)
    everywhere = (*public.of(KIND, namespace=MESH), *index.of(KIND, namespace=MESH))
    root = list({id(one): one for one in everywhere}.values())
    closest = [
        one
        for one in own
        if one.spec.get("selector") and label_selects(one.spec["selector"], pod_labels(pod))
    ]
    for policies in (closest, [one for one in own if not one.spec.get("selector")], root):
        for policy in policies:
            mode = _mode(policy, port if policies is closest else None)
            if mode not in ("", "UNSET"):
                return policy if mode == "STRICT" else None
    return None


def _mode(policy: Resource, port: int | None) -> str:
    by_port: Mapping[Any, Any] = mapping(policy.spec.get("portLevelMtls"))
    for key, value in by_port.items():
        if str(key) == str(port):
            return str(mapping(value).get("mode") or "")
    return str(dig(policy.spec, "mtls", "mode") or "")
