"""Autoscalers: what they scale, by which container, and between which numbers."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.validate.rule import ClusterContext
from bootstrap.validate.rules import scaling
from tests.validate.rules.world import resources

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  REPLICAS
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: a, resources: {requests: {cpu: 1, memory: 1Mi}}}]}
---
"""
SCALED = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec: {scaleTargetRef: {name: web}, COUNTS}
"""
HPA = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 3
  metrics:
    - type: ContainerResource
      containerResource: {name: cpu, container: CONTAINER, target: {type: Utilization, averageUtilization: 8}}
"""
VPA = """\
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: web}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: TARGET}}
"""


def found(text: str, replicas: str = "") -> list[str]:
    here = Index(resources(WEB.replace("REPLICAS", replicas) + text, "shop.yaml", "argocd/shop", "shop"))
    return [one.rule.id for one in scaling.check(here, ClusterContext(here, True))]


@pytest.mark.parametrize(
    ("counts", "rules"),
    [
        ("minReplicaCount: 9, maxReplicaCount: 5", ["GB336"]),
        ("minReplicaCount: 101", ["GB336"]),
        ("idleReplicaCount: 2, minReplicaCount: 2", ["GB336"]),
        ("idleReplicaCount: 0, minReplicaCount: 2, maxReplicaCount: 5", []),
        ("maxReplicaCount: 5", []),
    ],
)
def test_counts_of_keda_are_in_order(counts: str, rules: list[str]) -> None:
    assert found(SCALED.replace("COUNTS", counts)) == rules


@pytest.mark.parametrize(("container", "rules"), [("web", []), ("wbe", ["GB319"]), ("istio-proxy", [])])
def test_container_that_is_scaled_by_is_one_of_the_pods(container: str, rules: list[str]) -> None:
    assert found(HPA.replace("CONTAINER", container)) == rules


@pytest.mark.parametrize(("target", "rules"), [("web", []), ("wbe", ["GB319"])])
def test_vertical_autoscaler_has_a_target_whose_replicas_may_be_in_git(target: str, rules: list[str]) -> None:
    assert found(VPA.replace("TARGET", target), "replicas: 2") == rules


@pytest.mark.parametrize("wrong", ["v1", "extensions/v1beta1"])
def test_target_of_another_group_is_named_with_its_own(wrong: str) -> None:
    scaler = HPA.replace("CONTAINER", "web").replace("{apiVersion: apps/v1", f"{{apiVersion: {wrong}")
    here = Index(resources(WEB.replace("REPLICAS", "") + scaler, "shop.yaml", "argocd/shop", "shop"))
    problems = [
        one for one in scaling.check(here, ClusterContext(here, True)) if one.rule.id == scaling.TARGET.id
    ]
    assert [one.fix for one in problems] == ["set apiVersion: apps/v1 in scaleTargetRef"]
    assert "but it is Deployment shop/web" in problems[0].message
