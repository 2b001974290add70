"""Objects with a field whose value Kubernetes 1.36 refuses, and the same with values that it accepts."""

from __future__ import annotations

from typing import Any

POD: dict[str, Any] = {"containers": [{"name": "web", "image": "web:1"}]}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
RBAC = "rbac.authorization.k8s.io"


def whole(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """A body with its head; `kind` is the apiVersion and the kind."""
    api, _, short = kind.rpartition(" ")
    return {"apiVersion": api, "kind": short, "metadata": {"name": "web"}, **body}


def applied(pods: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a Deployment has: its pods, and the rest of its spec."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pods}
    return {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **more}}


def pod(**spec: Any) -> dict[str, Any]:
    return applied({**POD, **spec})


def container(**more: Any) -> dict[str, Any]:
    return applied({"containers": [{**POD["containers"][0], **more}]})


def rolling(**values: Any) -> dict[str, Any]:
    return applied(POD, strategy={"rollingUpdate": values})


def ingress(paths: Any, **more: Any) -> dict[str, Any]:
    return {"spec": {"rules": [{"host": "a.example.com", "http": {"paths": paths}}], **more}}


def path(backend: Any) -> list[Any]:
    return [{"path": "/", "pathType": "Prefix", "backend": backend}]


def scaler(target: dict[str, Any], **metric: Any) -> dict[str, Any]:
    of = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", **target}
    return {"spec": {"scaleTargetRef": of, "maxReplicas": 2, "metrics": [metric] if metric else []}}


def resource(**target: Any) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def stateful(**claim: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return applied(POD, volumeClaimTemplates=[{**claim, "spec": spec}])


def bound(role: dict[str, Any], **subject: Any) -> dict[str, Any]:
    return {"roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "a", **role}, "subjects": [subject]}


APP, NET, HPA = (
    "apps/v1 Deployment",
    "networking.k8s.io/v1 NetworkPolicy",
    "autoscaling/v2 HorizontalPodAutoscaler",
)
ING, PDB, BIND = "networking.k8s.io/v1 Ingress", "policy/v1 PodDisruptionBudget", f"{RBAC}/v1 RoleBinding"
SET, CLASS = "apps/v1 StatefulSet", "storage.k8s.io/v1 StorageClass"
MAPPED = {"name": "a", "configMap": {"name": "a", "items": [{"key": "a", "path": "a"}]}}
USER = {"kind": "User", "name": "ann", "apiGroup": RBAC}
WRONG: list[tuple[str, Any, str]] = [
    (APP, rolling(maxSurge=-1), "spec.strategy.rollingUpdate.maxSurge is -1, which is below 0"),
    (APP, rolling(maxUnavailable="a"), "neither a number nor a percentage"),
    (APP, applied({"containers": []}), "its pods need a container"),
    ("batch/v1 CronJob", {"spec": {"schedule": "0 3 * * *", "jobTemplate": {}}}, "its pods need a container"),
    (APP, container(env=[{"name": "A", "valueFrom": {}}]), "valueFrom needs configMapKeyRef"),
    (
        APP,
        container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": ""}}}]),
        "fieldPath is empty",
    ),
    (
        APP,
        container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "name"}}}]),
        "not a field of",
    ),
    (APP, container(readinessProbe={}), "readinessProbe is empty: it needs a handler"),
    (APP, container(volumeMounts=[{"name": "", "mountPath": "/a"}]), "volumeMounts[0].name is empty"),
    (APP, container(volumeMounts=[{"name": "a", "mountPath": ""}]), "mountPath is empty"),
    (APP, pod(volumes=[{"name": "a", "configMap": {}}]), "volumes[0].configMap is empty"),
    (
        APP,
        pod(volumes=[{"name": "a", "configMap": {"name": "a", "defaultMode": 512}}]),
        "is 512, not from 0 to 511",
    ),
    (APP, pod(tolerations=[{"key": "Bad_Value!", "operator": "Exists"}]), "which is not a name such as"),
    (ING, ingress(path(BACKEND), ingressClassName="Bad_Value!"), "spec.ingressClassName is 'Bad_Value!'"),
    (ING, ingress(path(BACKEND), tls=[{"hosts": [""]}]), "spec.tls[0].hosts[0] is empty"),
    (ING, ingress(path(BACKEND), tls=[{"secretName": "Bad_Value!"}]), "secretName is 'Bad_Value!'"),
    (ING, ingress([]), "paths is empty"),
    (ING, ingress(path({})), "backend needs service or resource"),
    (ING, ingress(path({"service": {"name": "Web_", "port": {"number": 80}}})), "service.name is 'Web_'"),
    (HPA, scaler({"apiVersion": ""}), "needs the group, apps/v1"),
    (HPA, scaler({"name": ""}), "spec.scaleTargetRef.name is empty"),
    (HPA, scaler({}, type="Resource"), "needs resource"),
    (HPA, scaler({}, **resource(type="Utilization")), "needs averageUtilization"),
    (HPA, scaler({}, **resource(type="Utilization", averageUtilization=0)), "is 0, not from 1"),
    (PDB, {"spec": {"minAvailable": -1}}, "is -1, which is below 0"),
    (PDB, {"spec": {"maxUnavailable": "1.5%"}}, "neither a number"),
    (NET, {"spec": {"podSelector": {"matchLabels": {"a": "Bad!"}}}}, "the label a has the value 'Bad!'"),
    (NET, {"spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress", "Ingress"]}}, "more than two"),
    (NET, {"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 1, "endPort": 70000}]}]}}, "is 70000"),
    (BIND, bound({"apiGroup": "a"}, **USER), "roleRef.apiGroup is 'a'"),
    (BIND, bound({"name": ""}, **USER), "roleRef.name is empty"),
    (BIND, bound({}, **{**USER, "name": ""}), "subjects[0].name is empty"),
    (BIND, bound({}, **{**USER, "apiGroup": "a"}), "the apiGroup of a User is"),
    (
        BIND,
        bound({}, kind="ServiceAccount", name="Bad_", namespace="a"),
        "the name of a ServiceAccount is 'Bad_'",
    ),
    ("v1 ResourceQuota", {"spec": {"hard": {"requests.cpu": "-1"}}}, "spec.hard.requests.cpu is -1"),
    ("v1 LimitRange", {"spec": {"limits": [{"type": "Container"}, {"type": "Container"}]}}, "two limits"),
    ("v1 LimitRange", {"spec": {"limits": [{"type": ""}]}}, "type is empty"),
    (
        "v1 LimitRange",
        {"spec": {"limits": [{"type": "Pod", "min": {"cpu": "3"}, "max": {"cpu": 2}}]}},
        "above max (2)",
    ),
    (SET, stateful(metadata={}), "volumeClaimTemplates[0].metadata is empty"),
    (SET, stateful(metadata={"name": "Data_1"}), "metadata.name is 'Data_1'"),
    (CLASS, {"provisioner": ""}, "provisioner is empty"),
    (CLASS, {"provisioner": "Bad_Value!"}, "which is not a name such as"),
]
RIGHT: list[tuple[str, Any]] = [
    (APP, rolling(maxSurge="25%", maxUnavailable=0)),
    (APP, rolling(maxSurge="${SURGE}")),
    (
        APP,
        container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}}]),
    ),
    (APP, container(env=[{"name": "A", "value": "b", "valueFrom": None}])),
    (APP, container(readinessProbe={"grpc": {"port": 80}})),
    (APP, pod(volumes=[MAPPED, {"name": "b", "emptyDir": {}}], tolerations=[{"operator": "Exists"}])),
    (APP, pod(tolerations=[{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}])),
    (
        ING,
        ingress(
            path(BACKEND), ingressClassName="nginx", tls=[{"hosts": ["*.example.com"], "secretName": "a"}]
        ),
    ),
    (ING, ingress(path({"resource": {"kind": "Bucket", "name": "a"}}))),
    (HPA, scaler({}, **resource(type="AverageValue", averageValue="100m"))),
    (HPA, scaler({"apiVersion": "v1", "kind": "ReplicationController"})),
    (PDB, {"spec": {"minAvailable": "50%"}}),
    (
        NET,
        {"spec": {"podSelector": {}, "egress": [{"ports": [{"port": 1, "endPort": 9, "protocol": "UDP"}]}]}},
    ),
    (BIND, bound({}, **USER)),
    (BIND, bound({"apiGroup": ""}, kind="ServiceAccount", name="web", namespace="a")),
    ("v1 ResourceQuota", {"spec": {"hard": {"pods": 0, "requests.cpu": "2"}}}),
    ("v1 LimitRange", {"spec": {"limits": [{"type": "Pod", "min": {"cpu": "10m"}, "max": {"cpu": 2}}]}}),
    (SET, stateful(metadata={"name": "data"})),
    (CLASS, {"provisioner": "kubernetes.io/no-provisioner"}),
]
