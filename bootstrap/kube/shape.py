"""What an API server's responses must look like, as far as this program reads them.

A server that answers differently is not an API server, or not an honest one. It is refused here, once, so
that whatever reads an object may rely on the types that Kubernetes has for these fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import ClusterError

DEEPEST = 200
"""Levels of an object; a definition's schema, the deepest that there is, has about 60."""
FIX = "check what answers at that address: it is not an API server, or one that is not to be trusted"

_ANY = "*"
"""The key of a shape that stands for every key."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SEGMENT = re.compile(r"[^/%\x00-\x1f\x7f-\x9f]{1,512}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class _Must:
    """A field that must be there."""

    shape: Any


# A shape is a type, a pattern that a text must match, a list of one shape, or a mapping of fields to shapes.
# None is allowed except for _Must, as Kubernetes omits what is empty; other fields are not looked at.
_TEXT = _Must(str)
_METADATA = {
    "name": _Must(_SEGMENT),
    "namespace": _NAME,
    "generation": int,
    "labels": {_ANY: str},
    "annotations": {_ANY: str},
    "finalizers": [str],
    "ownerReferences": [{"kind": _TEXT, "name": _TEXT}],
    "managedFields": [{"manager": str}],
    "creationTimestamp": _TIME,
    "deletionTimestamp": _TIME,
    "resourceVersion": str,
    "uid": str,
}
_STORED = {"metadata": _Must({**_METADATA, "resourceVersion": _TEXT, "uid": _TEXT})}
_TRIED = {"metadata": _Must(_METADATA)}
_CONDITION = {"type": str, "status": str, "message": str, "reason": str, "lastTransitionTime": str}
_CONDITIONS = {"conditions": [{**_CONDITION, "type": _TEXT, "status": _TEXT}]}
_LOOSE = {"conditions": [_CONDITION]}
"""Of custom resources: Argo CD's conditions have no status."""
_ANYTHING = {"kind": str, "apiVersion": str}
_PLAIN = {"metadata": {"name": _NAME}}
_PLACED = {"metadata": {"name": _NAME, "namespace": _Must(_NAME)}}
_HEALTH = {"status": str, "message": str, "lastTransitionTime": str}
_SOURCE = {
    "repoURL": str,
    "path": str,
    "chart": str,
    "ref": str,
    "targetRevision": str,
    "helm": {"valueFiles": [str], "releaseName": str, "parameters": [dict]},
    "kustomize": {"images": [str]},
}
_REVISIONS = {"revision": str, "revisions": [str]}
_RESOURCE = {
    "group": str,
    "version": str,
    "kind": _TEXT,
    "namespace": str,
    "name": _TEXT,
    "status": str,
    "syncWave": int,
    "requiresPruning": bool,
    "health": _HEALTH,
}
_APPLICATION = {
    **_PLACED,
    "spec": _Must(
        {
            "project": str,
            "source": _SOURCE,
            "sources": [_SOURCE],
            "sourceHydrator": {"drySource": _SOURCE},
            "destination": {"server": str, "name": str, "namespace": str},
            "syncPolicy": {"automated": {"enabled": bool, "prune": bool}},
        }
    ),
    "operation": dict,
    "status": {
        **_LOOSE,
        "reconciledAt": _TIME,
        "health": _HEALTH,
        "sync": {
            "status": str,
            **_REVISIONS,
            "comparedTo": {"source": _SOURCE, "sources": [_SOURCE]},
        },
        "summary": {"images": [str], "externalURLs": [str]},
        "operationState": {
            "phase": str,
            "message": str,
            "startedAt": str,
            "finishedAt": str,
            "syncResult": _REVISIONS,
        },
        "history": [{**_REVISIONS, "deployedAt": str}],
        "resources": [_RESOURCE],
    },
}
_CONTAINERS = [{"name": _TEXT, "image": str}]
_COUNTS = (
    "replicas observedGeneration readyReplicas availableReplicas updatedReplicas unavailableReplicas "
    "desiredNumberScheduled numberAvailable numberUnavailable numberReady updatedNumberScheduled"
)
_POD = {"containers": _CONTAINERS, "initContainers": _CONTAINERS}
_WORKLOAD = {
    **_PLACED,
    "spec": _Must(
        {
            "replicas": int,
            "paused": bool,
            "selector": {"matchLabels": {_ANY: str}},
            "updateStrategy": {"type": str, "rollingUpdate": dict},
            "template": _Must(
                {
                    "metadata": {"labels": {_ANY: str}, "annotations": {_ANY: str}},
                    "spec": _Must({**_POD, "containers": _Must(_CONTAINERS)}),
                }
            ),
        }
    ),
    "status": dict.fromkeys(_COUNTS.split(), int)
    | {"currentRevision": str, "updateRevision": str, **_CONDITIONS},
}
_TERMINATED = {"exitCode": int, "reason": str}
_CONTAINER_STATUSES = [
    {
        "name": _TEXT,
        "restartCount": int,
        "state": {
            "waiting": {"reason": str, "message": str},
            "terminated": _TERMINATED,
            "running": dict,
        },
        "lastState": {"terminated": _TERMINATED},
    }
]
_SETTINGS = {**_PLACED, "data": {_ANY: str}, "binaryData": {_ANY: str}}
_ADDRESSES = {"loadBalancer": {"ingress": [dict]}}
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "Application": _APPLICATION,
    "Deployment": _WORKLOAD,
    "DaemonSet": _WORKLOAD,
    "ReplicaSet": {**_WORKLOAD, "spec": _Must({"replicas": int, "selector": {"matchLabels": {_ANY: str}}})},
    "StatefulSet": _WORKLOAD,
    "Pod": {
        **_PLACED,
        "spec": _POD,
        "status": {
            **_CONDITIONS,
            "phase": str,
            "containerStatuses": _CONTAINER_STATUSES,
            "initContainerStatuses": _CONTAINER_STATUSES,
        },
    },
    "Secret": _SETTINGS,
    "ConfigMap": _SETTINGS,
    "Event": {"reason": str, "message": str, "lastTimestamp": str, "eventTime": str},
    "Job": {**_PLACED, "status": _CONDITIONS},
    "Node": {**_PLAIN, "spec": {"providerID": str, "unschedulable": bool}, "status": _CONDITIONS},
    "Service": {**_PLACED, "spec": {"type": str, "selector": {_ANY: str}}, "status": _ADDRESSES},
    "Ingress": {**_PLACED, "status": _ADDRESSES},
    "EndpointSlice": {"endpoints": [{"conditions": {"ready": bool}, "targetRef": dict}]},
    "Certificate": {
        **_PLACED,
        "spec": {"issuerRef": {"kind": str, "name": str}},
        "status": {"notAfter": _TIME, **_LOOSE},
    },
    "ClusterIssuer": {**_PLAIN, "status": _LOOSE},
    "Issuer": {**_PLACED, "status": _LOOSE},
    "PersistentVolumeClaim": {**_PLACED, "status": {"phase": str}},
    "StorageClass": {**_PLAIN, "provisioner": str},
    "IngressClass": {"spec": {"controller": str}},
    "GatewayClass": {"spec": {"controllerName": str}},
    "CustomResourceDefinition": {
        "spec": _Must({"group": _TEXT, "names": _Must({"kind": _TEXT, "plural": str}), "versions": [dict]}),
        "status": {"storedVersions": [str], **_CONDITIONS},
    },
}
_PATH = _Must(re.compile(r"[a-zA-Z0-9][a-zA-Z0-9./-]*"))
LIST = {"metadata": _Must({"continue": str, "resourceVersion": _TEXT}), "items": [dict]}
RELEASE = {"gitVersion": _Must(re.compile(r"[\w.+-]{1,100}"))}
GROUPS = {"groups": [{"versions": [{"groupVersion": _PATH}]}]}
SERVED = {"resources": [{"kind": _PATH, "name": _PATH, "namespaced": bool}]}
EVENT = {"type": _TEXT, "object": _Must(dict)}
VERSION = {"metadata": _Must({"resourceVersion": _TEXT})}
ITEMS = {"items": [dict]}
TREE = {"nodes": [{"kind": _TEXT, "name": _TEXT, "namespace": str, "health": _HEALTH}]}
LEFT = {"spec": {"finalizers": [str]}, "status": _LOOSE}
REVIEW = {"status": _Must({"allowed": bool})}
STATUS = {
    "message": str,
    "reason": str,
    "details": {"causes": [{"reason": str, "field": str, "message": str}]},
}


