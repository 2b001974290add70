"""Gateway API: route → Gateway → listener → certificate, and route → Service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.core.text import names_near, suggest
from bootstrap.resources.index import Index, Resource, dig, label_selects, mapping, mappings, sequence
from bootstrap.resources.policies import namespace_labels
from bootstrap.resources.routes import GATEWAY, ROUTES, hosts, meets, route_backends
from bootstrap.validate.rule import ClusterContext, Problem, Rule, Severity, problem
from bootstrap.validate.rules import made_secrets, services

GRANT = "ReferenceGrant.gateway.networking.k8s.io"
LISTENER_SETS = ("ListenerSet.gateway.networking.k8s.io", "XListenerSet.gateway.networking.x-k8s.io")
"""More listeners of a Gateway, to which routes may be attached, too."""

PARENT = Rule(
    "GB308",
    "gateway-missing",
    "error",
    "A route names a Gateway that does not exist: nothing serves it.",
    "correct the name and namespace in parentRefs, or enable the component with the Gateway",
)
LISTENER = Rule(
    "GB309",
    "no-listener-for-route",
    "error",
    "No listener of the Gateway accepts the route: its name, port, host or namespace do not match.",
    "make the listener's hostname and allowedRoutes admit the route, or name another listener",
)
GRANT_MISSING = Rule(
    "GB310",
    "reference-grant-missing",
    "error",
    "A reference to another namespace is not granted there: it is refused.",
    "add a ReferenceGrant in the referenced namespace",
)
CERTIFICATE = Rule(
    "GB340",
    "listener-certificate-missing",
    "error",
    "A listener's certificate is in a Secret that nothing creates: it is not programmed.",
    "add a Certificate, annotate the Gateway with its cert-manager issuer, or create the Secret",
)
CLASS = Rule(
    "GB341",
    "gateway-class-missing",
    "error",
    "A Gateway names a GatewayClass that nothing provides: no controller serves it.",
    "name a class of the cluster, or enable the controller that provides it",
)
ISSUER = Rule(
    "GB342",
    "issuer-missing",
    "error",
    "A certificate is requested from an issuer that does not exist: it is never issued.",
    "correct the kind and name of the issuer, or add it",
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for route in index.of(*ROUTES):
        yield from _parents(index, context, route)
        for name, namespace, port, place in route_backends(route):
            yield from _backend(index, context, route, name, namespace, port, place)
        for kind, place in _strange_backends(route):
            message = f"{route} sends requests to a {kind}, which cannot be a backend"
            yield problem(services.BACKEND_MISSING, route, message, *place, fix="name a Service")
    for gateway in index.of(GATEWAY, *LISTENER_SETS):
        yield from _gateway(index, context, gateway)
    yield from _issuers(index, context)


def _strange_backends(route: Resource) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Backends of a core kind that no controller knows; those of other groups may be a controller's."""
    for number, rule in enumerate(mappings(route.spec.get("rules"))):
        for place, item in enumerate(mappings(rule.get("backendRefs"))):
            kind = str(item.get("kind") or "Service")
            if kind != "Service" and not item.get("group"):
                yield kind, ("spec", "rules", number, "backendRefs", place, "kind")


def _backend(
    index: Index,
    context: ClusterContext,
    route: Resource,
    name: str,
    namespace: str,
    port: Any,
    place: tuple[str | int, ...],
) -> Iterator[Problem]:
    if namespace == route.namespace:
        yield from services.backend(index, route, namespace, name, port, *place)
        return
    if context.complete and not _granted(context.public, route, namespace, "Service", name):
        message = f"{route} sends requests to {namespace}/{name}, but no ReferenceGrant there allows it"
        yield problem(GRANT_MISSING, route, message, *place)
    if context.complete and context.public.knows(namespace):
        message = f"{route} sends requests to Service {namespace}/{name}, which does not exist"
        there = ("Service", namespace, name)
        yield problem(services.BACKEND_MISSING, route, message, *place, "name", unless=there)


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


