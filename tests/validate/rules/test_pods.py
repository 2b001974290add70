"""Pods that Git switches off, and what may switch them on all the same."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.trace.hops import worst
from bootstrap.trace.walk import trace
from bootstrap.validate.rule import ClusterContext
from bootstrap.validate.rules import scaling
from bootstrap.validate.rules.api import pods
from tests.validate.rules.world import resources

OFF = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web:1}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
"""
MORE = [
    "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n"
    "spec: {scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 3}\n",
    "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a}\n"
    "spec: {scaleTargetRef: {name: web}}\n",
    "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: a}\n"
    "spec: {workloadRef: {kind: Deployment, name: web}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other}\n"
    "spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: b:1}]}}}\n",
]


def index(text: str) -> Index:
    return Index(resources(text, "shop.yaml", "argocd/shop", "shop"))


def found(here: Index) -> list[str]:
    return [one.rule.id for one in pods.check(here, ClusterContext(here, True))]


def test_service_of_pods_that_are_switched_off_is_reported_and_broken_for_a_trace() -> None:
    here = index(OFF)
    assert found(here) == ["GB350"]
    root = trace(here, "web.shop")
    assert worst(root) == "broken"
    assert (
        "Service shop/web selects only Deployment shop/web, with replicas: 0"
        in root.hops[0].remarks[0].message
    )


@pytest.mark.parametrize("more", MORE)
def test_pods_that_something_else_runs_are_not_off(more: str) -> None:
    here = index(f"{OFF}---\n{more}")
    assert found(here) == []
    assert worst(trace(here, "web.shop")) == "ok"


def test_stray_patch_is_not_a_container_without_an_image() -> None:
    bare = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
    bare += "spec: {template: {spec: {containers: [{name: web}]}}}\n"
    assert found(index(bare)) == []
    assert found(index(bare.replace("spec: {", "spec: {selector: {}, ", 1))) == ["GB354"]


def test_budget_of_pods_that_are_switched_off_blocks_nothing() -> None:
    assert list(scaling.check(index(OFF), ClusterContext(index(OFF), True))) == []
    running = index(OFF.replace("replicas: 0", "replicas: 1"))
    assert [one.rule.id for one in scaling.check(running, ClusterContext(running, True))] == ["GB322"]


@pytest.mark.parametrize(("kind", "rules"), [("External", []), ("Object", []), ("Resource", ["GB336"])])
def test_autoscaler_goes_down_to_nothing_only_by_a_metric_of_something_else(
    kind: str, rules: list[str]
) -> None:
    scaler = MORE[0].replace("maxReplicas: 3", f"minReplicas: 0, maxReplicas: 3, metrics: [{{type: {kind}}}]")
    here = index(scaler)
    told = scaling.check(here, ClusterContext(here, False))
    assert [one.rule.id for one in told if one.rule is scaling.BOUNDS] == rules
