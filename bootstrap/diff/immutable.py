"""Pure: changes of an object that the API server refuses, because the field is immutable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bootstrap.diff.anew import COMPARE_OPTIONS, DEFINITION, PLAIN, Syncing, made_anew
from bootstrap.resources.index import Resource, dig, mapping, mappings, sequence
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
    "Job.batch": (
        "spec.template",
        "spec.selector",
        "spec.completionMode",
        "spec.completions",
        "spec.podFailurePolicy",
        "spec.successPolicy",
        "spec.backoffLimitPerIndex",
        "spec.managedBy",
    ),
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
    DEFINITION: ("spec.scope", "spec.group", "spec.names.kind", "spec.names.plural"),
    "EndpointSlice.discovery.k8s.io": ("addressType",),
    "PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.storageClassName",
        "spec.volumeName",
        "spec.volumeMode",
        "spec.selector",
        "spec.dataSource",
        "spec.dataSourceRef",
    ),
    "PersistentVolume": (
        "spec.csi",
        "spec.nfs",
        "spec.hostPath",
        "spec.local",
        "spec.iscsi",
        "spec.fc",
        "spec.nodeAffinity",
        "spec.volumeMode",
    ),
    "ResourceQuota": ("spec.scopes",),
    "CSIDriver.storage.k8s.io": ("spec.attachRequired", "spec.volumeLifecycleModes"),
    "VolumeAttributesClass.storage.k8s.io": ("driverName", "parameters"),
    "ResourceClaim.resource.k8s.io": ("spec",),
    "ResourceClaimTemplate.resource.k8s.io": ("spec",),
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
    "spec.managedBy": "kubernetes.io/job-controller",
    "spec.attachRequired": True,
    "spec.volumeLifecycleModes": ["Persistent"],
}
_BY_CLUSTER = {"spec.storageClassName", "spec.volumeName", "spec.nodeAffinity"}
"""Fields that the cluster sets where Git does not: only a change from one value to another is reported."""
_WITHIN_TEMPLATE = {"creationTimestamp"}
_WHILE_SUSPENDED = ("nodeSelector", "tolerations", "affinity", "schedulingGates")
"""Fields of a suspended Job's pods that may change until it starts, as their labels and annotations may."""
_OF_PODS = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")
"""Fields of a Pod that may change; which values they may take depends on the pod."""


_REPLACED = "Replace=true,Force=true"
_BY_SERVER = (
    "; Argo CD compares the Application by a server-side dry run, so meanwhile it syncs nothing of it"
)
_LATER = ", or deletes the object and makes it anew at a later try"
_NOT_BY_SERVER = f"{_REPLACED} takes effect only with its annotation {COMPARE_OPTIONS}: ServerSideDiff=false"


def refusal(old: Resource, new: Resource, syncing: Syncing = PLAIN) -> str:
    """Why the API server refuses the change, and what to do; "" when it accepts it.

    Reported for objects that Argo CD changes in place, not for hooks, nor for those that it makes anew.
    """
    anew = made_anew(new, replace(syncing, compared_by_server=False))
    if is_hook(new) or (anew and not syncing.compared_by_server):
        return ""
    why = refused(old, new)
    if not why or not syncing.compared_by_server:
        return why
    replaces = anew == "always" or _REPLACED in why
    return f"{why}{_BY_SERVER}{_LATER if anew else ''}{f', and {_NOT_BY_SERVER}' if replaces else ''}"


def refused(old: Resource, new: Resource) -> str:
    """The same for an object that is changed in place, whatever its sync options say."""
    fields = list(_changed(old, new))
    verb = "is" if len(fields) == 1 else "are"
    said = [f"{', '.join(fields)} {verb} immutable: the sync fails; {_fix(new.kind)}"] if fields else []
    if stored := _dropped(old, new):
        said.append(
            f"spec.versions has no {stored}, the storage version until now: the sync fails while "
            f"status.storedVersions names it; keep {stored} with served: false until its objects are migrated"
        )
    return "; ".join(said)


