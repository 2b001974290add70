"""Compares a trace from Git with a cluster: what is there, ready endpoints, the images that run."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bootstrap import kube
from bootstrap.core.errors import ApiError
from bootstrap.kube import Cluster
from bootstrap.resources.index import Resource, dig, mapping, mappings
from bootstrap.resources.pods import running
from bootstrap.trace.hops import Hop, Remark

WORKERS = 8
_SLICES = "discovery.k8s.io/v1"
_SERVICE = "kubernetes.io/service-name"
_COUNTED = {"Deployment": "readyReplicas", "StatefulSet": "readyReplicas", "DaemonSet": "numberReady"}


def compare(root: Hop, cluster: Cluster) -> None:
    """Add to each hop what the cluster says of it; raises ClusterUnreachable when it says nothing."""
    hops = [hop for hop in root.walk() if hop.resource is not None and not hop.shown_above]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda hop: _look(hop, cluster), hops))


def _look(hop: Hop, cluster: Cluster) -> None:
    resource = hop.resource
    assert resource is not None  # noqa: S101 - chosen above
    api_version, kind = str(resource.body.get("apiVersion")), str(resource.body.get("kind"))
    try:
        live = kube.get(cluster, api_version, kind, resource.namespace, resource.name)
    except ApiError as error:  # a kind that is not served, a right that is missing
        hop.remarks.append(Remark("unknown", f"live: {error.found}", error.hint))
        return
    if live is None:
        message, mend = (
            f"live: {resource} is not in the cluster",
            "bootstrap status says why it was not applied",
        )
        hop.remarks.append(Remark("broken", message, mend))
        return
    if kind == "Service":
        _endpoints(hop, resource, cluster)
    elif kind in _COUNTED:
        _pods(hop, resource, live)
    elif kind == "PersistentVolumeClaim":
        phase = str(dig(live, "status", "phase"))
        hop.details.append(f"live: {phase}")
        if phase != "Bound":
            mend = f"kubectl -n {resource.namespace} describe pvc {resource.name}"
            hop.remarks.append(Remark("warning", f"live: the claim is {phase}", mend))
    elif kind == "Certificate":
        _certificate(hop, resource, live)


def _endpoints(hop: Hop, service: Resource, cluster: Cluster) -> None:
    if service.spec.get("type") == "ExternalName" or not service.spec.get("selector"):
        return
    selector = f"{_SERVICE}={service.name}"
    slices = kube.list_objects(cluster, _SLICES, "EndpointSlice", service.namespace, selector)
    endpoints = [item for one in slices for item in mappings(one.get("endpoints"))]
    ready = sum(dig(item, "conditions", "ready") is not False for item in endpoints)
    hop.details.append(f"live: {ready} of {len(endpoints)} endpoints ready")
    if not ready:
        mend = f"kubectl -n {service.namespace} get pods, and look at those that are not ready"
        hop.remarks.append(Remark("broken", f"live: {service} has no ready endpoint", mend))


def _pods(hop: Hop, resource: Resource, live: Mapping[str, Any]) -> None:
    kind = str(live.get("kind") or resource.short_kind)
    wanted = dig(live, "spec", "replicas")
    if kind == "DaemonSet":
        wanted = dig(live, "status", "desiredNumberScheduled")
    ready = dig(live, "status", _COUNTED[resource.short_kind]) or 0
    hop.details.append(f"live: {ready} of {wanted or 0} pods ready")
    if ready < (wanted or 0):
        mend = f"kubectl -n {resource.namespace} describe {resource.short_kind.lower()} {resource.name}"
        hop.remarks.append(
            Remark("broken" if not ready else "warning", f"live: {ready} of {wanted} are ready", mend)
        )
    served = Resource(live, resource.namespace)
    images = {container.name: str(container.body.get("image")) for container in running(served)}
    for container in running(resource):
        actual, asked = images.get(container.name), str(container.body.get("image"))
        if actual != asked:
            message = f"live: {container.name} is {actual or 'not there'}, Git says {asked}"
            hop.remarks.append(Remark("warning", message, "bootstrap wait, or look why it is not synced"))


def _certificate(hop: Hop, resource: Resource, live: Mapping[str, Any]) -> None:
    conditions = {
        str(item.get("type")): item for item in mappings(mapping(live.get("status")).get("conditions"))
    }
    ready = conditions.get("Ready", {})
    if ready.get("status") != "True":
        why = ready.get("message") or "it was not issued yet"
        mend = f"kubectl -n {resource.namespace} describe certificate {resource.name}"
        hop.remarks.append(Remark("broken", f"live: the certificate is not ready: {why}", mend))
    elif end := dig(live, "status", "notAfter"):
        hop.details.append(f"live: valid until {end}")
