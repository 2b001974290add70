"""Pure: changes of an object that the API server refuses, because the field is immutable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.applications import sync_options
from bootstrap.resources.index import Resource, dig, mapping
from bootstrap.resources.pods import is_hook
from bootstrap.resources.quantity import amount

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Deployment.apps": ("spec.selector",),
    "ReplicaSet.apps": ("spec.selector",),
    "DaemonSet.apps": ("spec.selector",),
    "StatefulSet.apps": (
        "spec.selector",
        "spec.serviceName",
        "spec.podManagementPolicy",
        "spec.volumeClaimTemplates",
    ),
    "Job.batch": ("spec.template", "spec.selector", "spec.completionMode", "spec.podFailurePolicy"),
    "RoleBinding.rbac.authorization.k8s.io": ("roleRef",),
    "ClusterRoleBinding.rbac.authorization.k8s.io": ("roleRef",),
    "Secret": ("type",),
    "StorageClass.storage.k8s.io": (
        "provisioner",
        "parameters",
        "reclaimPolicy",
        "volumeBindingMode",
    ),
    "IngressClass.networking.k8s.io": ("spec.controller",),
    "PriorityClass.scheduling.k8s.io": ("value", "preemptionPolicy"),
    "RuntimeClass.node.k8s.io": ("handler",),
    "CustomResourceDefinition.apiextensions.k8s.io": ("spec.scope", "spec.group"),
    "EndpointSlice.discovery.k8s.io": ("addressType",),
    "PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.storageClassName",
        "spec.volumeName",
        "spec.volumeMode",
        "spec.selector",
    ),
    "PersistentVolume": ("spec.csi", "spec.nfs", "spec.hostPath", "spec.local", "spec.nodeAffinity"),
}
"""Kind → the fields that are set once and for all."""

_DEFAULTS: Mapping[str, Any] = {
    "spec.podManagementPolicy": "OrderedReady",
    "spec.completionMode": "NonIndexed",
    "spec.volumeMode": "Filesystem",
    "type": "Opaque",
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "Immediate",
    "preemptionPolicy": "PreemptLowerPriority",
}
_BY_CLUSTER = {"spec.storageClassName", "spec.volumeName", "spec.nodeAffinity"}
"""Fields that the cluster sets where Git does not: only a change from one value to another is reported."""
_WITHIN_TEMPLATE = {"creationTimestamp"}


def refusal(old: Resource, new: Resource) -> str:
    """Why the API server refuses the change, and what to do; "" when it accepts it.

    Reported for objects that Argo CD changes in place; hooks and forced replacements are recreated.
    """
    options = set(sync_options(new.body))
    if {"Replace=true", "Force=true"} <= options or is_hook(new):
        return ""
    fields = list(_changed(old, new))
    if not fields:
        return ""
    verb = "is" if len(fields) == 1 else "are"
    return f"{', '.join(fields)} {verb} immutable: the sync fails; {_fix(new.kind)}"


def _changed(old: Resource, new: Resource) -> Iterator[str]:
    for field in _FIELDS.get(new.kind, ()):
        before, after = (_value(one, field) for one in (old, new))
        if field in _BY_CLUSTER and (before is None or after is None):
            continue
        if before != after:
            yield field
    if new.kind in ("ConfigMap", "Secret") and old.body.get("immutable") is True:
        for field in ("data", "binaryData", "stringData", "immutable"):
            if old.body.get(field) != new.body.get(field):
                yield field
    if new.kind == "PersistentVolumeClaim":
        sizes = [amount(dig(one.body, "spec", "resources", "requests", "storage")) for one in (old, new)]
        if sizes[0] is not None and sizes[1] is not None and sizes[1] < sizes[0]:
            yield "spec.resources.requests.storage (it can only grow)"
    if new.kind == "Service":
        addresses = [one.spec.get("clusterIP") for one in (old, new)]
        if all(addresses) and addresses[0] != addresses[1]:
            yield "spec.clusterIP"


def _value(resource: Resource, field: str) -> Any:
    found = dig(resource.body, *field.split("."))
    if found is None:
        return _DEFAULTS.get(field)
    if field == "spec.template":
        metadata = {
            key: value
            for key, value in mapping(mapping(found).get("metadata")).items()
            if key not in _WITHIN_TEMPLATE
        }
        return {**mapping(found), "metadata": metadata}
    return found


def _fix(kind: str) -> str:
    if kind == "Job.batch":
        return (
            "give it the sync options Replace=true,Force=true, make it a hook, or rename it with every change"
        )
    if kind in ("PersistentVolumeClaim", "PersistentVolume", "StatefulSet.apps"):
        return "undo it, or create one with another name and move the data"
    if kind in ("Deployment.apps", "DaemonSet.apps", "ReplicaSet.apps"):
        return (
            "leave the selector as it was (labels with includeSelectors: false), or let Argo CD replace it: "
            "Replace=true,Force=true"
        )
    return "undo it, or let Argo CD replace it (sync options Replace=true,Force=true)"
