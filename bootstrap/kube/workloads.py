"""Why a workload is not as desired: what its own status says, then its newest pods and their events.

A stuck rollout whose old pods still serve has as many ready pods as desired; only the counts of
the newest template show it (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.core.text import counted, cut
from bootstrap.kube import objects
from bootstrap.kube.connection import Cluster

Object = Mapping[str, Any]

ROLLED = ("Deployment", "StatefulSet", "DaemonSet")
"""The kinds that replace their pods when their template changes; all of apps/v1."""
WORKLOADS = (*ROLLED, "ReplicaSet")
_PASSING = (None, "PodInitializing", "ContainerCreating")
"""Reasons for which a starting container waits."""


@dataclass(frozen=True)
class Trouble:
    """`text` says what is not as desired; `serves`: a pod is available anyway; `stuck`: waiting alone
    will not fix it, as far as the pods show."""

    text: str
    serves: bool
    stuck: bool


def trouble(cluster: Cluster, live: Object) -> Trouble | None:
    """What is not as desired about a workload that was read, with what its newest pod and its events say.

    None when it is as desired. Raises ClusterError when its pods or events cannot be read.
    """
    wrong = not_as_wanted(live)
    if wrong is None:
        return None
    said, stuck = _why(cluster, live)
    serves = bool(_available(live))
    return Trouble(f"{wrong}; {said}" if said else wrong, serves, stuck or _gave_up(live))


def not_as_wanted(live: Object) -> str | None:
    """Pure: what the counts of a workload's status say; None when they match the spec."""
    status, metadata = live.get("status") or {}, live["metadata"]
    observed, generation = status.get("observedGeneration"), metadata.get("generation")
    if generation is not None and (observed or 0) < generation:
        return f"its controller has not observed its newest version (generation {generation}) yet"
    wanted, available = wanted_replicas(live), _available(live)
    said = _rollout(live, wanted)
    if available < wanted:
        said.append(f"{available} of {wanted} replicas are available")
    elif unavailable := status.get("unavailableReplicas") or status.get("numberUnavailable") or 0:
        said.append(f"{unavailable} of {available + unavailable} pods are not available")
    if not said:
        return None
    text = ", ".join(said)
    for condition in status.get("conditions") or ():
        bad = condition["type"] == "ReplicaFailure" or condition["status"] == "False"
        if bad and condition.get("message"):
            return f"{text} ({cut(str(condition['message']))})"
    return text


def wanted_replicas(live: Object) -> int:
    """How many pods a workload should have: its replicas, or the nodes of a DaemonSet."""
    if live.get("kind") == "DaemonSet":
        return int((live.get("status") or {}).get("desiredNumberScheduled") or 0)
    wanted = (live.get("spec") or {}).get("replicas")
    return 1 if wanted is None else int(wanted)


def _available(live: Object) -> int:
    status = live.get("status") or {}
    return int(status.get("numberAvailable") or status.get("availableReplicas") or 0)


def _rollout(live: Object, wanted: int) -> list[str]:
    """What a rollout still lacks; nothing for a kind, or a strategy, without rollouts."""
    kind, spec, status = live.get("kind"), live.get("spec") or {}, live.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    if kind not in ROLLED or strategy.get("type") == "OnDelete":
        return []
    if kind == "StatefulSet":
        if status.get("updateRevision") == status.get("currentRevision"):
            return []
        wanted = max(0, wanted - int((strategy.get("rollingUpdate") or {}).get("partition") or 0))
    updated = int(status.get("updatedNumberScheduled" if kind == "DaemonSet" else "updatedReplicas") or 0)
    if updated < wanted:
        paused = "; its rollout is paused" if spec.get("paused") else ""
        return [f"{updated} of {wanted} replicas are of its newest version{paused}"]
    old = int(status.get("replicas") or 0) - updated if kind == "Deployment" else 0
    return [f"{old} of its previous version still run{'s' if old == 1 else ''}"] if old > 0 else []


def _gave_up(live: Object) -> bool:
    """Whether a Deployment's progress deadline has passed."""
    conditions = (live.get("status") or {}).get("conditions") or ()
    return any(condition.get("reason") == "ProgressDeadlineExceeded" for condition in conditions)


# -- pods ------------------------------------------------------------------------------------


def pod_trouble(live: Object) -> tuple[str, bool] | None:
    """Pure: (what is wrong with a pod, whether waiting alone will not fix it); None when it is healthy."""
    status = live.get("status") or {}
    if status.get("phase") == "Succeeded":
        return None
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state, name = container.get("state") or {}, container["name"]
        before = _ended((container.get("lastState") or {}).get("terminated"))
        waiting = state.get("waiting") or {}
        if waiting.get("reason") not in _PASSING:
            message = f": {cut(str(waiting['message']))}" if waiting.get("message") else ""
            last = f" (it last {before})" if before else ""
            return f"container {name}: {waiting['reason']}{message}{last}", True
        if ended := _ended(state.get("terminated")):
            return f"container {name} {ended}", True
        if before and state.get("running") is not None and not container.get("ready"):
            times = container.get("restartCount") or 1
            return f"container {name} is not ready and last {before}, {counted(times, 'restart')}", True
    for condition in status.get("conditions") or ():
        if condition["type"] in ("PodScheduled", "Ready") and condition["status"] == "False":
            said = condition.get("message") or condition.get("reason") or f"not {condition['type']}"
            return cut(str(said)), condition.get("reason") == "Unschedulable"
    return None if status.get("phase") == "Running" else (f"it is {status.get('phase', 'Pending')}", False)


def _ended(terminated: Any) -> str | None:
    """How a container ended, if it failed."""
    if not terminated or not terminated.get("exitCode"):
        return None
    reason = terminated.get("reason")
    named = f" ({reason})" if reason not in (None, "", "Error", "Completed") else ""
    return f"ended with exit code {terminated['exitCode']}{named}"


def _why(cluster: Cluster, workload: Object) -> tuple[str, bool]:
    """What the newest unhealthy pod says, with its newest warning; else the workload's own warning."""
    namespace, kind = workload["metadata"]["namespace"], str(workload["kind"])
    labels = ((workload["spec"].get("selector") or {}).get("matchLabels") or {}).items()
    selector = ",".join(f"{key}={value}" for key, value in labels)
    pods = objects.list_objects(cluster, "v1", "Pod", namespace, selector) if selector else []
    for pod in sorted(pods, key=lambda one: str(one["metadata"].get("creationTimestamp")), reverse=True):
        wrong = pod_trouble(pod)
        if wrong is None or pod["metadata"].get("deletionTimestamp"):
            continue
        name = pod["metadata"]["name"]
        event = newest_warning(cluster, "Pod", namespace, name)
        more = f"; {event}" if event and event not in wrong[0] else ""
        return f"Pod {name}: {wrong[0]}{more}", wrong[1]
    return newest_warning(cluster, kind, namespace, workload["metadata"]["name"]) or "", False


def newest_warning(cluster: Cluster, kind: str, namespace: str | None, name: str) -> str | None:
    """The newest event of type Warning about an object, None when there is none."""
    selector = f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"
    events: Sequence[Object] = objects.list_objects(
        cluster, "v1", "Event", namespace or "default", field_selector=selector
    )
    if not events:
        return None
    newest = max(events, key=lambda item: str(item.get("lastTimestamp") or item.get("eventTime") or ""))
    return f"event {newest.get('reason')}: {cut(str(newest.get('message', '')))}"
