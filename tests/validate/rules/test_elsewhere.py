"""What is in another namespace, or comes another way, is not missing."""

from __future__ import annotations

import yaml

from bootstrap.resources.index import Index, Resource
from bootstrap.validate.rule import ClusterContext
from bootstrap.validate.rules import gateways, mesh, services


def resources(text: str, namespace: str) -> list[Resource]:
    bodies = [body for body in yaml.safe_load_all(text) if body]
    return [Resource(body, str(body["metadata"].get("namespace") or namespace)) for body in bodies]


VIRTUAL = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http: [{route: [{destination: {host: reviews, subset: v2}}]}]
"""
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: istio-system}
spec: {host: HOST, subsets: [{name: v2, labels: {version: v2}}]}
"""


def subsets(host: str) -> list[str]:
    public = Index(resources(RULE.replace("HOST", host), "istio-system"))
    index = Index(resources(VIRTUAL, "shop"), beyond=public)
    found = mesh.check(index, ClusterContext(public, True))
    return [one.rule.id for one in found if one.rule.id == "GB327"]


def test_subset_of_a_rule_in_the_root_namespace_is_there_by_its_full_name_alone() -> None:
    assert subsets("reviews.shop.svc.cluster.local") == []
    assert subsets("reviews") == ["GB327"]


ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  listeners:
    - {name: exact, port: 80, protocol: HTTP, hostname: shop.example.com}
    - {name: other, port: 80, protocol: HTTP, hostname: other.example.com}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [PARENTS]
  hostnames: [shop.example.com]
"""


def levels(parents: str) -> list[str]:
    index = Index(resources(ROUTE.replace("PARENTS", parents), "web"))
    found = gateways.check(index, ClusterContext(index, True))
    return [one.severity for one in found if one.rule.id == "GB309"]


def test_listener_that_does_not_fit_is_a_warning_when_another_one_takes_the_route() -> None:
    other = "{name: edge, sectionName: other}"
    assert levels(other) == ["error"]
    assert levels("{name: edge, sectionName: exact}, " + other) == ["warning"]


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {SELECTOR}, ports: [{port: 80}]}
"""
POD = """\
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: vault}}
spec: {containers: [{name: web, image: web, readinessProbe: {httpGet: {port: 80}}}]}
"""


def missing(selector: str, pod: str = POD) -> list[str]:
    index = Index(resources(SERVICE.replace("SELECTOR", selector) + pod, "web"))
    found = services.check(index, ClusterContext(index, True))
    return [one.rule.id for one in found if one.rule.id == "GB303"]


def test_labels_that_pods_get_when_they_run_are_not_missing() -> None:
    assert missing("app: vault, vault-active: 'true'") == []
    assert missing("app: other, vault-active: 'true'") == ["GB303"]
