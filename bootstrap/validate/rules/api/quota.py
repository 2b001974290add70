"""ResourceQuota and LimitRange: pods that admission rejects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings
from bootstrap.resources.pods import WORKLOADS, Container, containers, is_hook
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

EXHAUSTED = Rule(
    "GB383",
    "quota-exhausted",
    "error",
    "The pods of a namespace request more than its ResourceQuota allows: the last ones are never created.",
    "raise the quota, or lower requests or replicas",
)

QUOTA, RANGE = "ResourceQuota", "LimitRange"
_ALIASES = {"cpu": "requests.cpu", "memory": "requests.memory"}
_COUNTED = frozenset(
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
    for quota in quotas:
        yield from _exhausted(index, quota, ranges)


_LASTING = ("Deployment.apps", "StatefulSet.apps", "ReplicaSet.apps", "Pod")
"""Whose pods run all at once; how many nodes a DaemonSet has, and when a Job runs, Git does not tell."""


def _exhausted(index: Index, quota: Resource, ranges: list[Resource]) -> Iterator[Problem]:
    """The hard limits that all lasting pods together exceed, each with the largest share."""
    if quota.spec.get("scopes") or quota.spec.get("scopeSelector"):
        return
    limits = [
        item
        for one in ranges
        if one.namespace == quota.namespace
        for item in mappings(one.spec.get("limits"))
        if item.get("type") == "Container"
    ]
    workloads = [one for one in index.of(*_LASTING, namespace=quota.namespace) if not is_hook(one)]
    for name, hard in mapping(quota.spec.get("hard")).items():
        counted = _ALIASES.get(str(name), str(name))
        most = amount(hard)
        if most is None or (counted not in _COUNTED and counted != "pods"):
            continue
        shares = [(_share(index, one, counted, limits), one) for one in workloads]
        total = sum((share for share, _ in shares), Decimal(0))
        if total > most:
            share, largest = max(shares, key=lambda one: one[0])
            message = f"{quota} allows {hard} of {name}, and the pods of {quota.namespace} take at least "
            message += f"{_spelled(total, counted)}, {_spelled(share, counted)} of it {largest}"
            yield problem(EXHAUSTED, quota, message, "spec", "hard", name)


def _share(index: Index, workload: Resource, name: str, limits: list[Mapping[str, Any]]) -> Decimal:
    """What a workload's pods take of a resource at least, in its base unit."""
    count = Decimal(_replicas(index, workload))
    if name == "pods":
        return count
    sums = {True: Decimal(0), False: Decimal(0)}
    for container in containers(workload):
        own = amount(_given(container, limits).get(name)) or Decimal(0)
        first = "initContainers" in container.path and container.body.get("restartPolicy") != "Always"
        sums[first] = max(sums[first], own) if first else sums[first] + own
    return count * max(sums.values())


def _replicas(index: Index, workload: Resource) -> int:
    """How many pods a workload has at least: what an autoscaler keeps, else what it says itself."""
    if workload.kind == "Pod":
        return 1
    for scaler in index.of("HorizontalPodAutoscaler.autoscaling", namespace=workload.namespace):
        target = mapping(scaler.spec.get("scaleTargetRef"))
        if (target.get("kind"), target.get("name")) == (workload.short_kind, workload.name):
            least = scaler.spec.get("minReplicas", 1)
            return least if isinstance(least, int) else 0
    for scaler in index.of("ScaledObject.keda.sh", namespace=workload.namespace):
        if mapping(scaler.spec.get("scaleTargetRef")).get("name") == workload.name:
            return 0
    given = workload.spec.get("replicas", 1)
    return given if isinstance(given, int) and not isinstance(given, bool) else 0


def _spelled(value: Decimal, name: str) -> str:
    """An amount as people write it: cores and pods as numbers, memory in Mi."""
    if name.endswith((".memory", ".ephemeral-storage")):
        return f"{(value / 2**20).normalize():f}Mi"
    return f"{value.normalize():f}"


def _refused(
    container: Container, quotas: list[Resource], limits: list[Mapping[str, Any]]
) -> tuple[str, Path] | None:
    given, who = _given(container, limits), container.name
    place: Path = (*container.path, "resources") if container.body.get("resources") else container.path
    for quota in quotas:
        if quota.spec.get("scopes") or quota.spec.get("scopeSelector"):
            continue  # which pods it counts depends on more than this
        hard = [_ALIASES.get(str(name), str(name)) for name in mapping(quota.spec.get("hard"))]
        lacking = ", ".join(name for name in hard if name in _COUNTED and given.get(name) is None)
        if lacking:
            return f"{quota} requires {lacking} of every container, but {who} has none", place
    for item in limits:
        for name, most in mapping(item.get("max")).items():
            fault = _beyond(given.get(f"limits.{name}"), most, above=True)
            if fault is not None:
                return f"{who} has a {name} limit of {fault}, but the LimitRange allows at most {most}", place
        for name, least in mapping(item.get("min")).items():
            fault = _beyond(given.get(f"requests.{name}"), least, above=False)
            if fault is not None:
                return f"{who} requests {name} {fault}, but the LimitRange requires at least {least}", place
    return None


def _beyond(value: Any, bound: Any, above: bool) -> str | None:
    own, other = amount(value), amount(bound)
    if own is None or other is None or own == other:
        return None
    return str(value) if (own > other) == above else None


def _given(container: Container, limits: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Requests and limits of a container with the defaults of LimitRanges and Kubernetes."""
    own_limits = mapping(dig(container.body, "resources", "limits"))
    own_requests = mapping(dig(container.body, "resources", "requests"))
    given: dict[str, Any] = {}
    for item in limits:
        for name, value in {**mapping(item.get("max")), **mapping(item.get("default"))}.items():
            given[f"limits.{name}"] = value
        for name, value in {
            **mapping(item.get("min")),
            **mapping(item.get("max")),
            **mapping(item.get("default")),
            **mapping(item.get("defaultRequest")),
        }.items():
            given[f"requests.{name}"] = value
    given |= {f"limits.{name}": value for name, value in own_limits.items()}
    given |= {f"requests.{name}": value for name, value in own_limits.items()}
    given |= {f"requests.{name}": value for name, value in own_requests.items()}
    return given