def _parents(index: Index, context: ClusterContext, route: Resource) -> Iterator[Problem]:
    """Each Gateway that a route is attached to; of several references to one, one must be accepted."""
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
            if context.complete and context.public.knows(namespace) and index.knows(namespace):
                near = _near(context.public.of(kind), namespace, name)
                message = f"{route} is attached to {short} {namespace}/{name}, which does not exist{near}"
                yield problem(PARENT, route, message, "spec", "parentRefs", number)
        elif why := _why_not(index, route, reference, holder):
            refused.setdefault((kind, namespace, name), []).append((number, why))
        else:
            taken.add((kind, namespace, name))
    for key, whys in refused.items():
        what = f"{key[0].partition('.')[0]} {key[1]}/{key[2]}"
        for number, why in whys if key in taken else whys[:1]:
            message = f"{route} is attached to {what}, but no listener accepts it: {why}"
            level: Severity | None = "warning" if taken else None  # it is reached through another Gateway
            if key in taken:
                message = f"{route} is attached to {what} by another reference, but not by this one: {why}"
                holder = index.get(*key)
                part = str(mapping(sequence(route.spec.get("parentRefs"))[number]).get("sectionName"))
                level = "info" if holder is not None and _is_of_domain(route, holder, part) else "warning"
            yield problem(LISTENER, route, message, "spec", "parentRefs", number, level=level)


def _is_of_domain(route: Resource, holder: Resource, listener: str) -> bool:
    """Whether a listener is for the domain of one of the route's hosts, next to one for its wildcard."""
    owns = [
        str(one.get("hostname"))
        for one in mappings(holder.spec.get("listeners"))
        if one.get("name") == listener
    ]
    return any(host.endswith(f".{own.removeprefix('*.')}") for host in hosts(route) for own in owns)


def _near(known: list[Resource], namespace: str, name: str) -> str:
    """One with that name in another namespace, else one with a similar name in this one."""
    same = [f"{one.namespace}/{one.name}" for one in known if one.name == name]
    here = [one.name for one in known if one.namespace == namespace]
    if len(same) == 1:
        return f"; {suggest(same)}"
    return names_near(name, here) or names_near(
        f"{namespace}/{name}", (f"{one.namespace}/{one.name}" for one in known)
    )


def _holder_kind(reference: Mapping[str, Any]) -> str | None:
    kind = str(reference.get("kind") or "Gateway")
    known = {one.partition(".")[0]: one for one in (GATEWAY, *LISTENER_SETS)}
    return known.get(kind)


def _why_not(index: Index, route: Resource, reference: Mapping[str, Any], holder: Resource) -> str:
    """Why no listener accepts a route, by the listener that it names; "" when one accepts it."""
    listeners = mappings(holder.spec.get("listeners"))
    wanted = reference.get("sectionName")
    named = [one for one in listeners if not wanted or one.get("name") == wanted]
    if not named:
        near = names_near(str(wanted), (str(one.get("name")) for one in listeners))
        return f"there is no listener {wanted}{near}"
    whys = [refusal(index, route, reference, holder, one) for one in named]
    if not all(whys):
        return ""
    # A listener for other hosts explains less than one that is for these and refuses them.
    return min(whys, key=lambda why: ("names port" in why, " is for " in why))


def refusal(
    index: Index,
    route: Resource,
    reference: Mapping[str, Any],
    gateway: Resource,
    listener: Mapping[str, Any],
) -> str:
    """Why a listener does not accept a route; "" when it does."""
    name = listener.get("name")
    wanted = reference.get("sectionName")
    if wanted and wanted != name:
        return f"it names the listener {wanted}"
    if reference.get("port") and reference["port"] != listener.get("port"):
        return f"it names port {reference['port']}"
    own = str(listener.get("hostname") or "")
    if own and hosts(route) and not any(meets(own, host) for host in hosts(route)):
        return f"the listener {name} is for {own}, the route for {', '.join(hosts(route))}"
    allowed = mapping(dig(listener, "allowedRoutes", "namespaces"))
    source = str(allowed.get("from") or "Same")
    if source == "Same" and route.namespace != gateway.namespace:
        return f"the listener {name} accepts only routes of its own namespace"
    if source == "Selector":
        labels = namespace_labels(index, route.namespace)
        if not label_selects(allowed.get("selector"), labels):
            return f"the listener {name} accepts no routes of namespace {route.namespace}"
    kinds = [str(item.get("kind")) for item in mappings(dig(listener, "allowedRoutes", "kinds"))]
    kinds = kinds or _BY_PROTOCOL.get(str(listener.get("protocol")), [])
    if kinds and route.short_kind not in kinds:
        return f"the listener {name} accepts only {', '.join(map(str, kinds))}"
    return ""


