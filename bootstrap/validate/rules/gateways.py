"""Gateway API: route → Gateway → listener → certificate, and route → Service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.core.text import names_near
from bootstrap.resources.index import Index, Resource, dig, label_selects, mapping, mappings, sequence
from bootstrap.resources.policies import namespace_labels
from bootstrap.resources.routes import GATEWAY, ROUTES, hosts, meets, route_backends
from bootstrap.validate.rule import Problem, Rule, Severity, Surroundings, at
from bootstrap.validate.rules import secrets, services

GRANT = "ReferenceGrant.gateway.networking.k8s.io"
LISTENER_SETS = ("ListenerSet.gateway.networking.k8s.io", "XListenerSet.gateway.networking.x-k8s.io")
"""More listeners of a Gateway, which routes may hang on too."""

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
        yield from _parents(index, around, route)
        for name, namespace, port, place in route_backends(route):
            yield from _backend(index, around, route, name, namespace, port, place)
        for kind, place in _strange_backends(route):
            message = f"{route} sends requests to a {kind}, which is no kind of backend"
            yield at(services.BACKEND_MISSING, route, message, *place, fix="name a Service")
    for gateway in index.of(GATEWAY, *LISTENER_SETS):
        yield from _gateway(index, around, gateway)
    yield from _issuers(index, around)


def _strange_backends(route: Resource) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Backends of a kind of the core group that no controller knows; those of other groups may be theirs."""
    for number, rule in enumerate(mappings(route.spec.get("rules"))):
        for place, item in enumerate(mappings(rule.get("backendRefs"))):
            kind = str(item.get("kind") or "Service")
            if kind != "Service" and not item.get("group"):
                yield kind, ("spec", "rules", number, "backendRefs", place, "kind")


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
        if from_fits and any(
            item.get("kind") == kind and not item.get("group") and (item.get("name") or name) == name
            for item in tos
        ):
            return True
    return False


def _parents(index: Index, around: Surroundings, route: Resource) -> Iterator[Problem]:
    """Each Gateway that a route hangs on; of several references to one, it is enough that one is taken."""
    refused: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
    taken: set[tuple[str, str, str]] = set()
    for number, item in enumerate(sequence(route.spec.get("parentRefs"))):
        reference = mapping(item)
        kind = _holder_kind(reference)
        if kind is None:
            continue  # a Service, in a mesh
        namespace, name = str(reference.get("namespace") or route.namespace), str(reference.get("name"))
        holder, short = index.get(kind, namespace, name), kind.partition(".")[0]
        if holder is None:
            if around.complete and around.public.knows(namespace) and index.knows(namespace):
                near = _near(around.public.of(kind), namespace, name)
                message = f"{route} hangs on {short} {namespace}/{name}, which is not there{near}"
                yield at(PARENT, route, message, "spec", "parentRefs", number)
        elif why := _why_not(index, route, reference, holder):
            refused.setdefault((kind, namespace, name), []).append((number, why))
        else:
            taken.add((kind, namespace, name))
    for key, whys in refused.items():
        what = f"{key[0].partition('.')[0]} {key[1]}/{key[2]}"
        for number, why in whys if key in taken else whys[:1]:
            message = f"{route} hangs on {what}, and no listener takes it: {why}"
            level: Severity | None = "warning" if taken else None  # it is reached by another Gateway
            if key in taken:
                message = f"{route} hangs on {what} elsewhere too, and not by this reference: {why}"
                holder = index.get(*key)
                part = str(mapping(sequence(route.spec.get("parentRefs"))[number]).get("sectionName"))
                level = "info" if holder is not None and _is_of_domain(route, holder, part) else "warning"
            yield at(LISTENER, route, message, "spec", "parentRefs", number, level=level)


def _is_of_domain(route: Resource, holder: Resource, listener: str) -> bool:
    """Whether a listener is for the domain of one of the route's hosts: it stands beside its wildcard."""
    owns = [
        str(one.get("hostname"))
        for one in mappings(holder.spec.get("listeners"))
        if one.get("name") == listener
    ]
    return any(host.endswith(f".{own.removeprefix('*.')}") for host in hosts(route) for own in owns)


def _near(known: list[Resource], namespace: str, name: str) -> str:
    """The one of that name in another namespace, else what is near it in this one."""
    same = [f"{one.namespace}/{one.name}" for one in known if one.name == name]
    here = [one.name for one in known if one.namespace == namespace]
    if len(same) == 1:
        return f"; did you mean {same[0]}?"
    return names_near(name, here) or names_near(
        f"{namespace}/{name}", (f"{one.namespace}/{one.name}" for one in known)
    )


def _holder_kind(reference: Mapping[str, Any]) -> str | None:
    kind = str(reference.get("kind") or "Gateway")
    known = {one.partition(".")[0]: one for one in (GATEWAY, *LISTENER_SETS)}
    return known.get(kind)


def _why_not(index: Index, route: Resource, reference: Mapping[str, Any], holder: Resource) -> str:
    """Why no listener takes a route, by the listener that it asks for; "" when one takes it."""
    listeners = mappings(holder.spec.get("listeners"))
    wanted = reference.get("sectionName")
    named = [one for one in listeners if not wanted or one.get("name") == wanted]
    if not named:
        near = names_near(str(wanted), (str(one.get("name")) for one in listeners))
        return f"there is no listener {wanted}{near}"
    whys = [refusal(index, route, reference, holder, one) for one in named]
    if not all(whys):
        return ""
    # A listener for other hosts says less than one that is for these and refuses them.
    return min(whys, key=lambda why: ("wants port" in why, " is for " in why))


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
    kinds = [str(item.get("kind")) for item in mappings(dig(listener, "allowedRoutes", "kinds"))]
    kinds = kinds or _BY_PROTOCOL.get(str(listener.get("protocol")), [])
    if kinds and route.short_kind not in kinds:
        return f"the listener {name} takes {', '.join(map(str, kinds))} only"
    return ""


_BY_PROTOCOL: Mapping[str, list[str]] = {
    "HTTP": ["HTTPRoute", "GRPCRoute"],
    "HTTPS": ["HTTPRoute", "GRPCRoute"],
    "TLS": ["TLSRoute", "TCPRoute"],
    "TCP": ["TCPRoute"],
    "UDP": ["UDPRoute"],
}
"""What a listener takes that does not say it."""


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
            if reference.get("group") or str(reference.get("kind") or "Secret") != "Secret":
                continue
            if (
                namespace != gateway.namespace
                and around.complete
                and not _granted(around.public, gateway, namespace, "Secret", secret)
            ):
                message = (
                    f"{gateway}: listener {mapping(listener).get('name')} takes Secret {namespace}/{secret}, "
                    f"and no ReferenceGrant there allows it"
                )
                yield at(GRANT_MISSING, gateway, message, *where)
            untold = secrets.missing(index, around, gateway, namespace, secret)
            if namespace == gateway.namespace and not issued and untold is not None:
                message = (
                    f"{gateway}: listener {mapping(listener).get('name')} needs Secret {secret}, which "
                    f"nothing makes{untold[1]}"
                )
                there = ("Secret", namespace, secret)
                yield at(CERTIFICATE, gateway, message, *where, level=untold[0], unless=there)


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
