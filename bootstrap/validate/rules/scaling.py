"""Autoscalers and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.core.text import names_near
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.pods import SCALABLE, label_selected, replicas, running
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules.monitoring import exporters

HPA = "HorizontalPodAutoscaler.autoscaling"
PDB = "PodDisruptionBudget.policy"
_BY_REQUESTS = "HTTPScaledObject.http.keda.sh"

TARGET = Rule(
    "GB319",
    "autoscaler-target-missing",
    "error",
    "An autoscaler's target does not exist: nothing is ever scaled.",
    "correct the kind and name of scaleTargetRef",
)
REQUESTS = Rule(
    "GB320",
    "autoscaler-without-requests",
    "error",
    "An autoscaler measures utilisation of a resource that a container does not request: "
    "it cannot compute it.",
    "set resources.requests of every container",
)
TWO_OWNERS = Rule(
    "GB215",
    "replicas-under-git-and-autoscaler",
    "warning",
    "Git sets the replicas of an autoscaler's target: each sync undoes the scaling.",
    "remove spec.replicas from Git, or ignore it (ignoreDifferences with RespectIgnoreDifferences)",
)
BOUNDS = Rule(
    "GB336",
    "autoscaler-bounds",
    "error",
    "An autoscaler's minReplicas is above its maxReplicas, or one of them is too small: the API server "
    "refuses it.",
    "set minReplicas to at least 1 and at most maxReplicas",
)
BUDGET_EMPTY = Rule(
    "GB321",
    "budget-selects-nothing",
    "warning",
    "A PodDisruptionBudget selects no pods, so it protects nothing.",
    "make the selector match the pods' labels",
)
BUDGET_BLOCKS = Rule(
    "GB322",
    "budget-blocks-drains",
    "error",
    "A PodDisruptionBudget never allows an eviction: a node with such a pod cannot be drained.",
    "set maxUnavailable to 1, or run more replicas than minAvailable",
)
BUDGETS_OVERLAP = Rule(
    "GB337",
    "budgets-overlap",
    "error",
    "Two PodDisruptionBudgets select the same pod: the eviction API refuses to evict it.",
    "keep one of them",
)


METRICS_SOURCE = Rule(
    "GB347",
    "metrics-source-missing",
    "warning",
    "An autoscaler uses a metric that no metrics adapter in the cluster serves: it never scales.",
    "deploy prometheus-adapter or KEDA, or scale by cpu or memory",
)
_ADAPTERS = ("prometheus-adapter", "keda", "metrics-adapter", "custom-metrics", "datadog")


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for scaler in index.of(HPA):
        yield from _scaler(index, scaler)
        yield from _source(index, context, scaler)
    for scaled in index.of("ScaledObject.keda.sh"):
        yield from _target(index, scaled, mapping(scaled.spec.get("scaleTargetRef")))
        yield from _counts(scaled)
    for vertical in index.of("VerticalPodAutoscaler.autoscaling.k8s.io"):
        yield from _target(index, vertical, mapping(vertical.spec.get("targetRef")), "targetRef")
    owners: dict[int, Resource] = {}
    for budget in index.of(PDB):
        yield from _budget(index, budget, owners)


_INJECTED = ("istio-proxy", "linkerd-proxy", "daprd", "vault-agent", "consul-dataplane")
"""Containers that a webhook adds."""


def _counts(scaled: Resource) -> Iterator[Problem]:
    """KEDA's bounds, which its webhook refuses in the wrong order."""
    low, high = scaled.spec.get("minReplicaCount", 0), scaled.spec.get("maxReplicaCount", 100)
    idle = scaled.spec.get("idleReplicaCount")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        message = f"{scaled} has minReplicaCount {low} and maxReplicaCount {high}"
        yield problem(
            BOUNDS, scaled, message, "spec", "minReplicaCount", fix="set it to at most maxReplicaCount"
        )
    elif isinstance(idle, int) and isinstance(low, int) and idle >= low:
        message = f"{scaled} has idleReplicaCount {idle} and minReplicaCount {low}"
        yield problem(BOUNDS, scaled, message, "spec", "idleReplicaCount", fix="set it below minReplicaCount")


