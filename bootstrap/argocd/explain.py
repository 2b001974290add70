"""Why an Application is not healthy, from its live objects: their conditions, their pods, their events.

Argo CD's Application does not tell: since 3.0 it no longer keeps the health of single resources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bootstrap import kube
from bootstrap.argocd.reason import Application, cut
from bootstrap.core.errors import ClusterError
from bootstrap.kube import Cluster

MOST = 3
"""Objects that are explained for one Application."""
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
CONTROLLERS = (("StatefulSet", "argocd-application-controller"), ("Deployment", "argocd-repo-server"))

Object = Mapping[str, Any]


def explain(cluster: Cluster, application: Application) -> list[str]:
    """A line for each object that is not as it should be, at most MOST; none when nothing can be read."""
    found: list[str] = []
    state = application.get("status") or {}
    try:
        if not state.get("reconciledAt"):
            found += _controllers(cluster, str(application["metadata"]["namespace"]))
        for item in state.get("resources") or ():
            if len(found) >= MOST:
                break
            if item.get("kind") in _CHECKS:
                found += _explain_one(cluster, item)
    except ClusterError as error:
        found.append(f"(its objects cannot be read: {error.found})")
    return found


def _controllers(cluster: Cluster, namespace: str) -> list[str]:
    found: list[str] = []
    for kind, name in CONTROLLERS:
        item = {"group": "apps", "version": "v1", "kind": kind, "namespace": namespace, "name": name}
        found += _explain_one(cluster, item)
    return found


def _explain_one(cluster: Cluster, item: Mapping[str, Any]) -> list[str]:
    group, version = item.get("group"), item.get("version") or "v1"
    api_version = f"{group}/{version}" if group else str(version)
    kind, namespace, name = str(item["kind"]), item.get("namespace"), str(item["name"])
    place = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    live = kube.get(cluster, api_version, kind, namespace, name)
    if live is None:
        return [f"{place}: it is not there"]
    wrong = _CHECKS[kind](live)
    if wrong is None:
        return []
    line = f"{place}: {wrong}"
    if kind in WORKLOADS:
        pod = _pod(cluster, live)
        return [f"{line}; {pod}" if pod else line]
    event = _event(cluster, kind, namespace, name)
    return [f"{line}; {event}" if event else line]


def _workload(live: Object) -> str | None:
    spec, status = live.get("spec") or {}, live.get("status") or {}
    wanted = status.get("desiredNumberScheduled") if live["kind"] == "DaemonSet" else spec.get("replicas", 1)
    available = status.get("numberAvailable") or status.get("availableReplicas") or 0
    if available >= (wanted or 0) and status.get("observedGeneration") == live["metadata"].get("generation"):
        return None
    text = f"{available} of {wanted} replicas are available"
    for condition in status.get("conditions") or ():
        bad = condition["type"] == "ReplicaFailure" or condition["status"] == "False"
        if bad and condition.get("message"):
            return f"{text} ({cut(condition['message'])})"
    return text


def _job(live: Object) -> str | None:
    return next(
        (
            f"it failed ({cut(str(condition.get('message', '')))})"
            for condition in (live.get("status") or {}).get("conditions") or ()
            if condition["type"] == "Failed" and condition["status"] == "True"
        ),
        None,
    )


def _claim(live: Object) -> str | None:
    phase = (live.get("status") or {}).get("phase")
    return None if phase == "Bound" else f"it is {phase or 'Pending'}"


def _balanced(live: Object) -> str | None:
    if live["kind"] == "Service" and (live.get("spec") or {}).get("type") != "LoadBalancer":
        return None
    addresses = ((live.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return None if addresses else "no load balancer or controller has given it an address"


def _ready_pod(live: Object) -> str | None:
    status = live.get("status") or {}
    if status.get("phase") == "Succeeded":
        return None
    waits = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in waits:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            message = f": {cut(waiting['message'])}" if waiting.get("message") else ""
            return f"container {container['name']}: {waiting['reason']}{message}"
        ended = (container.get("state") or {}).get("terminated")
        if ended and ended.get("exitCode"):
            return f"container {container['name']} ended with exit code {ended['exitCode']}"
    for condition in status.get("conditions") or ():
        if condition["type"] in ("PodScheduled", "Ready") and condition["status"] == "False":
            return cut(str(condition.get("message") or condition.get("reason") or f"not {condition['type']}"))
    return None if status.get("phase") == "Running" else f"it is {status.get('phase', 'Pending')}"


_CHECKS: dict[str, Callable[[Object], str | None]] = {
    **dict.fromkeys(WORKLOADS, _workload),
    "Job": _job,
    "PersistentVolumeClaim": _claim,
    "Service": _balanced,
    "Ingress": _balanced,
    "Pod": _ready_pod,
}


def _pod(cluster: Cluster, workload: Object) -> str | None:
    """What the first pod of a workload that is not well says, with its newest warning."""
    namespace = workload["metadata"]["namespace"]
    labels = ((workload["spec"].get("selector") or {}).get("matchLabels") or {}).items()
    selector = ",".join(f"{key}={value}" for key, value in labels)
    for pod in kube.list_objects(cluster, "v1", "Pod", namespace, selector) if selector else ():
        wrong = _ready_pod(pod)
        if wrong:
            name = pod["metadata"]["name"]
            event = _event(cluster, "Pod", namespace, name)
            return f"Pod {name}: {wrong}" + (f"; {event}" if event and event not in wrong else "")
    return _event(cluster, workload["kind"], namespace, workload["metadata"]["name"])


def _event(cluster: Cluster, kind: str, namespace: str | None, name: str) -> str | None:
    """The newest warning about an object."""
    selector = f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"
    events: Sequence[Object] = kube.list_objects(
        cluster, "v1", "Event", namespace or "default", field_selector=selector
    )
    if not events:
        return None
    newest = max(events, key=lambda item: str(item.get("lastTimestamp") or item.get("eventTime") or ""))
    return f"event {newest.get('reason')}: {cut(str(newest.get('message', '')))}"
