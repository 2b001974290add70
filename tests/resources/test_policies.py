"""The mesh's AuthorizationPolicies: who is admitted by identity, and what Git does not say."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index, Resource
from bootstrap.resources.policies import Peer, peer, refused
from tests.validate.rules.world import resources

PODS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain}
spec: {template: {metadata: {labels: {app: plain}}, spec: {}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db}
spec: {template: {metadata: {labels: {app: db}}, spec: {serviceAccountName: db}}}
"""
CLOSED = """\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: closed}
spec: {}
"""


def answer(source: str, caller: str = "web", action: str = "ALLOW", namespace: str = "shop") -> str | None:
    """The name of the policy that refuses the caller at db, with one rule of that source; None: it passes."""
    policy = f"""\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: db, namespace: {namespace}}}
spec: {{selector: {{matchLabels: {{app: db}}}}, action: {action}, rules: [{{from: [{{source: {source}}}]}}]}}
"""
    closed = CLOSED if action == "ALLOW" else ""
    index = Index(resources(PODS + closed + policy, "shop.yaml", "argocd/shop", "shop"))
    stopped = refused(index, _peer(index, caller), _peer(index, "db"), 5432)
    return stopped.name if stopped else None


def _peer(index: Index, name: str) -> Peer:
    if name == "somebody":
        return Peer("shop", {})
    found: Resource | None = index.get("Deployment.apps", "shop", name)
    assert found is not None
    return peer(found)


@pytest.mark.parametrize(
    ("source", "caller", "passes"),
    [
        ("{serviceAccounts: [web]}", "web", True),
        ("{serviceAccounts: [shop/web]}", "web", True),
        ("{serviceAccounts: [db, default]}", "plain", True),
        ("{serviceAccounts: [db]}", "web", False),
        ("{serviceAccounts: [other/web]}", "web", False),
        ("{serviceAccounts: ['*']}", "web", False),  # no patterns here
        ("{serviceAccounts: [web]}", "somebody", True),
        ("{serviceAccounts: [other/web]}", "somebody", False),
        ("{principals: [cluster.local/ns/shop/sa/web]}", "web", True),
        ("{principals: [cluster.local/ns/shop/sa/web]}", "plain", False),
        ("{principals: [cluster.local/ns/shop/sa/web]}", "somebody", True),
        ("{namespaces: [sh*]}", "web", True),
        ("{namespaces: [other]}", "web", False),
        ("{notServiceAccounts: [web]}", "web", False),
        ("{notServiceAccounts: [other/web]}", "web", True),
        ("{notServiceAccounts: [web]}", "somebody", True),
        ("{notPrincipals: ['*/sa/web']}", "web", False),
        ("{notPrincipals: ['*/sa/web']}", "plain", True),
        ("{notNamespaces: [shop]}", "web", False),
        ("{notNamespaces: [other]}", "web", True),
        ("{namespaces: [shop], notServiceAccounts: [web]}", "web", False),
        ("{ipBlocks: [192.0.2.0/24]}", "web", True),
        ("{requestPrincipals: ['*'], serviceAccounts: [db]}", "web", False),
    ],
)
def test_a_source_that_git_shows_is_judged_and_any_other_may_pass(
    source: str, caller: str, passes: bool
) -> None:
    assert answer(source, caller) == (None if passes else "db")


@pytest.mark.parametrize(
    ("source", "caller", "passes"),
    [
        ("{serviceAccounts: [web]}", "web", False),
        ("{serviceAccounts: [web]}", "plain", True),
        ("{serviceAccounts: [web]}", "somebody", True),
        ("{notServiceAccounts: [db]}", "web", False),
        ("{notServiceAccounts: [web]}", "somebody", True),
        ("{ipBlocks: [192.0.2.0/24]}", "web", True),
        ("{serviceAccounts: [web], notRequestPrincipals: ['*']}", "web", True),
    ],
)
def test_a_denial_counts_only_when_it_is_sure(source: str, caller: str, passes: bool) -> None:
    assert answer(source, caller, "DENY") == (None if passes else "db")


def test_an_account_without_a_namespace_is_one_of_the_policys_own() -> None:
    assert answer("{serviceAccounts: [web]}", namespace="istio-system") == "db"
    assert answer("{serviceAccounts: [shop/web]}", namespace="istio-system") is None


MESH_WIDE = CLOSED.replace("{name: closed}", "{name: closed, namespace: istio-system}")


@pytest.mark.parametrize(
    ("labels", "refuser"),
    [
        ("{}", None),
        ("{istio-injection: enabled}", "closed"),
        ("{istio.io/dataplane-mode: ambient}", "closed"),
    ],
)
def test_policies_of_the_whole_mesh_hold_for_its_pods_alone(labels: str, refuser: str | None) -> None:
    space = f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {labels}}}\n"
    beyond = Index(resources((MESH_WIDE + space).removeprefix("---\n"), "mesh.yaml", "argocd/mesh"))
    index = Index(resources(PODS, "shop.yaml", "argocd/shop", "shop"), beyond=beyond)
    stopped = refused(index, _peer(index, "web"), _peer(index, "db"), 5432)
    assert (stopped.name if stopped else None) == refuser


def test_policy_of_the_whole_mesh_can_admit() -> None:
    open_ = MESH_WIDE.replace("spec: {}", "spec: {rules: [{}]}")
    beyond = Index(resources(open_.removeprefix("---\n"), "mesh.yaml", "argocd/mesh"))
    index = Index(resources(PODS + CLOSED, "shop.yaml", "argocd/shop", "shop"), beyond=beyond)
    assert refused(index, _peer(index, "web"), _peer(index, "db"), 5432) is None
