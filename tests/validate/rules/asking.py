"""Asks one family of rules about some objects of the namespace shop, and of the cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from bootstrap.resources.index import APPLICATION, Index
from bootstrap.validate.rule import Check, ClusterContext, Finding, Problem
from bootstrap.validate.ruleset import CHECKS
from tests.validate.rules.world import resources


def ask(check: Check, text: str, public: str = "", complete: bool = True, **context: Any) -> list[Problem]:
    """What a check says of the objects in `text`; those of `public` other namespaces see too."""
    objects = resources(text, "shop.yaml", "argocd/shop", "shop")
    beyond = resources(public, "cluster.yaml", "argocd/base", "shop") if public else []
    applications = {f"{one.namespace}/{one.name}": one for one in beyond if one.kind == APPLICATION}
    seen = Index([*beyond, *(one for one in objects if not one.namespace)])
    opaque = context.pop("opaque", ())
    here = Index(objects, opaque, {}, applications, beyond=seen)
    seen.opaque = frozenset(opaque)
    found = list(check(here, ClusterContext(seen, complete, **context)))
    known = {(one.kind, one.namespace, one.name) for one in [*objects, *beyond]}
    return [one for one in found if one.unless is None or one.unless not in known]


def problems(index: Index, context: ClusterContext, namespaces: Iterable[str]) -> dict[int, list[Problem]]:
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
        for problem in check(part, context):
            if problem.unless is None or index.get(*problem.unless) is None:
                found[id(problem.resource)].append(problem)
    return found


def placed(problem: Problem) -> Finding:
    """A problem at its object's own line."""
    rule, item = problem.rule, problem.resource
    return Finding(
        rule.id,
        problem.severity,
        problem.message,
        problem.fix,
        item.file,
        item.line,
        str(item),
        item.application,
    )
