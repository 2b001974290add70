"""Changes that the API server refuses, and some that it takes, for tests/sandbox/diff/test_immutable.py."""

from __future__ import annotations

from typing import Any

LABELS = {"a": "1", "b": "1"}
ONE, TWO = {"matchLabels": {"a": "1"}}, {"matchLabels": LABELS}


def template(image: str = "x:1", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "x", "image": image}], **spec}}


WORKLOAD = {"selector": ONE, "template": template()}
JOB = {"completions": 1, "template": template(restartPolicy="Never")}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
VOLUME = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
CLASS = {"provisioner": "example.com/a", "parameters": {"a": "1"}}
VERSION: dict[str, Any] = {
    "name": "v1",
    "served": True,
    "storage": True,
    "schema": {"openAPIV3Schema": {"type": "object"}},
}
DEFINITION = {
    "group": "example.com",
    "scope": "Namespaced",
    "names": {"kind": "Thing", "plural": "things"},
    "versions": [VERSION],
}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
RULE = {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}
NODES = {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}
OTHERS = {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "b", "operator": "Exists"}]}]}}
RBAC = "rbac.authorization.k8s.io/v1"
STATEFUL = {**WORKLOAD, "serviceName": "a"}
NEW_CLAIM = {"metadata": {"name": "data"}, "spec": CLAIM}
INDEXED = {**JOB, "completionMode": "Indexed", "completions": 2}
SUCCESS = {"rules": [{"succeededCount": 1}]}
FROM_A, FROM_B = ({"kind": "PersistentVolumeClaim", "name": name} for name in "ab")
ISCSI = {"targetPortal": "192.0.2.1", "iqn": "iqn.2000-01.com.example:a", "lun": 0}
CONTAINER = {"name": "x", "image": "x:1"}
ATTRIBUTES = {"driverName": "example.org", "parameters": {"a": "1"}}
BALANCER = {"type": "LoadBalancer", "ports": [{"port": 1}]}
CLUSTER_WIDE = {
    "CSIDriver",
    "VolumeAttributesClass",
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


def claims(name: str) -> dict[str, Any]:
    """A ResourceClaim's spec."""
    return {"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": name}}]}}


