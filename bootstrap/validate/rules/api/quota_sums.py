"""What the pods of a namespace take together, against its ResourceQuota."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from bootstrap.resources.index import Index, Resource, mapping, mappings
from bootstrap.resources.pods import containers, is_hook
from bootstrap.resources.quantity import amount
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules.api.quota import ALIASES, COUNTED, QUOTA, RANGE, given

EXHAUSTED = Rule(
    "GB383",
    "quota-exhausted",
    "error",
    "The pods of a namespace request more than its ResourceQuota allows: the last ones are never created.",
    "raise the quota, or lower requests or replicas",
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for quota in index.of(QUOTA):
        yield from _exhausted(index, quota, index.of(RANGE))


_LASTING = ("Deployment.apps", "StatefulSet.apps", "ReplicaSet.apps", "Pod")
"""Kinds whose pods all run at once; Git does not say how many nodes there are, or when a Job runs."""


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
        counted = ALIASES.get(str(name), str(name))
        most = amount(hard)
        if most is None or (counted not in COUNTED and counted != "pods"):
            continue
        shares = [(_share(index, one, counted, limits), one) for one in workloads]
        total = sum((share for share, _ in shares), Decimal(0))
        if shares and total > most:
            share, largest = max(shares, key=lambda one: one[0])
            message = f"{quota} allows {hard} of {name}, but the pods of {quota.namespace} take at least "
            message += f"{_spelled(total, counted)}, {_spelled(share, counted)} of it by {largest}"
            yield problem(EXHAUSTED, quota, message, "spec", "hard", name)


def _share(index: Index, workload: Resource, name: str, limits: list[Mapping[str, Any]]) -> Decimal:
    """What a workload's pods take of a resource at least, in its base unit."""
    count = Decimal(_replicas(index, workload))
    if name == "pods":
        return count
    sums = {True: Decimal(0), False: Decimal(0)}
    for container in containers(workload):
        own = amount(given(container, limits).get(name)) or Decimal(0)
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