def _target(
    index: Index, scaler: Resource, reference: Mapping[str, Any], field: str = "scaleTargetRef"
) -> Iterator[Problem]:
    kind, name = str(reference.get("kind") or "Deployment"), str(reference.get("name"))
    group = str(reference.get("apiVersion") or "apps/v1").rpartition("/")[0]
    qualified = f"{kind}.{group}" if group else kind
    target = index.get(qualified, scaler.namespace, name)
    if target is None:
        if index.knows(scaler.namespace):
            near = names_near(name, (item.name for item in index.of(qualified, namespace=scaler.namespace)))
            message = f"{scaler} scales {kind} {name}, which does not exist{near}"
            there = (qualified, scaler.namespace, name)
            fix = None
            if other := _of_another_group(index, scaler.namespace, kind, name):
                message = (
                    f"{scaler} scales {kind} {name} of the group {group or 'core (v1)'}, but it is {other}"
                )
                fix = f"set apiVersion: {other.body['apiVersion']} in {field}"
            yield problem(TARGET, scaler, message, "spec", field, unless=there, fix=fix)
    elif (
        field == "scaleTargetRef"
        and isinstance(target.spec.get("replicas"), int)
        and not _ignored(index, target)
    ):
        message = f"{target} has replicas: {target.spec['replicas']} in Git, but {scaler} scales it"
        yield problem(TWO_OWNERS, target, message, "spec", "replicas")


def _of_another_group(index: Index, namespace: str, kind: str, name: str) -> Resource | None:
    """A workload of this kind and name, whatever its group."""
    known = (each for each in SCALABLE if each.partition(".")[0] == kind)
    return next((found for each in known if (found := index.get(each, namespace, name))), None)


def _ignored(index: Index, target: Resource) -> bool:
    """Whether the object's Application leaves replicas to the autoscaler."""
    application = index.applications.get(target.application)
    if application is None:
        return False
    return any(
        item.get("kind") in (target.short_kind, "*")
        and (
            "/spec/replicas" in sequence(item.get("jsonPointers"))
            or ".spec.replicas" in sequence(item.get("jqPathExpressions"))
        )
        for item in mappings(application.spec.get("ignoreDifferences"))
    )


def _scaler(index: Index, scaler: Resource) -> Iterator[Problem]:
    reference = mapping(scaler.spec.get("scaleTargetRef"))
    yield from _target(index, scaler, reference)
    low, high = scaler.spec.get("minReplicas", 1), scaler.spec.get("maxReplicas")
    if isinstance(low, int) and isinstance(high, int) and (low > high or high < 1):
        field = "minReplicas" if low > high >= 1 else "maxReplicas"
        yield problem(BOUNDS, scaler, f"{scaler} has minReplicas {low} and maxReplicas {high}", "spec", field)
    elif isinstance(low, int) and low < 1 and (low < 0 or not _from_outside(scaler)):
        message = f"{scaler} has minReplicas {low}, but all of its metrics are of its own pods"
        yield problem(BOUNDS, scaler, message, "spec", "minReplicas")
    group = str(reference.get("apiVersion") or "apps/v1").rpartition("/")[0]
    target = index.get(f"{reference.get('kind')}.{group}", scaler.namespace, reference.get("name"))
    if target is None:
        return
    names = [item.name for item in running(target)]
    for number, metric in enumerate(mappings(scaler.spec.get("metrics"))):
        wanted = dig(metric, "containerResource", "container")
        if wanted is not None and wanted not in names and wanted not in _INJECTED:
            message = f"{scaler} scales by container {wanted}, which {target} does not have"
            where = ("spec", "metrics", number, "containerResource", "container")
            yield problem(TARGET, scaler, f"{message}{names_near(str(wanted), names)}", *where)
    for resource, container, place in _utilisation(scaler):
        for item in running(target):
            requested = {
                **mapping(dig(item.body, "resources", "limits")),
                **mapping(dig(item.body, "resources", "requests")),
            }
            if (container is None or container == item.name) and resource not in requested:
                message = (
                    f"{scaler} scales by {resource} in percent, but {item.name} of {target} requests none"
                )
                yield problem(REQUESTS, scaler, message, *place)


def _from_outside(scaler: Resource) -> bool:
    """Whether a metric exists without pods: if none does, minReplicas must be 1 or more."""
    return any(item.get("type") in ("Object", "External") for item in mappings(scaler.spec.get("metrics")))


def _source(index: Index, context: ClusterContext, scaler: Resource) -> Iterator[Problem]:
    """Metrics of its pods, of other objects or from outside need an adapter."""
    for number, metric in enumerate(sequence(scaler.spec.get("metrics"))):
        kind = str(mapping(metric).get("type"))
        if kind not in ("Pods", "Object", "External") or not context.complete:
            continue
        if not any(word in exporters(index, context) for word in _ADAPTERS):
            name = dig(metric, kind.lower(), "metric", "name")
            message = f"{scaler} uses the metric {name} ({kind}), which no metrics adapter here serves"
            yield problem(METRICS_SOURCE, scaler, message, "spec", "metrics", number)


