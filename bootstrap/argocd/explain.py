"""Why an Application is not healthy, from its live objects: their conditions, their pods, their events.

Argo CD's Application does not say: since 3.0 it no longer has the health of each resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bootstrap import kube
from bootstrap.argocd.reason import Application
from bootstrap.argocd.status import Key, Status, key_of
from bootstrap.core.errors import ClusterError
from bootstrap.core.names import IN_CLUSTER
from bootstrap.core.text import cut
from bootstrap.kube import Cluster, workloads
from bootstrap.kube.workloads import WORKLOADS

EXPLAINED = 20
"""Applications whose objects are read, at most."""
MOST = 3
"""Objects that are explained for one Application."""
CONTROLLERS = (("StatefulSet", "argocd-application-controller"), ("Deployment", "argocd-repo-server"))
IGNORED = "argocd.argoproj.io/ignore-healthcheck"

Object = Mapping[str, Any]


def explain(cluster: Cluster, application: Application) -> list[str]:
    """A line for each object with a problem, at most MOST; none when nothing can be read."""
    found: list[str] = []
    state = application.get("status") or {}
    try:
        if not _is_here(application):
            return ["(its objects are in another cluster)"]
        if not state.get("reconciledAt"):
            found += _controllers(cluster, str(application["metadata"]["namespace"]))
        for item in state.get("resources") or ():
            if len(found) >= MOST:
                break
            if item.get("kind") in (*WORKLOADS, *_CHECKS):
                found += _explain_one(cluster, item)
    except ClusterError as error:
        found.append(f"(its objects cannot be read: {error.found})")
    return found


def explained(cluster: Cluster, found: Status, applications: Sequence[Application]) -> Status:
    """The status with the problems of objects of Applications that are not ready, and of all workloads."""
    by_key = {key_of(application): application for application in applications}
    own = [item for item in found.waiting if not (item.parent or item.missing)]
    objects = {
        key: tuple(explain(cluster, by_key[key]))
        for item in own[:EXPLAINED]
        if (key := (item.namespace, item.name)) in by_key
    }
    return found.with_objects(objects).with_rollouts(rollouts(cluster, applications))


def rollouts(cluster: Cluster, applications: Sequence[Application]) -> dict[Key, tuple[str, ...]]:
    """For each Application with workloads that are not rolled out: a line for each, at most MOST.

    Also for those that Argo CD calls Healthy: its health is as old as its last refresh. What it is told to
    ignore (IGNORED) is ignored; so is everything when workloads may not be listed.
    """
    try:
        live = {
            (kind, item["metadata"]["namespace"], item["metadata"]["name"]): {**item, "kind": kind}
            for kind in workloads.ROLLED
            for item in kube.list_objects(cluster, "apps/v1", kind)
        }
    except ClusterError:
        return {}
    found: dict[Key, tuple[str, ...]] = {}
    for application in applications:
        if not _is_here(application):
            continue
        lines: list[str] = []
        for item in (application.get("status") or {}).get("resources") or ():
            workload = live.get((item.get("kind"), item.get("namespace"), item.get("name")))
            if workload is None or _is_ignored(workload) or len(lines) >= MOST:
                continue
            try:
                finding = workloads.trouble(cluster, workload)
                text = finding.text if finding else None
            except ClusterError:  # its pods may not be read
                text = workloads.not_as_wanted(workload)
            if text:
                lines.append(f"{item['kind']} {item['namespace']}/{item['name']}: {text}")
        if lines:
            found[key_of(application)] = tuple(lines)
    return found


def _is_here(application: Application) -> bool:
    """Whether it deploys to the cluster that Argo CD runs in, which is the one queried."""
    destination = (application.get("spec") or {}).get("destination") or {}
    server, name = destination.get("server"), destination.get("name")
    return server in (None, "", IN_CLUSTER) and name in (None, "", "in-cluster")


def _is_ignored(workload: Object) -> bool:
    return (workload["metadata"].get("annotations") or {}).get(IGNORED) == "true"


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
        # The Application's own state says what is still to be applied.
        return [] if item.get("status") == "OutOfSync" else [f"{place}: it does not exist"]
    if kind in WORKLOADS:
        found = workloads.trouble(cluster, live)
        return [f"{place}: {found.text}"] if found else []
    finding = _CHECKS[kind](live)
    if finding is None:
        return []
    line = f"{place}: {finding}"
    event = workloads.newest_warning(cluster, kind, namespace, name)
    return [f"{line}; {event}" if event else line]


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
    return None if addresses else "no load balancer or controller has assigned an address to it"


def _pod(live: Object) -> str | None:
    found = workloads.pod_trouble(live)
    return found[0] if found else None


_CHECKS: dict[str, Callable[[Object], str | None]] = {
    "Job": _job,
    "PersistentVolumeClaim": _claim,
    "Service": _balanced,
    "Ingress": _balanced,
    "Pod": _pod,
}