_BY_PROTOCOL: Mapping[str, list[str]] = {
    "HTTP": ["HTTPRoute", "GRPCRoute"],
    "HTTPS": ["HTTPRoute", "GRPCRoute"],
    "TLS": ["TLSRoute", "TCPRoute"],
    "TCP": ["TCPRoute"],
    "UDP": ["UDPRoute"],
}
"""What a listener accepts by default."""


def _gateway(index: Index, context: ClusterContext, gateway: Resource) -> Iterator[Problem]:
    name = gateway.spec.get("gatewayClassName")
    if name and (level := context.lacks("GatewayClass.gateway.networking.k8s.io", name)):
        classes = {item.name for item in context.public.of("GatewayClass.gateway.networking.k8s.io")}
        message = (
            f"{gateway} names the GatewayClass {name}, which nothing provides{names_near(str(name), classes)}"
        )
        yield problem(CLASS, gateway, message, "spec", "gatewayClassName", level=level)
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
                and context.complete
                and not _granted(context.public, gateway, namespace, "Secret", secret)
            ):
                message = (
                    f"{gateway}: listener {mapping(listener).get('name')} uses Secret {namespace}/{secret}, "
                    f"but no ReferenceGrant there allows it"
                )
                yield problem(GRANT_MISSING, gateway, message, *where)
            elif namespace != gateway.namespace and context.complete and context.public.knows(namespace):
                message = f"{gateway} uses Secret {secret} of {namespace}, but nothing creates it there"
                yield problem(CERTIFICATE, gateway, message, *where, unless=("Secret", namespace, secret))
            missing = made_secrets.missing(index, context, gateway, namespace, secret)
            if namespace == gateway.namespace and not issued and missing is not None:
                message = (
                    f"{gateway}: listener {mapping(listener).get('name')} needs Secret {secret}, which "
                    f"nothing creates{missing[1]}"
                )
                there = ("Secret", namespace, secret)
                yield problem(CERTIFICATE, gateway, message, *where, level=missing[0], unless=there)


def _issuers(index: Index, context: ClusterContext) -> Iterator[Problem]:
    for certificate in index.of("Certificate.cert-manager.io"):
        reference = mapping(certificate.spec.get("issuerRef"))
        if str(reference.get("group") or "cert-manager.io") == "cert-manager.io":
            own = str(reference.get("kind") or "Issuer")
            wanted = str(reference.get("name"))
            yield from _issuer(index, context, certificate, own, wanted, "spec", "issuerRef")
    for user in index.of("Ingress.networking.k8s.io", GATEWAY):
        for key, kind in (
            ("cert-manager.io/cluster-issuer", "ClusterIssuer"),
            ("cert-manager.io/issuer", "Issuer"),
        ):
            if name := user.annotations.get(key):
                yield from _issuer(index, context, user, kind, str(name), "metadata", "annotations", key)


def _has_cert_manager(context: ClusterContext) -> bool:
    """Whether cert-manager is installed from Git; if not, its issuers may come with it."""
    if any("cert-manager" in image for image in context.images):
        return True
    definitions = context.public.of("CustomResourceDefinition.apiextensions.k8s.io")
    return any(one.name.endswith(".cert-manager.io") for one in definitions)


def _issuer(
    index: Index, context: ClusterContext, user: Resource, kind: str, name: str, *path: str
) -> Iterator[Problem]:
    cluster = kind == "ClusterIssuer"
    namespace = "" if cluster else user.namespace
    names = {item.name for item in (context.public if cluster else index).of(f"{kind}.cert-manager.io")}
    level = context.lacks(kind, name, names)
    if not cluster and name not in names and index.knows(namespace):
        level = ISSUER.severity
    if level is None and cluster and context.issuers and names and name not in names:
        level = "warning"
    if level:
        message = (
            f"{user} requests a certificate from {kind} {name}, which does not exist{names_near(name, names)}"
        )
        if level == "error" and not names and not _has_cert_manager(context):
            message += "; cert-manager is not in Git either"
            level = "warning"
        there = (f"{kind}.cert-manager.io", namespace, name)
        yield problem(ISSUER, user, message, *path, level=level, unless=there)