def _utilisation(scaler: Resource) -> Iterator[tuple[str, str | None, tuple[str | int, ...]]]:
    """(resource, container or None for all, place) of each metric in percent of the request."""
    if scaler.spec.get("targetCPUUtilizationPercentage"):
        yield "cpu", None, ("spec", "targetCPUUtilizationPercentage")
    for number, metric in enumerate(sequence(scaler.spec.get("metrics"))):
        for field in ("resource", "containerResource"):
            source = mapping(mapping(metric).get(field))
            if dig(source, "target", "type") == "Utilization":
                yield str(source.get("name")), source.get("container"), ("spec", "metrics", number)


def _budget(index: Index, budget: Resource, owners: dict[int, Resource]) -> Iterator[Problem]:
    pods = [
        item
        for item in label_selected(index, budget.spec.get("selector"), budget.namespace)
        if item.kind not in ("Job.batch", "CronJob.batch")
    ]
    if not pods:
        if index.knows(budget.namespace):
            yield problem(
                BUDGET_EMPTY, budget, f"{budget} selects no pods of {budget.namespace}", "spec", "selector"
            )
        return
    for pod in pods:
        first = owners.setdefault(id(pod), budget)
        if (first.namespace, first.name) != (
            budget.namespace,
            budget.name,
        ):  # not a copy of it elsewhere in Git
            message = f"{budget} and {first} both select the pods of {pod}"
            yield problem(BUDGETS_OVERLAP, budget, message, "spec", "selector")
    if any(item.kind == "DaemonSet.apps" for item in pods):
        return
    total = sum(_least(index, item) for item in pods)
    if not total:
        return  # switched off: there is nothing to evict
    field = "maxUnavailable" if "maxUnavailable" in budget.spec else "minAvailable"
    value = budget.spec.get(field)
    allowed = _allowed(field, value, total)
    if allowed is not None and allowed <= 0:
        names = ", ".join(str(item) for item in pods)
        count = f"{total} replica{'s' * (total != 1)}"
        message = f"{budget} has {field}: {value}, but {names} has {count}: no pod can be evicted"
        yield problem(BUDGET_BLOCKS, budget, message, "spec", field)


def _least(index: Index, workload: Resource) -> int:
    """The fewest pods that the workload runs with: an autoscaler's minimum, else the number in Git."""
    for scaler in index.of(HPA, namespace=workload.namespace):
        if dig(scaler.body, "spec", "scaleTargetRef", "name") == workload.name:
            least = scaler.spec.get("minReplicas", 1)
            return least if isinstance(least, int) else 1
    return replicas(workload)


def _allowed(field: str, value: Any, total: int) -> int | None:
    """How many pods may be evicted at once; None when the value cannot be parsed."""
    if isinstance(value, str) and value.endswith("%"):
        try:
            share = int(value[:-1])
        except ValueError:
            return None
        count = -(-total * share // 100)  # rounded up, as the controller does
    elif isinstance(value, int):
        count = value
    else:
        return None
    return count if field == "maxUnavailable" else total - count


def is_off(index: Index, workload: Resource) -> bool:
    """Whether Git gives a workload no pods, and nothing else scales it."""
    if workload.kind not in SCALABLE or replicas(workload) != 0 or _ignored(index, workload):
        return False
    scaled = any(
        dig(scaler.body, "spec", "scaleTargetRef", "name") == workload.name
        for scaler in index.of(HPA, "ScaledObject.keda.sh", _BY_REQUESTS, namespace=workload.namespace)
    )
    taken = any(
        dig(rollout.body, "spec", "workloadRef", "name") == workload.name
        for rollout in index.of("Rollout.argoproj.io", namespace=workload.namespace)
    )
    return not scaled and not taken


def scalers_of(index: Index, workload: Resource) -> list[Resource]:
    """The autoscalers of a workload."""
    return [
        scaler
        for scaler in index.of(HPA, namespace=workload.namespace)
        if dig(scaler.body, "spec", "scaleTargetRef", "name") == workload.name
        and dig(scaler.body, "spec", "scaleTargetRef", "kind") == workload.short_kind
    ]


def budgets_of(index: Index, workload: Resource) -> list[Resource]:
    """The disruption budgets that select a workload's pods."""
    return [
        budget
        for budget in index.of(PDB, namespace=workload.namespace)
        if any(
            pod is workload for pod in label_selected(index, budget.spec.get("selector"), workload.namespace)
        )
    ]


def metrics_of(scaler: Resource) -> list[str]:
    """The metrics of an autoscaler, in short: `cpu 70%`."""
    found = []
    for metric in mappings(scaler.spec.get("metrics")):
        kind = str(metric.get("type") or "")
        source = mapping(metric.get(kind[:1].lower() + kind[1:]))
        target = mapping(source.get("target"))
        share = f" {target['averageUtilization']}%" if "averageUtilization" in target else ""
        name = source.get("name") or dig(source, "metric", "name") or kind
        found.append(f"{name}{share}")
    return found or ["cpu"]
