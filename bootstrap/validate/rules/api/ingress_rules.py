"""Rules of an Ingress that do not say what they seem to say."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.index import Index, Resource, dig, mappings
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

NO_PATHS = Rule(
    "GB381",
    "host-without-paths",
    "warning",
    "An Ingress has a rule for a host without paths: its requests go to the default backend, usually a 404.",
    "give the rule its http.paths, or the Ingress a defaultBackend",
)

_INGRESS = "Ingress.networking.k8s.io"


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for ingress in index.of(_INGRESS):
        if not ingress.spec.get("defaultBackend"):
            yield from _rules(ingress)


def _rules(ingress: Resource) -> Iterator[Problem]:
    rules = mappings(ingress.spec.get("rules"))
    for number, rule in enumerate(rules):
        if not rule.get("host") or mappings(dig(rule, "http", "paths")):
            continue
        after = rules[number + 1] if number + 1 < len(rules) else {}
        split = bool(after.get("http")) and not after.get("host")
        message = f"{ingress} has a rule for {rule['host']} that leads nowhere"
        fix = None
        if split:
            message += ", followed by one without a host, for every other host"
            fix = "put host and http into one rule: remove the second dash"
        yield problem(NO_PATHS, ingress, message, "spec", "rules", number, fix=fix)
