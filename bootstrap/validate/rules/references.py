"""What objects name beyond pods and Ingresses: routes of other makers, stores, issuers, rollouts, volumes."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.core.text import names_near
from bootstrap.resources.index import Index, Resource, dig, is_cluster_scoped
from bootstrap.resources.references import FIELDS, Named, named
from bootstrap.resources.routes import ports
from bootstrap.validate.rule import Problem, Rule, Severity, Surroundings, at
from bootstrap.validate.rules import secrets, services
from bootstrap.validate.rules.renames import near
from bootstrap.validate.rules.services import backend

MISSING = Rule(
    "GB370",
    "reference-missing",
    "error",
    "An object names another one that is not there: what it is for does not work.",
    "correct the name, the kind or the namespace, or add what it names",
)
SECRET = Rule(
    "GB371",
    "secret-of-object-missing",
    "error",
    "An object takes a credential from a Secret, or a key of it, that nothing makes where it is looked for.",
    "make the Secret in the namespace that it is looked for in (seal it, or take it from a store)",
)

ROUTE = "Route.route.openshift.io"
_HOMES = {"ClusterIssuer.cert-manager.io": "cert-manager", "ClusterTriggerAuthentication.keda.sh": "keda"}
"""Cluster-scoped kinds that look for Secrets in the namespace of the chart that brings them."""
_OF_KUBERNETES = {"cluster-admin", "admin", "edit", "view"}
_USERS = (*FIELDS, "Ingress.networking.k8s.io")


def check(index: Index, around: Surroundings) -> Iterator[Problem]:
    """Every rule of this module."""
    for user in index.of(*_USERS):
        for use in named(user):
            yield from _use(index, around, use)
    for route in index.of(ROUTE):
        yield from _target_port(index, route)


def _use(index: Index, around: Surroundings, use: Named) -> Iterator[Problem]:
    user = use.user
    if use.optional or not (around.complete or user.application):
        return
    if use.kind == "ServiceAccount" and not use.said and not user.namespace:
        return  # refused for that
    if use.kind == "Secret":
        yield from _secret(index, around, use)
    elif is_cluster_scoped(use.kind) or not use.namespace:
        yield from _of_cluster(index, around, use)
    elif use.namespace == user.namespace:
        yield from _beside(index, around, use)
    elif around.complete and around.public.knows(use.namespace) and not _brought(use):
        rule = services.BACKEND_MISSING if use.kind == "Service" else MISSING
        there = (use.kind, use.namespace, use.name)
        yield _missing(rule, use, f"; {use.namespace} has none of this name", unless=there)


def _beside(index: Index, around: Surroundings, use: Named) -> Iterator[Problem]:
    """What is named in the user's own namespace."""
    user = use.user
    found = index.get(use.kind, use.namespace, use.name)
    if use.kind == "Service" and found is not None:
        yield from backend(index, user, use.namespace, use.name, use.port, *use.path[:-1])
    if found is not None or not index.knows(use.namespace) or _brought(use):
        return
    known = [item.name for item in index.of(use.kind, namespace=use.namespace)]
    said, fix = near(user, use.name, known, use.path, use.kind)
    other = next((kind for kind in use.others if _is_there(index, around, kind, use)), None)
    if other is not None:
        short = other.partition(".")[0]
        said, fix = f"; there is a {short} of this name", f"set kind: {short}"
    rule = services.BACKEND_MISSING if use.kind == "Service" else MISSING
    there = (use.kind, use.namespace, use.name)
    yield _missing(rule, use, f" in {use.namespace}{said}", fix, unless=there)


def _is_there(index: Index, around: Surroundings, kind: str, use: Named) -> bool:
    """Whether another kind of the choice has the name, in the cluster or beside the user."""
    if is_cluster_scoped(kind):
        return around.public.get(kind, "", use.name) is not None
    return index.get(kind, use.namespace or use.user.namespace, use.name) is not None


def _brought(use: Named) -> bool:
    """Whether Kubernetes itself has it."""
    system = use.namespace.startswith(("kube-", "openshift"))
    return (use.kind == "ServiceAccount" and (use.name == "default" or system)) or (
        use.namespace == "default" and use.name == "kubernetes"
    )


