"""Autoscalers, TLS, weights and roles that do, and do not, fit what they go with."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.validate.rule import ClusterContext
from bootstrap.validate.rules import pairs
from tests.validate.rules.world import resources

SCALERS = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: a}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: b}
spec: {scaleTargetRef: {name: TARGET}}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{secretName: web, HOSTS}]
  rules: [{host: a.example.com}]
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec: {rules: [{backendRefs: [BACKENDS]}]}
"""
BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {kind: Role, name: ROLE}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
"""


def found(
    text: str, *, complete: bool = True, namespace: str = "shop", opaque: tuple[str, ...] = ()
) -> list[str]:
    here = Index(resources(text, "shop.yaml", "argocd/shop" if complete else "", namespace), opaque)
    return [one.rule.id for one in pairs.check(here, ClusterContext(here, complete))]


def test_two_autoscalers_of_one_target_are_reported_where_both_are_applied() -> None:
    assert found(SCALERS.replace("TARGET", "web")) == ["GB362"]
    assert found(SCALERS.replace("TARGET", "web"), complete=False) == []
    assert found(SCALERS.replace("TARGET", "api")) == []


@pytest.mark.parametrize(
    ("hosts", "rules"),
    [
        ("hosts: [b.example.com]", ["GB363"]),
        ("hosts: ['*.b.example.com']", ["GB363"]),
        ("hosts: [a.example.com]", []),
        ("hosts: ['*.example.com']", []),
        ("hosts: []", []),
    ],
)
def test_tls_is_for_the_hosts_of_the_rules(hosts: str, rules: list[str]) -> None:
    assert found(INGRESS.replace("HOSTS", hosts)) == rules


def test_certificate_of_an_ingress_next_to_it_is_taken_too() -> None:
    beside = INGRESS.replace("name: web}", "name: all}", 1).replace("HOSTS", "hosts: ['*.example.com']")
    assert found(INGRESS.replace("HOSTS", "hosts: [b.example.com]") + "---\n" + beside) == []


@pytest.mark.parametrize(
    ("backends", "rules"),
    [
        ("{name: a, weight: 0}", ["GB364"]),
        ("{name: a, weight: 0}, {name: b, weight: 0}", ["GB364"]),
        ("{name: a, weight: 0}, {name: b}", []),
        ("{name: a}", []),
        ("", []),
    ],
)
def test_some_backend_of_a_route_has_a_weight(backends: str, rules: list[str]) -> None:
    assert found(ROUTE.replace("BACKENDS", backends)) == rules


def test_role_of_a_binding_is_there_as_far_as_git_can_tell() -> None:
    gone = BINDING.replace("ROLE", "writer")
    assert found(gone) == ["GB365"]
    assert found(BINDING.replace("ROLE", "reader")) == []
    assert found(gone, complete=False) == []
    assert found(BINDING.replace("ROLE", "raeder"), complete=False) == ["GB365"]
    assert found(gone, namespace="kube-system") == []
    assert found(gone, opaque=("shop",)) == []


def test_binding_to_a_cluster_role_as_a_role_is_told_its_kind() -> None:
    here = Index(resources(BINDING.replace("ROLE", "view"), "shop.yaml", "argocd/shop", "shop"), ())
    (problem,) = pairs.check(here, ClusterContext(here, True))
    assert problem.message.endswith("names the Role view, but view is a ClusterRole")
    assert problem.fix == "set kind: ClusterRole in roleRef"
