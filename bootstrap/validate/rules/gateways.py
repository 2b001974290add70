"""Gateway API: route → Gateway → listener → certificate, and route → Service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.core.text import names_near
from bootstrap.resources.index import Index, Resource, dig, label_selects, mapping, mappings, sequence
from bootstrap.resources.policies import namespace_labels
from bootstrap.resources.routes import GATEWAY, ROUTES, hosts, meets, route_backends
from bootstrap.validate.rule import Problem, Rule, Surroundings, at
from bootstrap.validate.rules import secrets, services

GRANT = "ReferenceGrant.gateway.networking.k8s.io"

PARENT = Rule(
    "GB308",
    "gateway-missing",
    "error",
    "A route names a Gateway that is not there: nothing serves it.",
    "correct name and namespace of parentRefs, or enable the component that brings the Gateway",
)
LISTENER = Rule(
    "GB309",
    "no-listener-for-route",
    "error",
    "No listener of the Gateway takes the route: its name, port, host or namespace do not fit.",
    "make the listener's hostname and allowedRoutes admit the route, or name another listener",
)
GRANT_MISSING = Rule(
    "GB310",
    "reference-grant-missing",
    "error",
    "A reference into another namespace is not granted there: it is refused.",
    "add a ReferenceGrant in the namespace that is referred to",
)
CERTIFICATE = Rule(
    "GB340",
    "listener-certificate-missing",
    "error",
    "A listener takes its certificate from a Secret that nothing makes: it is not programmed.",
    "add a Certificate, annotate the Gateway with its cert-manager issuer, or make the Secret",
)
CLASS = Rule(
    "GB341",
    "gateway-class-missing",
    "error",
    "A Gateway names a GatewayClass that nothing provides: no controller will take it.",
    "name a class of the cluster, or enable the controller that brings it",
)
ISSUER = Rule(
    "GB342",
    "issuer-missing",
    "error",
    "A certificate is asked of an issuer that is not there: it is never issued.",
    "correct kind and name of the issuer, or add it",
)


def check(index: Index, around: Surroundings) -> Iterator[Problem]:
    """Every rule of this module."""
    for route in index.of(*ROUTES):
        for number, reference in enumerate(sequence(route.spec.get("parentRefs"))):
            yield from _parent(index, around, route, mapping(reference), number)
        for name, namespace, port, place in route_backends(route):
            yield from _backend(index, around, route, name, namespace, port, place)
    for gateway in index.of(GATEWAY):
        yield from _gateway(index, around, gateway)
    yield from _issuers(index, around)


def _backend(
    index: Index,
    around: Surroundings,
    route: Resource,
    name: str,
    namespace: str,
    port: Any,
    place: tuple[str | int, ...],
) -> Iterator[Problem]:
    if namespace == route.namespace:
        yield from services.backend(index, route, namespace, name, port, *place)
        return
    if around.complete and not _granted(around.public, route, namespace, "Service", name):
        message = f"{route} sends requests to {namespace}/{name}, and no ReferenceGrant there allows it"
        yield at(GRANT_MISSING, route, message, *place)
    if around.complete and around.public.knows(namespace):
        message = f"{route} sends requests to Service {namespace}/{name}, which is not there"
        there = ("Service", namespace, name)
        yield at(services.BACKEND_MISSING, route, message, *place, "name", unless=there)


def _granted(public: Index, user: Resource, namespace: str, kind: str, name: str) -> bool:
    group = user.kind.partition(".")[2]
    for grant in public.of(GRANT, namespace=namespace):
        froms = mappings(grant.spec.get("from"))
        tos = mappings(grant.spec.get("to"))
        from_fits = any(
            item.get("kind") == user.short_kind
            and item.get("group") == group
            and item.get("namespace") == user.namespace
            for item in froms
        )
        if from_fits and any(item.get("kind") == kind and item.get("name", name) == name for item in tos):
            return True
    return False


def _parent(
    index: Index, around: Surroundings, route: Resource, reference: Mapping[str, Any], number: int
) -> Iterator[Problem]:
    if str(reference.get("kind") or "Gateway") != "Gateway":
        return  # a Service, in a mesh
    namespace, name = str(reference.get("namespace") or route.namespace), str(reference.get("name"))
    gateway = index.get(GATEWAY, namespace, name)
    place = ("spec", "parentRefs", number)
    if gateway is None:
        if around.complete and around.public.knows(namespace) and index.knows(namespace):
            near = names_near(name, (item.name for item in around.public.of(GATEWAY)))
            message = f"{route} hangs on Gateway {namespace}/{name}, which is not there{near}"
            yield at(PARENT, route, message, *place)
        return
    why = ""
    for listener in mappings(gateway.spec.get("listeners")):
        why = refusal(index, route, reference, gateway, listener)
        if not why:
            return
    message = f"{route} hangs on {gateway}, and no listener takes it: {why or 'there is none'}"
    others = (one for one in mappings(route.spec.get("parentRefs")) if one is not reference)
    taken = any(_takes(index, route, one) for one in others)
    yield at(LISTENER, route, message, *place, level="warning" if taken else None)


def _takes(index: Index, route: Resource, reference: Mapping[str, Any]) -> bool:
    """Whether a listener that a reference means takes the route: it works, though not by all of them."""
    namespace = str(reference.get("namespace") or route.namespace)
    gateway = index.get(GATEWAY, namespace, str(reference.get("name")))
    listeners = mappings(gateway.spec.get("listeners")) if gateway is not None else []
    return any(
        gateway is not None and not refusal(index, route, reference, gateway, listener)
        for listener in listeners
    )


def refusal(
    index: Index,
    route: Resource,
    reference: Mapping[str, Any],
    gateway: Resource,
    listener: Mapping[str, Any],
) -> str:
    """Why a listener does not take a route; "" when it does."""
    name = listener.get("name")
    wanted = reference.get("sectionName")
    if wanted and wanted != name:
        return f"it wants the listener {wanted}"
    if reference.get("port") and reference["port"] != listener.get("port"):
        return f"it wants port {reference['port']}"
    own = str(listener.get("hostname") or "")
    if own and hosts(route) and not any(meets(own, host) for host in hosts(route)):
        return f"the listener {name} is for {own}, the route for {', '.join(hosts(route))}"
    allowed = mapping(dig(listener, "allowedRoutes", "namespaces"))
    source = str(allowed.get("from") or "Same")
    if source == "Same" and route.namespace != gateway.namespace:
        return f"the listener {name} takes routes of its own namespace only"
    if source == "Selector":
        labels = namespace_labels(index, route.namespace)
        if not label_selects(allowed.get("selector"), labels):
            return f"the listener {name} takes no routes of namespace {route.namespace}"
    kinds = [item.get("kind") for item in mappings(dig(listener, "allowedRoutes", "kinds"))]
    if kinds and route.short_kind not in kinds:
        return f"the listener {name} takes {', '.join(map(str, kinds))} only"
    return ""


def _gateway(index: Index, around: Surroundings, gateway: Resource) -> Iterator[Problem]:
    name = gateway.spec.get("gatewayClassName")
    if name and (level := around.lacks("GatewayClass.gateway.networking.k8s.io", name)):
        classes = {item.name for item in around.public.of("GatewayClass.gateway.networking.k8s.io")}
        message = (
            f"{gateway} wants the GatewayClass {name}, which nothing provides{names_near(str(name), classes)}"
        )
        yield at(CLASS, gateway, message, "spec", "gatewayClassName", level=level)
    issued = any(str(key).startswith("cert-manager.io/") for key in gateway.annotations)
    for number, listener in enumerate(sequence(gateway.spec.get("listeners"))):
        for place, item in enumerate(sequence(dig(listener, "tls", "certificateRefs"))):
            reference = mapping(item)
            secret, namespace = (
                str(reference.get("name")),
                str(reference.get("namespace") or gateway.namespace),
            )
            where = ("spec", "listeners", number, "tls", "certificateRefs", place)
            if (
                namespace == gateway.namespace
                and not issued
                and not secrets.is_made(index, namespace, secret)
            ):
                message = (
                    f"{gateway}: listener {mapping(listener).get('name')} needs Secret {secret}, which "
                    f"nothing makes"
                )
                yield at(CERTIFICATE, gateway, message, *where)


def _issuers(index: Index, around: Surroundings) -> Iterator[Problem]:
    for certificate in index.of("Certificate.cert-manager.io"):
        reference = mapping(certificate.spec.get("issuerRef"))
        if str(reference.get("group") or "cert-manager.io") == "cert-manager.io":
            own = str(reference.get("kind") or "Issuer")
            wanted = str(reference.get("name"))
            yield from _issuer(index, around, certificate, own, wanted, "spec", "issuerRef")
    for user in index.of("Ingress.networking.k8s.io", GATEWAY):
        for key, kind in (
            ("cert-manager.io/cluster-issuer", "ClusterIssuer"),
            ("cert-manager.io/issuer", "Issuer"),
        ):
            if name := user.annotations.get(key):
                yield from _issuer(index, around, user, kind, str(name), "metadata", "annotations", key)


def _issuer(
    index: Index, around: Surroundings, user: Resource, kind: str, name: str, *path: str
) -> Iterator[Problem]:
    cluster = kind == "ClusterIssuer"
    namespace = "" if cluster else user.namespace
    names = {item.name for item in (around.public if cluster else index).of(f"{kind}.cert-manager.io")}
    level = around.lacks(kind, name, names)
    if not cluster and name not in names and index.knows(namespace):
        level = ISSUER.severity
    if level is None and cluster and around.issuers and names and name not in names:
        level = "warning"
    if level:
        message = f"{user} asks {kind} {name} for a certificate, which is not there{names_near(name, names)}"
        yield at(ISSUER, user, message, *path, level=level)