def _of_cluster(index: Index, around: Surroundings, use: Named) -> Iterator[Problem]:
    if use.short_kind == "ClusterRole" and (use.name in _OF_KUBERNETES or ":" in use.name):
        return
    known = [item.name for item in around.public.of(use.kind)]
    if use.kind == "ClusterSecretStore.external-secrets.io":
        level = around.lacks(use.kind, use.name)
    else:
        level = "error" if around.knows_cluster_objects() and use.name not in known else None
    if level is None:
        return
    said, fix = names_near(use.name, known), None
    other = next((kind for kind in use.others if _is_there(index, around, kind, use)), None)
    if use.short_kind == "ClusterRole":
        level = "warning"
    elif not known and other is None:
        return  # Git has none of the kind at all: they are made by other means
    if other is not None:
        short = other.partition(".")[0]
        said, fix = f"; there is a {short} of this name", f"set kind: {short}"
    yield _missing(MISSING, use, said, fix, level, unless=(use.kind, "", use.name))


def _missing(
    rule: Rule,
    use: Named,
    said: str,
    fix: str | None = None,
    level: Severity | None = None,
    unless: tuple[str, str, str] | None = None,
) -> Problem:
    if use.kind == "ServiceAccount":  # its rights are given to nobody, and nothing fails for it
        level = "warning"
    message = f"{use.user} names {use.short_kind} {use.name}, which is not there{said}"
    return at(rule, use.user, message, *use.path, fix=fix, unless=unless, level=level)


def _secret(index: Index, around: Surroundings, use: Named) -> Iterator[Problem]:
    user = use.user
    if not user.namespace and not use.said:
        yield from _of_controller(around, use)
        return
    if use.namespace != user.namespace:
        if around.complete and around.public.knows(use.namespace):
            message = f"{user} takes Secret {use.name} from {use.namespace}, and nothing makes it there"
            yield at(SECRET, user, message, *use.path, unless=("Secret", use.namespace, use.name))
        return
    if (untold := secrets.missing(index, around, user, use.namespace, use.name)) is not None:
        level, maybe = untold
        there = ("Secret", use.namespace, use.name)
        known = [item.name for item in index.of("Secret", namespace=use.namespace)]
        said, fix = near(user, use.name, known, use.path, use.kind)
        if use.certificate:
            message = f"{user} takes its certificate from Secret {use.name}, which nothing makes{said}{maybe}"
            yield at(services.TLS_SECRET, user, message, *use.path, fix=fix, level=level, unless=there)
        else:
            message = f"{user} needs Secret {use.name}, which nothing makes in {use.namespace}{said}{maybe}"
            yield at(SECRET, user, message, *use.path, fix=fix, level=level, unless=there)
    elif use.key is not None:
        keys = secrets.keys(index, use.namespace, use.name)
        if keys and use.key not in keys:
            message = f"{user} needs key {use.key} of Secret {use.name}, which it does not get"
            yield at(SECRET, user, f"{message}{names_near(use.key, keys)}", *use.path[:-1], "key")


def _of_controller(around: Surroundings, use: Named) -> Iterator[Problem]:
    """A cluster-scoped object's Secret is looked for where its controller runs.

    What a chart makes there is not known: it is wrong when another namespace gets a Secret of the name.
    """
    homes = around.homes.get(_HOMES.get(use.user.kind, ""), frozenset())
    if len(homes) != 1:
        return
    home = next(iter(homes))
    message = f"{use.user} takes Secret {use.name} from {home}, where its controller runs, and"
    message += " nothing makes it there"
    known = around.complete and around.public.knows(home)
    yield Problem(
        SECRET,
        use.user,
        message,
        f"make the Secret in {home}",
        use.path,
        ("Secret", home, use.name),
        given=None if known else ("Secret", "*", use.name),
    )


def _target_port(index: Index, route: Resource) -> Iterator[Problem]:
    """OpenShift takes a name for a port of the Service, and a number for one of the pods."""
    service = index.get("Service", route.namespace, dig(route.body, "spec", "to", "name"))
    wanted = dig(route.body, "spec", "port", "targetPort")
    if service is None or wanted is None or not ports(service):
        return
    names = [str(item["name"]) for item in ports(service) if item.get("name")]
    targets = [item.get("targetPort", item.get("port")) for item in ports(service)]
    of_pods = isinstance(wanted, int) and any(isinstance(target, str) for target in targets)
    if wanted not in (names if isinstance(wanted, str) else targets) and not of_pods:
        has = ", ".join([*names, *map(str, targets)])
        message = f"{route} uses port {wanted} of Service {service.name}, which has {has}"
        yield at(services.BACKEND_PORT, route, message, "spec", "port", "targetPort")
