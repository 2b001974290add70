"""What an API server is and what this credential may do there; reads only."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from bootstrap.core.errors import Forbidden
from bootstrap.kube import objects, shape
from bootstrap.kube.connection import Cluster, request
from bootstrap.kube.entrances import entrances
from bootstrap.kube.find_argocd import find_argocd
from bootstrap.kube.parallel import in_parallel
from bootstrap.kube.provided import provided
from bootstrap.kube.served import release_in
from bootstrap.kube.state import ClusterState

OLDEST_KUBERNETES = (1, 30)

MAXIMAL_CLOCK_SKEW = 60.0
"""Seconds of clock skew; beyond it tokens and certificates start to be refused."""


UNKNOWN = -1
"""`ready_nodes` when nodes may not be listed."""
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True)
class Right:
    """A verb on a resource; `namespace` "" is everywhere."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}" + (f" in namespace {self.namespace}" if self.namespace else "")


EVERYTHING = Right("*", "*", "*")
_CLUSTER_WIDE = (
    ("", "namespaces"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
)
_IN_NAMESPACE = (
    ("", "configmaps"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("networking.k8s.io", "networkpolicies"),
    ("rbac.authorization.k8s.io", "roles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("argoproj.io", "applications"),
    ("argoproj.io", "appprojects"),
)
NEEDED = (
    *(Right(verb, *kind) for kind in _CLUSTER_WIDE for verb in ("get", "create", "patch")),
    # Argo CD's own roles allow everything: whoever creates them must have as many rights, or this one.
    Right("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    Right("bind", "rbac.authorization.k8s.io", "clusterroles"),
)
"""What `init` does everywhere: server-side apply is a patch that may create."""


def observe(cluster: Cluster, clock: Callable[[], float] = time.time) -> ClusterState:
    """Version, missing rights, an existing Argo CD, clock skew, ready nodes; asked in parallel."""
    with ThreadPoolExecutor(6, thread_name_prefix="observe") as pool:
        rights = pool.submit(missing_rights, cluster)
        argocd = pool.submit(find_argocd, cluster, cluster.argocd_namespace)
        nodes = pool.submit(_ready_nodes, cluster)
        classes = pool.submit(_storage_classes, cluster)
        there = pool.submit(provided, cluster)
        ways_in = pool.submit(entrances, cluster)
        version, skew = _version(cluster, clock)
        return ClusterState(
            context=cluster.context,
            server=cluster.server,
            version=version,
            missing_rights=rights.result(),
            argocd=argocd.result(),
            clock_skew=skew,
            ready_nodes=nodes.result(),
            storage_classes=classes.result(),
            provided=there.result(),
            entrances=ways_in.result(),
        )


def needed_in(namespace: str) -> tuple[Right, ...]:
    """What `init` does, with Argo CD in that namespace."""
    verbs = ("get", "create", "patch")
    here = [Right(verb, *kind, namespace) for kind in _IN_NAMESPACE for verb in verbs]
    return (*NEEDED, *here, Right("watch", "argoproj.io", "applications", namespace))


def missing_rights(cluster: Cluster, needed: tuple[Right, ...] = ()) -> tuple[str, ...]:
    """The rights of `needed` that the API server denies, in words; one request for an admin."""
    needed = needed or needed_in(cluster.argocd_namespace)
    if _allowed(cluster, EVERYTHING):
        return ()
    answers = in_parallel(lambda right: _allowed(cluster, right), needed)
    return tuple(str(right) for right, allowed in zip(needed, answers, strict=True) if not allowed)


def _allowed(cluster: Cluster, right: Right) -> bool:
    attributes = {"verb": right.verb, "group": right.group, "resource": right.resource}
    if right.namespace:
        attributes["namespace"] = right.namespace
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    tried = f"asking whether this credential may {right}"
    answer = request(cluster, "POST", REVIEWS, tried, body=json.dumps(body).encode())
    shape.require(answer.data, shape.REVIEW, "its answer", tried)
    return bool(answer.data["status"].get("allowed"))


def _version(cluster: Cluster, clock: Callable[[], float]) -> tuple[str, float]:
    """The server's version, and how many seconds this clock is ahead of the server's."""
    start = clock()
    answer = request(cluster, "GET", "/version", "asking for the server's version")
    release = release_in(answer)
    middle = (start + clock()) / 2
    date = answer.headers.get("date")
    # The header has whole seconds, truncated: half a second on average.
    try:
        skew = middle - parsedate_to_datetime(date).timestamp() - 0.5 if date else 0.0
    except (ValueError, OverflowError, OSError):
        raise shape.untrusted("reading the server's clock", f"its date is {date!r}") from None
    return release, skew


def _ready_nodes(cluster: Cluster) -> int:
    try:
        nodes = objects.list_objects(cluster, "v1", "Node")
    except Forbidden:
        return UNKNOWN
    return sum(_is_ready(node) for node in nodes)


def _storage_classes(cluster: Cluster) -> dict[str, bool] | None:
    try:
        found = objects.list_objects(cluster, "storage.k8s.io/v1", "StorageClass")
    except Forbidden:
        return None
    annotation = "storageclass.kubernetes.io/is-default-class"
    return {
        item["metadata"]["name"]: (item["metadata"].get("annotations") or {}).get(annotation) == "true"
        for item in found
    }


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
    return ready and not (node.get("spec") or {}).get("unschedulable")
