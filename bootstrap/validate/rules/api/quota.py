"""ResourceQuota and LimitRange: pods that admission rejects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings
from bootstrap.resources.pods import WORKLOADS, Container, containers
from bootstrap.resources.quantity import amount
from bootstrap.validate.rule import ClusterContext, Path, Problem, Rule, problem

KEPT_OUT = Rule(
    "GB382",
    "quota-or-limit-range",
    "error",
    "A ResourceQuota requires requests or limits that a container does not have, or a LimitRange does not "
    "admit them: its pods are not created.",
    "set resources.requests and resources.limits as the namespace requires",
)

QUOTA, RANGE = "ResourceQuota", "LimitRange"
ALIASES = {"cpu": "requests.cpu", "memory": "requests.memory"}
COUNTED = frozenset(
    f"{kind}.{name}" for kind in ("requests", "limits") for name in ("cpu", "memory", "ephemeral-storage")
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    quotas, ranges = index.of(QUOTA), index.of(RANGE)
    if not quotas and not ranges:
        return
    for workload in index.of(*WORKLOADS):
        here = workload.namespace
        limits = [
            item
            for one in ranges
            if one.namespace == here
            for item in mappings(one.spec.get("limits"))
            if item.get("type") == "Container"
        ]
        for container in containers(workload):
            found = _refused(container, [one for one in quotas if one.namespace == here], limits)
            if found is not None:
                message, path = found
                yield problem(KEPT_OUT, workload, f"{workload}: {message}", *path)


def _refused(
    container: Container, quotas: list[Resource], limits: list[Mapping[str, Any]]
) -> tuple[str, Path] | None:
    has, who = given(container, limits), container.name
    place: Path = (*container.path, "resources") if container.body.get("resources") else container.path
    for quota in quotas:
        if quota.spec.get("scopes") or quota.spec.get("scopeSelector"):
            continue  # which pods it counts depends on more than this
        hard = [ALIASES.get(str(name), str(name)) for name in mapping(quota.spec.get("hard"))]
        lacking = ", ".join(name for name in hard if name in COUNTED and has.get(name) is None)
        if lacking:
            return f"{quota} requires {lacking} of every container, but {who} has none", place
    for item in limits:
        for name, most in mapping(item.get("max")).items():
            fault = _beyond(has.get(f"limits.{name}"), most, above=True)
            if fault is not None:
                return f"{who} has a {name} limit of {fault}, but the LimitRange allows at most {most}", place
        for name, least in mapping(item.get("min")).items():
            fault = _beyond(has.get(f"requests.{name}"), least, above=False)
            if fault is not None:
                return f"{who} requests {name} {fault}, but the LimitRange requires at least {least}", place
    return None


def _beyond(value: Any, bound: Any, above: bool) -> str | None:
    own, other = amount(value), amount(bound)
    if own is None or other is None or own == other:
        return None
    return str(value) if (own > other) == above else None


def given(container: Container, limits: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Requests and limits of a container with the defaults of LimitRanges and Kubernetes."""
    own_limits = mapping(dig(container.body, "resources", "limits"))
    own_requests = mapping(dig(container.body, "resources", "requests"))
    found: dict[str, Any] = {}
    for item in limits:
        for name, value in {**mapping(item.get("max")), **mapping(item.get("default"))}.items():
            found[f"limits.{name}"] = value
        for name, value in {
            **mapping(item.get("min")),
            **mapping(item.get("max")),
            **mapping(item.get("default")),
            **mapping(item.get("defaultRequest")),
        }.items():
            found[f"requests.{name}"] = value
    found |= {f"limits.{name}": value for name, value in own_limits.items()}
    found |= {f"requests.{name}": value for name, value in own_limits.items()}
    found |= {f"requests.{name}": value for name, value in own_requests.items()}
    return found
