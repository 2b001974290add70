"""`diff` says of a change that the API server refuses it, and of one that it takes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.diff.compare import compare, data, markdown, text
from bootstrap.resources.index import Resource

TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "a:1"}]}}
NEWER = {"spec": {"containers": [{"name": "a", "image": "a:2"}]}}


def changed(api: str, kind: str, old: dict[str, Any], new: dict[str, Any], **notes: str) -> str:
    bodies = [
        {"apiVersion": api, "kind": kind, "metadata": {"name": "a", "annotations": notes}, **one}
        for one in (old, new)
    ]
    key = ("", kind, "shop", "a")
    changes = compare({key: Resource(bodies[0], "shop")}, {key: Resource(bodies[1], "shop")})
    assert [change.kind for change in changes] == ["change"]
    return changes[0].refused


CASES = [
    (
        "apps/v1",
        "Deployment",
        {"spec": {"selector": {"a": 1}}},
        {"spec": {"selector": {"a": 2}}},
        "spec.selector",
    ),
    ("apps/v1", "Deployment", {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, ""),
    (
        "apps/v1",
        "StatefulSet",
        {"spec": {"serviceName": "a"}},
        {"spec": {"serviceName": "b"}},
        "spec.serviceName",
    ),
    ("apps/v1", "StatefulSet", {"spec": {"template": TEMPLATE}}, {"spec": {"template": NEWER}}, ""),
    ("apps/v1", "StatefulSet", {"spec": {}}, {"spec": {"podManagementPolicy": "OrderedReady"}}, ""),
    (
        "apps/v1",
        "StatefulSet",
        {"spec": {}},
        {"spec": {"volumeClaimTemplates": [{}]}},
        "spec.volumeClaimTemplates",
    ),
    ("batch/v1", "Job", {"spec": {"template": TEMPLATE}}, {"spec": {"template": NEWER}}, "spec.template"),
    ("batch/v1", "CronJob", {"spec": {"jobTemplate": TEMPLATE}}, {"spec": {"jobTemplate": NEWER}}, ""),
    ("batch/v1", "Job", {"spec": {"parallelism": 1}}, {"spec": {"parallelism": 2}}, ""),
    (
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        {"roleRef": {"name": "a"}},
        {"roleRef": {"name": "b"}},
        "roleRef",
    ),
    ("v1", "Secret", {"type": "Opaque"}, {"type": "kubernetes.io/tls"}, "type"),
    ("v1", "Secret", {}, {"type": "Opaque"}, ""),
    (
        "v1",
        "ConfigMap",
        {"immutable": True, "data": {"a": "1"}},
        {"immutable": True, "data": {"a": "2"}},
        "data",
    ),
    ("v1", "ConfigMap", {"data": {"a": "1"}}, {"data": {"a": "2"}}, ""),
    (
        "storage.k8s.io/v1",
        "StorageClass",
        {"parameters": {"a": "1"}},
        {"parameters": {"a": "2"}},
        "parameters",
    ),
    (
        "v1",
        "PersistentVolumeClaim",
        {"spec": {"resources": {"requests": {"storage": "2Gi"}}}},
        {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
        "it can only grow",
    ),
    (
        "v1",
        "PersistentVolumeClaim",
        {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
        {"spec": {"resources": {"requests": {"storage": "2048Mi"}}}},
        "",
    ),
    ("v1", "PersistentVolumeClaim", {"spec": {}}, {"spec": {"storageClassName": "fast"}}, ""),
    ("v1", "Service", {"spec": {"clusterIP": "None"}}, {"spec": {"clusterIP": "10.0.0.1"}}, "spec.clusterIP"),
    ("v1", "Service", {"spec": {"type": "ClusterIP"}}, {"spec": {"type": "NodePort"}}, ""),
]


@pytest.mark.parametrize(("api", "kind", "old", "new", "says"), CASES)
def test_immutable_fields(api: str, kind: str, old: dict[str, Any], new: dict[str, Any], says: str) -> None:
    """kustomize#1009, thoth-application#274"""
    found = changed(api, kind, old, new)
    assert says in found if says else found == ""


def test_what_is_replaced_or_made_anew_is_not_refused() -> None:
    """homelab-gitops#693, gitops-template#792"""
    old, new = {"spec": {"template": TEMPLATE}}, {"spec": {"template": NEWER}}
    options = "argocd.argoproj.io/sync-options"
    assert changed("batch/v1", "Job", old, new, **{options: "Replace=true"})
    assert changed("batch/v1", "Job", old, new, **{options: "Force=true, Replace=true"}) == ""
    assert changed("batch/v1", "Job", old, new, **{"argocd.argoproj.io/hook": "PreSync"}) == ""


def test_a_definition_is_never_made_anew() -> None:
    """Argo CD updates one whatever its options say, as all objects of the kind would go with it."""
    old, new = ({"spec": {"scope": scope, "versions": []}} for scope in ("Cluster", "Namespaced"))
    forced = {"argocd.argoproj.io/sync-options": "Force=true,Replace=true"}
    found = changed("apiextensions.k8s.io/v1", "CustomResourceDefinition", old, new, **forced)
    assert found.startswith("spec.scope is immutable: the sync fails; undo it")
    assert "Replace" not in found


def test_every_format_says_that_a_change_is_refused() -> None:
    bodies = [
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": {"template": one}}
        for one in (TEMPLATE, NEWER)
    ]
    key = ("", "Job.batch", "shop", "a")
    changes = compare({key: Resource(bodies[0], "shop")}, {key: Resource(bodies[1], "shop")})
    said = "spec.template is immutable: the sync fails"
    assert said in "\n".join(text(changes))
    assert f"**{said}" in markdown(changes)
    assert str(data(changes)[0]["refused"]).startswith(said)
