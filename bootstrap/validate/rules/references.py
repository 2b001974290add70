"""References of objects other than pods and Ingresses: vendors' routes, stores, rollouts, volumes."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.core.text import names_near
from bootstrap.resources.index import Index, Resource, dig, is_cluster_scoped
from bootstrap.resources.references import FIELDS, Named, named
from bootstrap.resources.routes import ports
from bootstrap.validate.rule import ClusterContext, Problem, Rule, Severity, problem
from bootstrap.validate.rules import made_secrets, services
from bootstrap.validate.rules.services import backend
from bootstrap.validate.rules.suggestions import near

MISSING = Rule(
    "GB370",
    "reference-missing",
    "error",
    "An object names another one that does not exist: it does not work.",
    "correct the name, the kind or the namespace, or add what it names",
)
SECRET = Rule(
    "GB371",
    "secret-of-object-missing",
    "error",
    "An object uses a Secret, or a key of one, that nothing creates in the namespace where it is looked up.",
    "create the Secret in the namespace where it is looked up (seal it, or fetch it from a store)",
)

ROUTE = "Route.route.openshift.io"
_HOMES = {"ClusterIssuer.cert-manager.io": "cert-manager", "ClusterTriggerAuthentication.keda.sh": "keda"}
"""Cluster-scoped kinds that look up Secrets in the namespace of the chart that installs them."""
_OF_KUBERNETES = {"cluster-admin", "admin", "edit", "view"}
_STORE = "SecretStore.external-secrets.io"
"""Operators of tenants make one for each namespace."""
_USERS = (*FIELDS, "Ingress.networking.k8s.io", "Service")
_OF_OTHERS = ("tekton.dev", "velero.io", "flagger.app")
"""Groups whose objects programs and installers also create: that Git has none of a kind proves nothing."""


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for user in index.of(*_USERS):
        for use in named(user):
            yield from _use(index, context, use)
    for route in index.of(ROUTE):
        yield from _target_port(index, route)


def _use(index: Index, context: ClusterContext, use: Named) -> Iterator[Problem]:
    user = use.user
    if use.optional or not (context.complete or user.application):
        return
    if use.kind == "ServiceAccount" and not use.explicit and not user.namespace:
        return  # refused for that reason
    if use.kind == "Secret":
        yield from _secret(index, context, use)
    elif is_cluster_scoped(use.kind) or not use.namespace:
        yield from _of_cluster(index, context, use)
    elif use.namespace == user.namespace:
        yield from _beside(index, context, use)
    elif context.complete and context.public.knows(use.namespace) and not _brought(use):
        rule = services.BACKEND_MISSING if use.kind == "Service" else MISSING
        there = (use.kind, use.namespace, use.name)
        yield _missing(rule, use, f"; {use.namespace} has none of this name", unless=there)


def _beside(index: Index, context: ClusterContext, use: Named) -> Iterator[Problem]:
    """References within the user's own namespace."""
    user = use.user
    found = index.get(use.kind, use.namespace, use.name) or index.get(
        use.kind.replace(".traefik.io", ".traefik.containo.us"), use.namespace, use.name
    )
    if use.kind == "Service" and found is not None:
        yield from backend(index, user, use.namespace, use.name, use.port, *use.path[:-1])
    if found is not None or not index.knows(use.namespace) or _brought(use):
        return
    known = [item.name for item in index.of(use.kind, namespace=use.namespace)]
    if not known and use.kind.endswith(_OF_OTHERS):
        return
    hint, fix = near(user, use.name, known, use.path, use.kind)
    other = next((kind for kind in use.others if _is_there(index, context, kind, use)), None)
    if other is not None:
        short = other.partition(".")[0]
        hint, fix = f"; there is a {short} with this name", f"set kind: {short}"
    rule = services.BACKEND_MISSING if use.kind == "Service" else MISSING
    there = (use.kind, use.namespace, use.name)
    level: Severity | None = "warning" if not known and other is None and use.kind == _STORE else None
    yield _missing(rule, use, f" in {use.namespace}{hint}", fix, level, unless=there)


def _is_there(index: Index, context: ClusterContext, kind: str, use: Named) -> bool:
    """Whether another allowed kind has the name, in the cluster or in the user's namespace."""
    if is_cluster_scoped(kind):
        return context.public.get(kind, "", use.name) is not None
    return index.get(kind, use.namespace or use.user.namespace, use.name) is not None


