"""Two Ingresses, or routes of one Gateway, that claim one host and path are found, wherever they are."""

from __future__ import annotations

import pytest

from bootstrap.resources.claims import claims as claimed
from bootstrap.resources.index import Index
from bootstrap.validate.rule import AppliedObject, Apps, HostClaim
from bootstrap.validate.rules import claims
from tests.validate.rules.world import TREE, resources

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: NAME, namespace: SPACE, annotations: {}}
spec:
  ingressClassName: traefik
  rules:
    - host: a.example.com
      http: {paths: [{path: /x, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: NAME, namespace: SPACE}
spec:
  parentRefs: [{name: public, namespace: edge, sectionName: https}]
  hostnames: [a.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /x}, method: GET}]
      backendRefs: [{name: web, port: 80}]
"""


def find(text: str, old: str = "", new: str = "", space: str = "two", complete: bool = True) -> list[str]:
    """What is found of an object, and of its copy with one edit, in the second namespace."""
    one = text.replace("NAME", "first").replace("SPACE", "one")
    other = text.replace("NAME", "second").replace("SPACE", space)
    assert not old or old in other
    found = []
    for item in resources(f"{one}---\n{other.replace(old, new) if old else other}", "a.yaml", "argocd/a"):
        owned = AppliedObject(
            "", item.kind, item.namespace, item.name, "argocd/a", "a.yaml", item.document, item.line
        )
        found += [HostClaim(owned, *claim) for claim in claimed(item.body)]
    apps = Apps([], Index([]), [], {}, TREE, [], complete, claims=found)
    return [problem.message for problem in claims.check(apps)]


@pytest.mark.parametrize("text", [INGRESS, ROUTE])
@pytest.mark.parametrize("space", ["one", "two"])
def test_second_claim_is_reported_in_every_namespace(text: str, space: str) -> None:
    (message,) = find(text, space=space)
    assert f"{space}/second claims a.example.com/x" in message
    assert "one/first claims, too" in message


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (INGRESS, "a.example.com", "b.example.com"),
        (INGRESS, "/x", "/y"),
        (INGRESS, "Prefix", "Exact"),
        (INGRESS, "Name: traefik", "Name: nginx"),
        (INGRESS, "annotations: {}", "annotations: {nginx.ingress.kubernetes.io/canary: 'true'}"),
        (
            INGRESS,
            "annotations: {}",
            "annotations: {traefik.ingress.kubernetes.io/router.entrypoints: websecure}",
        ),
        (INGRESS, "host: a.example.com", "host: '*.example.com'"),
        (ROUTE, "a.example.com", "b.example.com"),
        (ROUTE, "https", "http"),
        (ROUTE, "namespace: edge", "namespace: other"),
        (ROUTE, "GET", "POST"),
        (ROUTE, "method: GET", "method: GET, headers: [{name: canary, value: 'yes'}]"),
        (ROUTE, "PathPrefix", "Exact"),
    ],
)
def test_claims_that_differ_are_left_alone(text: str, old: str, new: str) -> None:
    assert find(text, old, new) == []


def test_namespaces_that_may_be_of_two_clusters_are_not_compared() -> None:
    assert find(INGRESS, complete=False) == []
    assert find(INGRESS, space="one", complete=False) != []


def test_ingress_for_every_host_is_compared_within_its_namespace_alone() -> None:
    everything = INGRESS.replace("host: a.example.com", "host: '*'")
    assert find(everything) == []
    assert find(everything, space="one") != []


def test_gateway_of_its_own_namespace_is_another_one() -> None:
    own = ROUTE.replace(", namespace: edge", "")
    assert find(own) == []
    assert find(own, space="one") != []