def check(data: Any, kind: str, tried: str, *, whole: bool = True, stored: bool = True) -> None:
    """ClusterError if `data` is not an object of this kind.

    `whole`: not its metadata alone. `stored`: not the result of a dry run, which has no version yet.
    """
    shapes = [_STORED if stored else _TRIED, *((_ANYTHING, _KINDS.get(kind, {})) if whole else ())]
    for one in shapes:
        require(data, one, kind, tried)


def check_list(data: Any, kind: str, tried: str, *, whole: bool = True) -> None:
    """The same for a list of objects, and for the list's own metadata."""
    require(data, LIST, f"the list of {kind}", tried)
    for item in data.get("items") or ():
        check(item, kind, tried, whole=whole)


def require(data: Any, shape: Any, what: str, tried: str) -> None:
    """ClusterError if the data does not have this shape; `what` names the data."""
    if problem := fault(data, shape):
        raise untrusted(tried, f"{what}{problem}")


def untrusted(tried: str, found: str) -> ClusterError:
    """The error for a response that no API server would give."""
    return ClusterError(tried, f"the response is not one that an API server gives: {found}", FIX)


def fault(data: Any, shape: Any) -> str:
    """Where and how the data does not have this shape; "" if it does."""
    return next(_wrong(data, _Must(shape), ""), "")


def depth_fault(data: Any) -> str:
    """That the data is nested too deeply, or ""; level by level, because recursion would itself fail."""
    level, depth = [data], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            return f"it is nested more than {DEEPEST} levels deep"
        level = [
            part
            for one in level
            for part in (one.values() if isinstance(one, dict) else one)
            if isinstance(part, dict | list)
        ]
    return ""


def _wrong(value: Any, shape: Any, path: str) -> Iterator[str]:
    """Where `value` is not of a shape, and what is there instead."""
    if isinstance(shape, _Must):
        shape = shape.shape
    elif value is None:
        return
    if isinstance(shape, re.Pattern):
        if not isinstance(value, str) or not shape.fullmatch(value):
            yield f"{path} is {_shown(value)}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{path} is {_shown(value)}, not a list"
            return
        for item in value:
            yield from _wrong(item, _Must(shape[0]), f"{path}[]")
    elif isinstance(shape, Mapping):
        if not isinstance(value, dict):
            yield f"{path} is {_shown(value)}, not an object"
            return
        for key in value if _ANY in shape else shape:
            yield from _wrong(value.get(key), shape.get(key, shape.get(_ANY)), f"{path}.{key}")
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        words = {str: "text", int: "a whole number", bool: "true or false", dict: "an object"}
        yield f"{path} is {_shown(value)}, not {words[shape]}"


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]} …"
