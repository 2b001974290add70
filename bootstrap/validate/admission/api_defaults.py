"""Pure: the defaults that the API server sets before policies see an object (pkg/apis/*/v1/defaults.go).

These are the defaults that policies read, for the kinds in repositories; fields that have further
defaults are listed in FILLED: if such a field is missing here, that proves nothing.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Resource, dig, mapping, mappings
from bootstrap.resources.pods import WORKLOADS, template_path

FILLED = {
    *(
        "uid",
        "creationTimestamp",
        "generation",
        "resourceVersion",
        "managedFields",
        "selfLink",
        "name",
        "status",
    ),
    *(
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "nodePort",
        "healthCheckNodePort",
        "ingressClassName",
        "secrets",
    ),
    *("volumeName", "storageClassName", "tolerations", "volumes", "volumeMounts", "priority", "defaultMode"),
    *("preemptionPolicy", "nodeName", "claimRef"),
}
"""Fields that the API server, or one of its admission plugins, may add to an object."""

_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
_SPECS: Mapping[str, Mapping[str, Any]] = {
    "Deployment.apps": {
        "replicas": 1, "strategy": _ROLLING, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
    },
    "StatefulSet.apps": {
        "replicas": 1, "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    },
    "DaemonSet.apps": {
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        "revisionHistoryLimit": 10,
    },
    "Job.batch": {"completions": 1, "parallelism": 1, "backoffLimit": 6, "completionMode": "NonIndexed",
                  "suspend": False},
    "CronJob.batch": {"concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3,
                      "failedJobsHistoryLimit": 1},
    "Service": {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
                "ipFamilyPolicy": "SingleStack"},
    "PersistentVolumeClaim": {"volumeMode": "Filesystem"},
    "Namespace": {"finalizers": ["kubernetes"]},
    "HorizontalPodAutoscaler.autoscaling": {"minReplicas": 1},
}  # fmt: skip
_POD: Mapping[str, Any] = {
    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30, "securityContext": {},
}  # fmt: skip
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def filled(resource: Resource) -> dict[str, Any]:
    """The object as policies see it when it is created."""
    body: dict[str, Any] = copy.deepcopy(dict(resource.body))
    metadata = dict(mapping(body.get("metadata")))
    if resource.namespace:
        metadata["namespace"] = resource.namespace
    if resource.kind == "Namespace":
        metadata["labels"] = {"kubernetes.io/metadata.name": resource.name, **mapping(metadata.get("labels"))}
    body["metadata"] = metadata
    if resource.kind in _SPECS and isinstance(body.get("spec", {}), dict):
        body["spec"] = {**copy.deepcopy(_SPECS[resource.kind]), **(body.get("spec") or {})}
    for port in mappings(dig(body, "spec", "ports")) if resource.kind == "Service" else ():
        _add(port, {"protocol": "TCP", "targetPort": port.get("port")})
    if resource.kind == "Secret":
        _secret(body)
    for spec in _pod_specs(resource, body):
        _pod(spec)
    return body


def pod(resource: Resource, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The pod that a workload's controller creates, with defaults; None if it creates none itself."""
    if resource.kind not in WORKLOADS or resource.kind in ("Pod", "CronJob.batch"):
        return None
    template = mapping(dig(dict(body), *map(str, template_path(resource))))
    metadata = {**mapping(template.get("metadata")), "generateName": f"{resource.name}-"}
    metadata["namespace"] = resource.namespace
    spec = dict(mapping(template.get("spec")))
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("enableServiceLinks", True)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _add(value: Any, defaults: Mapping[str, Any]) -> None:
    if isinstance(value, dict):
        for key, default in defaults.items():
            if value.get(key) is None:
                value[key] = copy.deepcopy(default)


def _secret(body: dict[str, Any]) -> None:
    """stringData becomes data, as in the API server; the values themselves are not for policies."""
    texts = mapping(body.pop("stringData", None))
    if texts:
        encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
        body["data"] = {**mapping(body.get("data")), **encoded}
    body.setdefault("type", "Opaque")


def _pod_specs(resource: Resource, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if resource.kind in WORKLOADS:
        spec = dig(dict(body), *map(str, template_path(resource)), "spec")
        if isinstance(spec, dict):
            yield spec


def _pod(spec: dict[str, Any]) -> None:
    _add(spec, _POD)
    for key in ("initContainers", "containers"):
        for container in mappings(spec.get(key)):
            tag = str(container.get("image") or "").partition("@")[0].rpartition("/")[2].partition(":")[2]
            digest = "@" in str(container.get("image") or "")
            always = not digest and tag in ("", "latest")
            _add(
                container,
                {
                    "imagePullPolicy": "Always" if always else "IfNotPresent",
                    "resources": {},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                },
            )
            for port in mappings(container.get("ports")):
                _add(port, {"protocol": "TCP"})
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                _add(container.get(probe), _PROBE)
