"""What `diff` says the API server refuses, it refuses: each immutable field, changed on a real one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import BootstrapError
from bootstrap.diff import immutable
from bootstrap.kube import Cluster, crds
from bootstrap.resources.index import Resource
from bootstrap.sandbox.addresses import Sandbox
from tests.sandbox.kubernetes import admin, made

LABELS = {"a": "1", "b": "1"}
ONE, TWO = {"matchLabels": {"a": "1"}}, {"matchLabels": LABELS}


def template(image: str = "x:1", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "x", "image": image}], **spec}}


WORKLOAD = {"selector": ONE, "template": template()}
JOB = {"completions": 1, "template": template(restartPolicy="Never")}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
VOLUME = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
CLASS = {"provisioner": "example.com/a", "parameters": {"a": "1"}}
DEFINITION = {
    "group": "example.com",
    "scope": "Namespaced",
    "names": {"kind": "Thing", "plural": "things"},
    "versions": [
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    ],
}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
RULE = {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}
NODES = {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}
OTHERS = {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "b", "operator": "Exists"}]}]}}
RBAC = "rbac.authorization.k8s.io/v1"
STATEFUL = {**WORKLOAD, "serviceName": "a"}
NEW_CLAIM = {"metadata": {"name": "data"}, "spec": CLAIM}
CLUSTER_WIDE = {
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
}


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


REFUSED: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    *(
        ("apps/v1", kind, {"spec": WORKLOAD}, {"spec": {**WORKLOAD, "selector": TWO}}, "spec.selector")
        for kind in ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet")
    ),
    (
        "apps/v1",
        "StatefulSet",
        {"spec": STATEFUL},
        {"spec": {**STATEFUL, "serviceName": "b"}},
        "spec.serviceName",
    ),
    (
        "apps/v1",
        "StatefulSet",
        {"spec": STATEFUL},
        {"spec": {**STATEFUL, "podManagementPolicy": "Parallel"}},
        "spec.podManagementPolicy",
    ),
    (
        "apps/v1",
        "StatefulSet",
        {"spec": STATEFUL},
        {"spec": {**STATEFUL, "volumeClaimTemplates": [NEW_CLAIM]}},
        "spec.volumeClaimTemplates",
    ),
    (
        "batch/v1",
        "Job",
        {"spec": JOB},
        {"spec": {**JOB, "template": template("x:2", restartPolicy="Never")}},
        "spec.template",
    ),
    ("batch/v1", "Job", {"spec": JOB}, {"spec": {**JOB, "completionMode": "Indexed"}}, "spec.completionMode"),
    (
        "batch/v1",
        "Job",
        {"spec": JOB},
        {"spec": {**JOB, "podFailurePolicy": {"rules": [RULE]}}},
        "spec.podFailurePolicy",
    ),
    (
        "batch/v1",
        "Job",
        {"spec": {**JOB, "manualSelector": True, "selector": ONE}},
        {"spec": {**JOB, "manualSelector": True, "selector": TWO}},
        "spec.selector",
    ),
    *(
        (RBAC, kind, {"roleRef": ROLE}, {"roleRef": {**ROLE, "name": "edit"}}, "roleRef")
        for kind in ("RoleBinding", "ClusterRoleBinding")
    ),
    ("v1", "Secret", {"type": "Opaque"}, {"type": "example.com/other"}, "type"),
    *(
        ("storage.k8s.io/v1", "StorageClass", CLASS, {**CLASS, field: value}, field)
        for field, value in (
            ("provisioner", "example.com/b"),
            ("parameters", {"a": "2"}),
            ("reclaimPolicy", "Retain"),
            ("volumeBindingMode", "WaitForFirstConsumer"),
        )
    ),
    (
        "networking.k8s.io/v1",
        "IngressClass",
        spec(controller="example.com/a"),
        spec(controller="example.com/b"),
        "spec.controller",
    ),
    ("scheduling.k8s.io/v1", "PriorityClass", {"value": 1}, {"value": 2}, "value"),
    (
        "scheduling.k8s.io/v1",
        "PriorityClass",
        {"value": 1},
        {"value": 1, "preemptionPolicy": "Never"},
        "preemptionPolicy",
    ),
    ("node.k8s.io/v1", "RuntimeClass", {"handler": "a"}, {"handler": "b"}, "handler"),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        {"spec": DEFINITION},
        {"spec": {**DEFINITION, "scope": "Cluster"}},
        "spec.scope",
    ),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        {"spec": DEFINITION},
        {"spec": {**DEFINITION, "group": "example.org"}},
        "spec.group",
    ),
    (
        "discovery.k8s.io/v1",
        "EndpointSlice",
        {"addressType": "IPv4", "endpoints": []},
        {"addressType": "IPv6", "endpoints": []},
        "addressType",
    ),
    *(
        ("v1", "PersistentVolumeClaim", {"spec": {**CLAIM, **old}}, {"spec": {**CLAIM, **new}}, says)
        for old, new, says in (
            ({}, {"accessModes": ["ReadWriteMany"]}, "spec.accessModes"),
            ({"storageClassName": "a"}, {"storageClassName": "b"}, "spec.storageClassName"),
            ({"volumeName": "a"}, {"volumeName": "b"}, "spec.volumeName"),
            ({}, {"volumeMode": "Block"}, "spec.volumeMode"),
            ({}, {"selector": ONE}, "spec.selector"),
            ({}, {"resources": {"requests": {"storage": "1Gi"}}}, "it can only grow"),
        )
    ),
    *(
        ("v1", "PersistentVolume", {"spec": {**VOLUME, **old}}, {"spec": {**VOLUME, **new}}, says)
        for old, new, says in (
            (
                {"csi": {"driver": "d", "volumeHandle": "a"}},
                {"csi": {"driver": "d", "volumeHandle": "b"}},
                "spec.csi",
            ),
            ({"nfs": {"server": "a", "path": "/"}}, {"nfs": {"server": "b", "path": "/"}}, "spec.nfs"),
            ({"hostPath": {"path": "/a"}}, {"hostPath": {"path": "/b"}}, "spec.hostPath"),
            (
                {"local": {"path": "/a"}, "nodeAffinity": NODES},
                {"local": {"path": "/b"}, "nodeAffinity": NODES},
                "spec.local",
            ),
            (
                {"local": {"path": "/a"}, "nodeAffinity": NODES},
                {"local": {"path": "/a"}, "nodeAffinity": OTHERS},
                "spec.nodeAffinity",
            ),
        )
    ),
    *(
        (
            "v1",
            kind,
            {"immutable": True, field: {"a": "YQ=="}},
            {"immutable": True, field: {"a": "Yg=="}},
            field,
        )
        for kind, field in (("ConfigMap", "data"), ("ConfigMap", "binaryData"), ("Secret", "data"))
    ),
    ("v1", "ConfigMap", {"immutable": True}, {"immutable": False}, "immutable"),
    (
        "v1",
        "Service",
        spec(clusterIP="None", ports=[{"port": 1}]),
        spec(clusterIP="10.96.0.77", ports=[{"port": 1}]),
        "spec.clusterIP",
    ),
]
TAKEN: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("apps/v1", "Deployment", {"spec": WORKLOAD}, {"spec": {**WORKLOAD, "replicas": 3}}),
    ("apps/v1", "StatefulSet", {"spec": STATEFUL}, {"spec": {**STATEFUL, "template": template("x:2")}}),
    ("batch/v1", "Job", {"spec": JOB}, {"spec": {**JOB, "parallelism": 2}}),
    ("v1", "ConfigMap", {"data": {"a": "1"}}, {"immutable": True, "data": {"a": "2"}}),
    ("storage.k8s.io/v1", "StorageClass", CLASS, {**CLASS, "allowVolumeExpansion": True}),
]


@pytest.fixture(scope="module")
def api(api_server: Sandbox) -> Cluster:
    return admin(api_server)


@pytest.fixture
def name(api: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A name for the case's object, which is deleted afterwards."""
    version, kind, *_ = request.node.callspec.params["case"]
    found = "things.example.com" if kind == "CustomResourceDefinition" else f"test-{secrets.token_hex(4)}"
    yield found
    place = {} if kind in CLUSTER_WIDE else {"namespace": "default"}
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": found, **place}}
    kube.delete(api, [made(body)])


