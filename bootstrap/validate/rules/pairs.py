"""Objects that must match each other: autoscalers of one target, TLS and hosts, weights, roles."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.core.text import is_slip, names_near
from bootstrap.resources.index import Index, Resource, mapping, mappings, sequence
from bootstrap.resources.routes import INGRESS
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

SCALED_TWICE = Rule(
    "GB362",
    "autoscalers-overlap",
    "error",
    "Two autoscalers scale the same target: they work against each other, or both stop.",
    "keep one, with the metrics of both",
)
TLS_HOST = Rule(
    "GB363",
    "tls-host-missing",
    "info",
    "The TLS entries of an Ingress omit a host of its rules: it may get a default certificate.",
    "add the host to spec.tls",
)
NO_WEIGHT = Rule(
    "GB364",
    "route-without-weight",
    "warning",
    "Every backend of a route's rule has weight 0: its requests fail.",
    "give a backend a weight",
)
ROLE = Rule(
    "GB365",
    "role-missing",
    "error",
    "A RoleBinding names a Role that does not exist: it grants nothing.",
    "correct the name, or add the Role",
)

ROLE_KIND = "Role.rbac.authorization.k8s.io"
_CLUSTER_ROLES = ("admin", "cluster-admin", "edit", "view")
"""ClusterRoles that every cluster has."""
_WEIGHTED = ("HTTPRoute.gateway.networking.k8s.io", "GRPCRoute.gateway.networking.k8s.io")


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    yield from _autoscalers(index, context)
    for ingress in index.of(INGRESS):
        yield from _tls(index, ingress)
    for route in index.of(*_WEIGHTED):
        for number, rule in enumerate(mappings(route.spec.get("rules"))):
            backends = mappings(rule.get("backendRefs"))
            if backends and all(item.get("weight") == 0 for item in backends):
                message = f"{route}: every backend of rule {number + 1} has weight 0"
                yield problem(NO_WEIGHT, route, message, "spec", "rules", number, "backendRefs")
    for binding in index.of("RoleBinding.rbac.authorization.k8s.io"):
        yield from _role(index, context, binding)


def _autoscalers(index: Index, context: ClusterContext) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str, str], Resource] = {}
    for scaler in index.of("HorizontalPodAutoscaler.autoscaling", "ScaledObject.keda.sh"):
        if not (context.complete or scaler.application):
            continue  # in a folder that nothing applies, one may be an alternative to the other
        target = mapping(scaler.spec.get("scaleTargetRef"))
        group = str(target.get("apiVersion") or "apps/v1").rpartition("/")[0]
        key = (scaler.namespace, group, str(target.get("kind") or "Deployment"), str(target.get("name")))
        first = seen.setdefault(key, scaler)
        if (first.kind, first.name) != (scaler.kind, scaler.name):
            message = f"{scaler} scales {key[2]} {key[3]}, as {first} does"
            yield problem(SCALED_TWICE, scaler, message, "spec", "scaleTargetRef")


def _tls(index: Index, ingress: Resource) -> Iterator[Problem]:
    """Controllers also use another Ingress's certificate for a host."""
    entries = mappings(ingress.spec.get("tls"))
    if not entries or not all(sequence(entry.get("hosts")) for entry in entries):
        return
    own = [str(host) for entry in entries for host in sequence(entry.get("hosts"))]
    beside = (item for other in index.of(INGRESS) for item in mappings(other.spec.get("tls")))
    covered = {str(host) for entry in beside for host in sequence(entry.get("hosts"))}
    for number, rule in enumerate(mappings(ingress.spec.get("rules"))):
        host = str(rule.get("host") or "")
        if host and host not in covered and f"*.{host.partition('.')[2]}" not in covered:
            message = f"{ingress} serves {host}, but its TLS is for {', '.join(dict.fromkeys(own))}"
            yield problem(TLS_HOST, ingress, message, "spec", "rules", number, "host")


def _role(index: Index, context: ClusterContext, binding: Resource) -> Iterator[Problem]:
    reference, namespace = mapping(binding.body.get("roleRef")), binding.namespace
    name = str(reference.get("name"))
    brought = namespace.startswith(("kube-", "openshift-"))  # Kubernetes has Roles of its own there
    if reference.get("kind") != "Role" or brought or not index.knows(namespace):
        return
    known = {item.name for item in index.of(ROLE_KIND, namespace=namespace)}
    if name not in known and (context.complete or is_slip(name, known)):
        message = f"{binding} names the Role {name}, which does not exist{names_near(name, known)}"
        fix = None
        if name in _CLUSTER_ROLES:
            message = f"{binding} names the Role {name}, but {name} is a ClusterRole"
            fix = "set kind: ClusterRole in roleRef"
        yield problem(ROLE, binding, message, "roleRef", "name", unless=(ROLE_KIND, namespace, name), fix=fix)