def _changed(old: Resource, new: Resource) -> Iterator[str]:
    suspended = all(one.spec.get("suspend") is True for one in (old, new))
    for field in _FIELDS.get(new.kind, ()):
        before, after = (_value(one, field, suspended) for one in (old, new))
        if field in _BY_CLUSTER and (before is None or after is None):
            continue
        if before != after and not _taken(field, old, new):
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
        yield from _of_service(old, new)
    if new.kind == "Pod" and _fixed(old) != _fixed(new):
        yield "spec (all but images and tolerations)"


def _taken(field: str, old: Resource, new: Resource) -> bool:
    """Whether the API server takes this change of a field, as a value elsewhere allows it."""
    if field == "spec.completions":
        indexed = all(one.spec.get("completionMode") == "Indexed" for one in (old, new))
        return indexed and new.spec.get("completions") == new.spec.get("parallelism")
    if field in ("spec.dataSource", "spec.dataSourceRef"):
        # Each is filled from the other one, also where Git drops both.
        before, after = (one.spec.get("dataSourceRef") or one.spec.get("dataSource") for one in (old, new))
        return after is None or before == after
    return False


def _of_service(old: Resource, new: Resource) -> Iterator[str]:
    """An address that was given by hand or by the cluster, and the class of a balancer."""
    before, after = (one.spec.get("clusterIP") for one in (old, new))
    types = [one.spec.get("type") or "ClusterIP" for one in (old, new)]
    if after and before != after and (before or (after == "None" and types[0] != "ExternalName")):
        yield "spec.clusterIP"
    if types == ["LoadBalancer", "LoadBalancer"]:
        classes = [one.spec.get("loadBalancerClass") for one in (old, new)]
        if classes[0] != classes[1]:
            yield "spec.loadBalancerClass"


def _fixed(pod: Resource) -> Mapping[str, Any]:
    """What of a Pod's spec never changes."""
    found = {key: value for key, value in pod.spec.items() if key not in _OF_PODS}
    for field in ("containers", "initContainers"):
        if field in found:
            found[field] = [
                {key: value for key, value in one.items() if key != "image"} for one in mappings(found[field])
            ]
    return found


def _dropped(old: Resource, new: Resource) -> str:
    """The version that objects were stored in, if the new definition no longer has it; else ""."""
    if new.kind != DEFINITION:
        return ""
    named = {one.get("name") for one in mappings(new.spec.get("versions"))}
    stored = (one.get("name") for one in mappings(old.spec.get("versions")) if one.get("storage") is True)
    return next((str(name) for name in stored if name not in named), "")


def _value(resource: Resource, field: str, suspended: bool) -> Any:
    found = dig(resource.body, *field.split("."))
    if field == "spec.completions" and found is None:
        return 1 if resource.spec.get("parallelism") is None else None
    if found is None:
        return _DEFAULTS.get(field)
    if field == "spec.template":
        return _pods(mapping(found), suspended)
    if field == "spec.scopes":
        return sorted(map(str, sequence(found)))
    return found


def _pods(template: Mapping[str, Any], suspended: bool) -> Mapping[str, Any]:
    """What of a Job's pods never changes, or not while it is suspended."""
    if suspended:
        spec = {
            key: value for key, value in mapping(template.get("spec")).items() if key not in _WHILE_SUSPENDED
        }
        return {**template, "metadata": {}, "spec": spec}
    metadata = mapping(template.get("metadata"))
    kept = {key: value for key, value in metadata.items() if key not in _WITHIN_TEMPLATE}
    return {**template, "metadata": kept}


def _fix(kind: str) -> str:
    if kind == "Job.batch":
        return f"give it the sync options {_REPLACED}, make it a hook, or rename it with every change"
    if kind in ("PersistentVolumeClaim", "PersistentVolume", "StatefulSet.apps"):
        return "undo it, or create one with another name and move the data"
    if kind in ("Deployment.apps", "DaemonSet.apps", "ReplicaSet.apps"):
        return (
            "leave the selector as it was (labels with includeSelectors: false), or let Argo CD replace it: "
            f"{_REPLACED}"
        )
    if kind == DEFINITION:
        return "undo it: only a definition that is deleted, with every object of the kind, can have another"
    return f"undo it, or let Argo CD replace it (sync options {_REPLACED})"