def _brought(use: Named) -> bool:
    """Whether Kubernetes itself has it."""
    system = use.namespace.startswith(("kube-", "openshift"))
    return (use.kind == "ServiceAccount" and (use.name == "default" or system)) or (
        use.namespace == "default" and use.name == "kubernetes"
    )


def _of_cluster(index: Index, context: ClusterContext, use: Named) -> Iterator[Problem]:
    if use.short_kind == "ClusterRole" and (use.name in _OF_KUBERNETES or ":" in use.name):
        return
    known = [item.name for item in context.public.of(use.kind)]
    if use.kind == "ClusterSecretStore.external-secrets.io":
        level = context.lacks(use.kind, use.name)
    else:
        level = "error" if context.knows_cluster_objects() and use.name not in known else None
    if level is None:
        return
    hint, fix = names_near(use.name, known), None
    other = next((kind for kind in use.others if _is_there(index, context, kind, use)), None)
    if use.short_kind == "ClusterRole":
        level = "warning"
    elif not known and other is None:
        return  # Git has none of the kind at all: they are created in another way
    if other is not None:
        short = other.partition(".")[0]
        hint, fix = f"; there is a {short} with this name", f"set kind: {short}"
    yield _missing(MISSING, use, hint, fix, level, unless=(use.kind, "", use.name))


def _missing(
    rule: Rule,
    use: Named,
    hint: str,
    fix: str | None = None,
    level: Severity | None = None,
    unless: tuple[str, str, str] | None = None,
) -> Problem:
    if use.kind == "ServiceAccount":  # its rights are granted to no one, but nothing fails
        level = "warning"
    message = f"{use.user} names {use.short_kind} {use.name}, which does not exist{hint}"
    return problem(rule, use.user, message, *use.path, fix=fix, unless=unless, level=level)


def _secret(index: Index, context: ClusterContext, use: Named) -> Iterator[Problem]:
    user = use.user
    if not user.namespace and not use.explicit:
        yield from _of_controller(context, use)
        return
    if use.namespace != user.namespace:
        if context.complete and context.public.knows(use.namespace):
            message = f"{user} uses Secret {use.name} of {use.namespace}, but nothing creates it there"
            yield problem(SECRET, user, message, *use.path, unless=("Secret", use.namespace, use.name))
        return
    if (missing := made_secrets.missing(index, context, user, use.namespace, use.name)) is not None:
        level, maybe = missing
        there = ("Secret", use.namespace, use.name)
        known = [item.name for item in index.of("Secret", namespace=use.namespace)]
        hint, fix = near(user, use.name, known, use.path, use.kind)
        if use.certificate:
            message = f"{user} uses the certificate in Secret {use.name}, which nothing creates{hint}{maybe}"
            yield problem(services.TLS_SECRET, user, message, *use.path, fix=fix, level=level, unless=there)
        else:
            message = f"{user} needs Secret {use.name}, which nothing creates in {use.namespace}{hint}{maybe}"
            yield problem(SECRET, user, message, *use.path, fix=fix, level=level, unless=there)
    elif use.key is not None:
        keys = made_secrets.keys(index, use.namespace, use.name)
        if keys and use.key not in keys:
            message = f"{user} needs key {use.key} of Secret {use.name}, which it does not get"
            yield problem(SECRET, user, f"{message}{names_near(use.key, keys)}", *use.path[:-1], "key")


def _of_controller(context: ClusterContext, use: Named) -> Iterator[Problem]:
    """A cluster-scoped object's Secret is looked up where its controller runs.

    What a chart creates there is unknown: it is only reported if another namespace has a Secret of that name.
    """
    homes = context.homes.get(_HOMES.get(use.user.kind, ""), frozenset())
    if len(homes) != 1:
        return
    home = next(iter(homes))
    message = f"{use.user} uses Secret {use.name} of {home}, where its controller runs, but"
    message += " nothing creates it there"
    known = context.complete and context.public.knows(home)
    yield Problem(
        SECRET,
        use.user,
        message,
        f"create the Secret in {home}",
        use.path,
        ("Secret", home, use.name),
        given=None if known else ("Secret", "*", use.name),
    )


def _target_port(index: Index, route: Resource) -> Iterator[Problem]:
    """For OpenShift a name is a port of the Service, and a number one of the pods."""
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
        yield problem(services.BACKEND_PORT, route, message, "spec", "port", "targetPort")
