"""What roles allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Index, Resource, mappings, sequence
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules.hardening.containers import GROUP

WILDCARD = Rule(
    "GB511",
    "wildcard-rights",
    "warning",
    "A role grants every verb, or every resource: its holder may do more than anyone intended.",
    "name the verbs and resources that are needed",
    GROUP,
)
SECRETS = Rule(
    "GB512",
    "secret-rights",
    "warning",
    "A role may read Secrets that it does not name: its holder has every credential there.",
    "name the Secrets in resourceNames (only for get), or mount what is needed",
    GROUP,
)
EXEC = Rule(
    "GB513",
    "exec-rights",
    "warning",
    "A role may run commands in pods, or reach their ports: its holder has the rights of every pod there.",
    "omit pods/exec, pods/attach, pods/portforward and nodes/proxy",
    GROUP,
)
GROW = Rule(
    "GB514",
    "rights-that-grow",
    "warning",
    "A role may give itself or others more rights (escalate, bind, impersonate, tokens of service accounts).",
    "omit the verb, or name what it may be used on in resourceNames",
    GROUP,
)
ROLES = ("Role.rbac.authorization.k8s.io", "ClusterRole.rbac.authorization.k8s.io")
_READ = {"get", "list", "watch", "*"}
_EXEC = {"pods/exec", "pods/attach", "pods/portforward", "nodes/proxy", "pods/ephemeralcontainers"}
_GROW = {"escalate", "bind", "impersonate"}


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    if GROUP not in context.groups:
        return
    for role in index.of(*ROLES):
        for number, rule in enumerate(mappings(role.body.get("rules"))):
            yield from _rule(role, rule, number)


def _rule(role: Resource, rule: Mapping[str, Any], number: int) -> Iterator[Problem]:
    verbs, resources = _texts(rule.get("verbs")), _texts(rule.get("resources"))
    groups, named = _texts(rule.get("apiGroups")), bool(sequence(rule.get("resourceNames")))
    where = ("rules", number)
    if not resources:
        return  # of URLs, not of objects
    if "*" in resources or ("*" in verbs and not named):
        what = "every resource" if "*" in resources else ", ".join(sorted(resources)[:3])
        may = "everything" if "*" in verbs else ", ".join(sorted(verbs))
        yield problem(WILDCARD, role, f"{role} allows {may} on {what}", *where)
        return
    core = bool(groups & {"", "*"})
    if core and "secrets" in resources and verbs & _READ and not named:
        yield problem(SECRETS, role, f"{role} may read Secrets", *where)
    if core and (used := resources & _EXEC) and verbs & {"create", "get", "update", "patch", "*"}:
        yield problem(EXEC, role, f"{role} may use {', '.join(sorted(used))}", *where)
    growing = sorted(verbs & _GROW) + (["create tokens"] if "serviceaccounts/token" in resources else [])
    if growing and not named:
        yield problem(
            GROW, role, f"{role} may {', '.join(growing)} ({', '.join(sorted(resources)[:3])})", *where
        )


def _texts(value: Any) -> set[str]:
    return {str(one) for one in sequence(value)}