def tried(api: Cluster, name: str, case: tuple[Any, ...]) -> tuple[str, str]:
    """What the API server says of the change, and what `diff` says; "" when it takes it."""
    version, kind, old, new, *_ = case

    def whole(fields: Mapping[str, Any]) -> dict[str, Any]:
        place = {} if kind in CLUSTER_WIDE else {"namespace": "default"}
        metadata = {"name": name, **place}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}

    kube.apply(api, [made(whole(old))])
    if kind == "CustomResourceDefinition":  # only one that is established is immutable
        thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}}
        crds.wait_until_served(api, made(thing))
    said = ""
    try:
        kube.apply(api, [made(whole(new))])
    except BootstrapError as error:
        said = error.found
    ours = immutable.refusal(Resource(whole(old), "default"), Resource(whole(new), "default"))
    return said, ours


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[1]} {case[4]}")
def test_a_change_that_diff_calls_refused_is_refused(api: Cluster, name: str, case: tuple[Any, ...]) -> None:
    said, ours = tried(api, name, case)
    assert said
    assert case[4] in ours


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: case[1])
def test_a_change_that_diff_says_nothing_of_is_taken(api: Cluster, name: str, case: tuple[Any, ...]) -> None:
    assert tried(api, name, case) == ("", "")


def test_every_field_that_diff_knows_has_a_case() -> None:
    named = {(kind, field) for _, kind, _, _, field in REFUSED}
    known = {
        (kind.partition(".")[0], field) for kind, fields in immutable._FIELDS.items() for field in fields
    }
    assert known - named == set()