REFUSED: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    *(
        ("apps/v1", kind, {"spec": WORKLOAD}, {"spec": {**WORKLOAD, "selector": TWO}}, "spec.selector")
        for kind in ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet")
    ),
    *(
        ("apps/v1", "StatefulSet", {"spec": STATEFUL}, {"spec": {**STATEFUL, field: value}}, f"spec.{field}")
        for field, value in (
            ("serviceName", "b"),
            ("podManagementPolicy", "Parallel"),
            ("volumeClaimTemplates", [NEW_CLAIM]),
        )
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
        ("batch/v1", "Job", {"spec": old}, {"spec": {**old, field: value}}, f"spec.{field}")
        for old, field, value in (
            (JOB, "completions", 2),
            (INDEXED, "completions", 3),
            (INDEXED, "successPolicy", SUCCESS),
            (INDEXED, "backoffLimitPerIndex", 2),
            (JOB, "managedBy", "example.com/a"),
        )
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
    *(
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {"spec": DEFINITION},
            {"spec": {**DEFINITION, **new}},
            says,
        )
        for new, says in (
            ({"names": {"kind": "Other", "plural": "things"}}, "spec.names.kind"),
            ({"names": {"kind": "Thing", "plural": "others"}}, "spec.names.plural"),
            ({"versions": [{**VERSION, "name": "v2"}]}, "spec.versions has no v1"),
        )
    ),
    ("v1", "ResourceQuota", spec(hard={}), spec(hard={}, scopes=["BestEffort"]), "spec.scopes"),
    ("storage.k8s.io/v1", "CSIDriver", spec(), spec(attachRequired=False), "spec.attachRequired"),
    (
        "storage.k8s.io/v1",
        "CSIDriver",
        spec(),
        spec(volumeLifecycleModes=["Ephemeral"]),
        "spec.volumeLifecycleModes",
    ),
    *(
        ("storage.k8s.io/v1", "VolumeAttributesClass", ATTRIBUTES, {**ATTRIBUTES, field: value}, field)
        for field, value in (("driverName", "example.com"), ("parameters", {"a": "2"}))
    ),
    ("resource.k8s.io/v1", "ResourceClaim", {"spec": claims("a")}, {"spec": claims("b")}, "spec"),
    (
        "resource.k8s.io/v1",
        "ResourceClaimTemplate",
        spec(spec=claims("a")),
        spec(spec=claims("b")),
        "spec",
    ),
    (
        "v1",
        "Pod",
        spec(containers=[CONTAINER]),
        spec(containers=[{**CONTAINER, "env": [{"name": "A", "value": "b"}]}]),
        "spec (all but images",
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
            ({}, {"dataSource": FROM_A}, "spec.dataSource"),
            ({"dataSourceRef": FROM_A}, {"dataSourceRef": FROM_B}, "spec.dataSourceRef"),
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
                {"hostPath": {"path": "/a"}},
                {"hostPath": {"path": "/a"}, "volumeMode": "Block"},
                "spec.volumeMode",
            ),
            ({"iscsi": ISCSI}, {"iscsi": {**ISCSI, "lun": 1}}, "spec.iscsi"),
            (
                {"fc": {"targetWWNs": ["a"], "lun": 0}},
                {"fc": {"targetWWNs": ["b"], "lun": 0}},
                "spec.fc",
            ),
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
    (
        "v1",
        "Service",
        spec(ports=[{"port": 1}]),
        spec(ports=[{"port": 1}], clusterIP="None"),
        "spec.clusterIP",
    ),
    *(
        ("v1", "Service", spec(**BALANCER, **old), spec(**BALANCER, **new), "spec.loadBalancerClass")
        for old, new in (
            ({}, {"loadBalancerClass": "example.com/a"}),
            ({"loadBalancerClass": "example.com/a"}, {}),
        )
    ),
]
TAKEN: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("apps/v1", "Deployment", {"spec": WORKLOAD}, {"spec": {**WORKLOAD, "replicas": 3}}),
    ("apps/v1", "StatefulSet", {"spec": STATEFUL}, {"spec": {**STATEFUL, "template": template("x:2")}}),
    ("batch/v1", "Job", {"spec": JOB}, {"spec": {**JOB, "parallelism": 2}}),
    ("batch/v1", "Job", {"spec": {"template": JOB["template"]}}, {"spec": JOB}),
    ("batch/v1", "Job", {"spec": INDEXED}, {"spec": {**INDEXED, "completions": 3, "parallelism": 3}}),
    (
        "batch/v1",
        "Job",
        {"spec": {**JOB, "suspend": True}},
        {
            "spec": {
                **JOB,
                "suspend": True,
                "template": template(restartPolicy="Never", nodeSelector={"a": "b"}),
            }
        },
    ),
    (
        "v1",
        "PersistentVolumeClaim",
        {"spec": {**CLAIM, "dataSource": FROM_A}},
        {"spec": {**CLAIM, "dataSourceRef": FROM_A}},
    ),
    ("v1", "PersistentVolumeClaim", {"spec": {**CLAIM, "dataSource": FROM_A}}, {"spec": CLAIM}),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        {"spec": DEFINITION},
        {"spec": {**DEFINITION, "versions": [{**VERSION, "storage": False}, {**VERSION, "name": "v2"}]}},
    ),
    (
        "v1",
        "Pod",
        spec(containers=[CONTAINER]),
        spec(containers=[{**CONTAINER, "image": "x:2"}], tolerations=[{"key": "a", "operator": "Exists"}]),
    ),
    ("v1", "Service", spec(ports=[{"port": 1}], clusterIP="None"), spec(ports=[{"port": 1}])),
    (
        "v1",
        "Service",
        spec(type="ExternalName", externalName="example.com"),
        spec(ports=[{"port": 1}], clusterIP="None"),
    ),
    ("v1", "ConfigMap", {"data": {"a": "1"}}, {"immutable": True, "data": {"a": "2"}}),
    ("storage.k8s.io/v1", "StorageClass", CLASS, {**CLASS, "allowVolumeExpansion": True}),
]
