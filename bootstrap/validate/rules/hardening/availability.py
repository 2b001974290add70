"""What keeps a service up while nodes come and go, and what keeps its neighbours out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, label_selects, mapping, sequence
from bootstrap.resources.pods import (
    SCALABLE,
    WORKLOADS,
    is_hook,
    pod_labels,
    pod_spec,
    replicas,
    template_path,
)
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules.hardening.containers import GROUP

BUDGET = Rule(
    "GB521",
    "budget-missing",
    "warning",
    "A workload of several replicas has no PodDisruptionBudget: a drain may evict all of them at once.",
    "add a PodDisruptionBudget with maxUnavailable: 1",
    GROUP,
)
SPREAD = Rule(
    "GB522",
    "spread-missing",
    "warning",
    "A workload of several replicas says nothing about where they run: one node may have them all.",
    "add topologySpreadConstraints over kubernetes.io/hostname",
    GROUP,
)
POLICY = Rule(
    "GB523",
    "network-policy-missing",
    "warning",
    "No NetworkPolicy selects a workload's pods: every pod of the cluster reaches all their ports.",
    "add a NetworkPolicy to the namespace that admits who must reach it",
    GROUP,
)
_SCALERS = ("HorizontalPodAutoscaler.autoscaling", "ScaledObject.keda.sh")


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module. What something unread may bring is not missing."""
    if GROUP not in context.groups:
        return
    several = _scaled(index)
    for workload in index.of(*WORKLOADS):
        if not index.knows(workload.namespace) or is_hook(workload):
            continue
        count = max(replicas(workload), several.get((workload.kind, workload.name), 0))
        if workload.kind in SCALABLE and count > 1:
            yield from _several(index, workload, count)
        if not _is_isolated(index, context, workload):
            path = (*template_path(workload), "metadata", "labels")
            yield problem(POLICY, workload, f"no NetworkPolicy selects the pods of {workload}", *path)


def _several(index: Index, workload: Resource, count: int) -> Iterator[Problem]:
    labels = pod_labels(workload)
    budgets = index.of("PodDisruptionBudget.policy", namespace=workload.namespace)
    if not any(label_selects(one.spec.get("selector"), labels) for one in budgets):
        message = f"{workload} has {count} replicas and no PodDisruptionBudget"
        yield problem(BUDGET, workload, message, "spec", "replicas")
    spec = pod_spec(workload)
    apart = mapping(dig(dict(spec), "affinity", "podAntiAffinity"))
    if not sequence(spec.get("topologySpreadConstraints")) and not apart:
        message = f"{workload} has {count} replicas and nothing spreads them over nodes"
        yield problem(SPREAD, workload, message, *template_path(workload), "spec")


def _scaled(index: Index) -> Mapping[tuple[str, str], int]:
    """(kind, name) → the number of replicas that an autoscaler may go down to."""
    found: dict[tuple[str, str], int] = {}
    for scaler in index.of(*_SCALERS):
        target: Mapping[str, Any] = mapping(scaler.spec.get("scaleTargetRef"))
        least = scaler.spec.get("minReplicas", scaler.spec.get("minReplicaCount"))
        for kind in SCALABLE:
            if kind.partition(".")[0] == target.get("kind", "Deployment") and isinstance(least, int):
                found[(kind, str(target.get("name")))] = least
    return found


def _is_isolated(index: Index, context: ClusterContext, workload: Resource) -> bool:
    """Whether a policy selects its pods; those of other networks (Cilium, Calico) count unread."""
    if pod_spec(workload).get("hostNetwork") is True:
        return True
    kinds = {*index.kinds(), *context.public.kinds()}
    if any(kind.partition(".")[0].endswith("NetworkPolicy") and "k8s.io" not in kind for kind in kinds):
        return True
    labels = pod_labels(workload)
    policies = index.of("NetworkPolicy.networking.k8s.io", namespace=workload.namespace)
    return any(
        label_selects(one.spec.get("podSelector"), labels)
        and ("Ingress" in sequence(one.spec.get("policyTypes")) or not one.spec.get("policyTypes"))
        for one in policies
    )
