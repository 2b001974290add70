"""Compares a trace from Git with a cluster: missing objects, ready endpoints, running images."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bootstrap import kube
from bootstrap.core import next_run
from bootstrap.core.errors import ApiError, ClusterError
from bootstrap.core.health import State
from bootstrap.kube import Cluster, workloads
from bootstrap.resources.index import Resource, dig, mapping, mappings
from bootstrap.resources.pods import running
from bootstrap.trace.hops import Hop, Named, Remark

WORKERS = 8
_SLICES = "discovery.k8s.io/v1"
_SERVICE = "kubernetes.io/service-name"
_COUNTED = {"Deployment": "readyReplicas", "StatefulSet": "readyReplicas", "DaemonSet": "numberReady"}
_PLAIN = ("Secret", "ConfigMap")


def compare(root: Hop, cluster: Cluster) -> None:
    """Add the live state to each hop; raises ClusterUnreachable when the API server does not answer."""
    hops = [
        hop
        for hop in root.walk()
        if not hop.shown_above and (hop.resource is not None or hop.named is not None)
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda hop: _compare_hop(hop, cluster), hops))


def _compare_hop(hop: Hop, cluster: Cluster) -> None:
    if hop.named is not None:
        _compare_named(hop, hop.named, cluster)
    resource = hop.resource
    if resource is None or (hop.named is not None and resource.short_kind == hop.named.kind):
        return
    api_version, kind = str(resource.body.get("apiVersion")), str(resource.body.get("kind"))
    try:
        live = kube.get(cluster, api_version, kind, resource.namespace, resource.name)
    except ApiError as error:  # a kind that is not served, a missing permission
        hop.remarks.append(Remark("unknown", f"live: {error.found}", error.hint))
        return
    if live is None:
        message, fix = (
            f"live: {resource} is not in the cluster",
            f"{next_run.command('status')} says why it was not applied",
        )
        hop.remarks.append(Remark("broken", message, fix))
        return
    if kind == "Service":
        _endpoints(hop, resource, cluster)
    elif kind in _COUNTED:
        _pods(hop, resource, live, cluster)
    elif kind == "PersistentVolumeClaim":
        _claim(hop, live)
    elif kind == "Certificate":
        _certificate(hop, resource, live)


def _compare_named(hop: Hop, named: Named, cluster: Cluster) -> None:
    """Whether a Secret, a ConfigMap or a claim exists, in Git or not, with the keys that the pods use.

    Of a Secret, only the names of its keys are read.
    """
    place = f"{named.kind} {named.namespace}/{named.name}"
    try:
        live = kube.get(cluster, "v1", named.kind, named.namespace, named.name)
    except ApiError as error:
        hop.remarks.append(Remark("unknown", f"live: {error.found}", error.hint))
        return
    if live is None:
        if not named.optional:
            check = next_run.kubectl(f"-n {named.namespace} get {named.kind.lower()}")
            fix = named.maker or f"create it; to check: {check}"
            hop.remarks.append(Remark("broken", f"live: {place} is not in the cluster", fix))
        return
    if named.kind not in _PLAIN:
        _claim(hop, live)
        return
    has = {*mapping(live.get("data")), *mapping(live.get("binaryData"))}
    for key in named.keys:
        if key not in has:
            known = ", ".join(sorted(map(str, has))) or "none"
            fix = f"add it, or use one of its keys: {known}"
            hop.remarks.append(Remark("broken", f"live: {place} has no key {key}", fix))
    hop.details.append("live: it exists")


def _claim(hop: Hop, live: Mapping[str, Any]) -> None:
    phase = str(dig(live, "status", "phase"))
    hop.details.append(f"live: {phase}")
    if phase != "Bound":
        namespace, name = (dig(live, "metadata", key) for key in ("namespace", "name"))
        fix = next_run.kubectl(f"-n {namespace} describe pvc {name}")
        hop.remarks.append(Remark("warning", f"live: the claim is {phase}", fix))


def _endpoints(hop: Hop, service: Resource, cluster: Cluster) -> None:
    if service.spec.get("type") == "ExternalName" or not service.spec.get("selector"):
        return
    selector = f"{_SERVICE}={service.name}"
    slices = kube.list_objects(cluster, _SLICES, "EndpointSlice", service.namespace, selector)
    endpoints = [item for one in slices for item in mappings(one.get("endpoints"))]
    ready = sum(dig(item, "conditions", "ready") is not False for item in endpoints)
    hop.details.append(f"live: {ready} of {len(endpoints)} endpoints ready")
    if not ready:
        fix = f"{next_run.kubectl(f'-n {service.namespace} get pods')}, and inspect those that are not ready"
        hop.remarks.append(Remark("broken", f"live: {service} has no ready endpoint", fix))


def _pods(hop: Hop, resource: Resource, live: Mapping[str, Any], cluster: Cluster) -> None:
    wanted = workloads.wanted_replicas(live)
    ready = dig(live, "status", _COUNTED[resource.short_kind]) or 0
    hop.details.append(f"live: {ready} of {wanted} pods ready")
    try:
        trouble = workloads.trouble(cluster, live)
    except ClusterError as error:  # such as no permission to read its pods or events
        wrong = workloads.not_as_wanted(live)
        trouble = workloads.Trouble(f"{wrong}; {error.found}", bool(ready), False) if wrong else None
    if trouble is not None:
        described = f"{resource.short_kind.lower()} {resource.name}"
        fix = next_run.kubectl(f"-n {resource.namespace} describe {described}")
        state: State = "warning" if trouble.serves and not trouble.stuck else "broken"
        hop.remarks.append(Remark(state, f"live: {trouble.text}", fix))
    served = Resource(live, resource.namespace)
    images = {container.name: str(container.body.get("image")) for container in running(served)}
    for container in running(resource):
        actual, wanted_image = images.get(container.name), str(container.body.get("image"))
        if actual != wanted_image:
            message = f"live: {container.name} is {actual or 'missing'}, Git has {wanted_image}"
            see = f"{next_run.command('status')} to see why it is not synced"
            hop.remarks.append(Remark("warning", message, f"run {next_run.command('wait')}, or {see}"))


def _certificate(hop: Hop, resource: Resource, live: Mapping[str, Any]) -> None:
    conditions = {
        str(item.get("type")): item for item in mappings(mapping(live.get("status")).get("conditions"))
    }
    ready = conditions.get("Ready", {})
    if ready.get("status") != "True":
        why = ready.get("message") or "it has not been issued yet"
        fix = next_run.kubectl(f"-n {resource.namespace} describe certificate {resource.name}")
        hop.remarks.append(Remark("broken", f"live: the certificate is not ready: {why}", fix))
    elif end := dig(live, "status", "notAfter"):
        hop.details.append(f"live: valid until {end}")
