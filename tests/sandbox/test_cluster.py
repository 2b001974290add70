"""The cluster behaves as one with kubelets: pods, Jobs, volumes, autoscaling, budgets, addresses."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import ApiError, ClusterUnreachable
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox import ready, state
from bootstrap.sandbox.addresses import Sandbox
from tests.sandbox.conftest import TIMEOUT, private_invocation

SIMULATE = "sandbox.gitops-bootstrap.io/simulate"
Object = dict[str, Any]


def made(api_version: str, kind: str, namespace: str, name: str, **content: Any) -> ClusterObject:
    metadata = {"name": name, "namespace": namespace, **content.pop("metadata", {})}
    data = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
    return ClusterObject(api_version, kind, namespace, name, json.dumps(data).encode())


def template(
    annotations: Mapping[str, str] | None = None, container: Mapping[str, Any] | None = None, **spec: Any
) -> Object:
    main = {"name": "main", "image": "registry.invalid/main:1", **(container or {})}
    return {
        "metadata": {"labels": {"app": "main"}, "annotations": dict(annotations or {})},
        "spec": {"containers": [main], **spec},
    }


def deployment(namespace: str, replicas: int, pod: Object) -> ClusterObject:
    selector = {"matchLabels": {"app": "main"}}
    spec = {"replicas": replicas, "selector": selector, "template": pod}
    return made("apps/v1", "Deployment", namespace, "main", spec=spec)


def until(ask: Callable[[], Any], waited_for: str) -> Any:
    deadline = time.monotonic() + TIMEOUT
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"still waiting for {waited_for}"
        time.sleep(0.1)
    return answer


def pods(cluster: Cluster, namespace: str) -> list[Object]:
    return kube.list_objects(cluster, "v1", "Pod", namespace, "app=main")


def condition(item: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = [entry for entry in item.get("status", {}).get("conditions", ()) if entry["type"] == kind]
    return found[0] if found else {"status": "Unknown"}


def is_ready(pod: Mapping[str, Any]) -> bool:
    return condition(pod, "Ready")["status"] == "True"


def apply(cluster: Cluster, objects: Sequence[ClusterObject]) -> None:
    kube.apply(cluster, objects)


def test_three_nodes_in_three_zones_account_their_resources(cluster: Cluster) -> None:
    def settled() -> list[Object] | None:
        found = kube.list_objects(cluster, "v1", "Node")
        return None if any(node["spec"].get("taints") or not is_ready(node) for node in found) else found

    nodes = until(settled, "nodes that are ready and without taints")
    zones = {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes}
    assert len(nodes) == len(zones) == 3
    for node in nodes:
        assert {"cpu", "memory", "pods"} <= set(node["status"]["allocatable"])


def test_pod_that_fits_on_no_node_stays_pending_and_says_why(cluster: Cluster, namespace: str) -> None:
    greedy = {"resources": {"requests": {"cpu": "9"}}}
    apply(cluster, [deployment(namespace, 1, template(container=greedy))])
    until(
        lambda: any(
            "Insufficient cpu" in condition(pod, "PodScheduled").get("message", "")
            for pod in pods(cluster, namespace)
        ),
        "the scheduler to refuse",
    )


def test_rollout_runs_init_containers_and_sidecars_and_spreads_over_zones(
    cluster: Cluster, namespace: str
) -> None:
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "main"}},
    }
    init = [
        {"name": "prepare", "image": "registry.invalid/prepare:1"},
        {"name": "sidecar", "image": "registry.invalid/sidecar:1", "restartPolicy": "Always"},
    ]
    apply(
        cluster,
        [deployment(namespace, 3, template(initContainers=init, topologySpreadConstraints=[spread]))],
    )
    until(lambda: _available(cluster, namespace) == 3, "three available pods")
    found = pods(cluster, namespace)
    assert len({pod["spec"]["nodeName"] for pod in found}) == 3
    assert len({pod["status"]["podIP"] for pod in found}) == 3
    states = {item["name"]: item["state"] for item in found[0]["status"]["initContainerStatuses"]}
    assert states["prepare"]["terminated"]["exitCode"] == 0
    assert "running" in states["sidecar"]
    before = {pod["metadata"]["uid"] for pod in found}
    apply(cluster, [deployment(namespace, 3, template(container={"image": "registry.invalid/main:2"}))])
    until(
        lambda: (
            _available(cluster, namespace) == 3
            and len(left := pods(cluster, namespace)) == 3
            and not before & {pod["metadata"]["uid"] for pod in left}
        ),
        "the old pods to be replaced",
    )


def _available(cluster: Cluster, namespace: str) -> int:
    found = kube.get(cluster, "apps/v1", "Deployment", namespace, "main") or {}
    status = found.get("status", {})
    current = status.get("observedGeneration") == found.get("metadata", {}).get("generation")
    return int(status.get("availableReplicas", 0)) if current else -1


@pytest.mark.parametrize(("simulate", "phase"), [("never-ready", "Running"), ("image-pull-fails", "Pending")])
def test_annotated_pod_misbehaves_as_asked(
    cluster: Cluster, namespace: str, simulate: str, phase: str
) -> None:
    both = [
        deployment(namespace, 1, template({SIMULATE: simulate})),
        made("v1", "Pod", namespace, "well", spec=template()["spec"]),
    ]
    apply(cluster, both)
    until(lambda: is_ready(kube.get(cluster, "v1", "Pod", namespace, "well") or {}), "the other pod")

    def misbehaves() -> bool:
        found = pods(cluster, namespace)
        return bool(found) and found[0]["status"]["phase"] == phase and "podIP" in found[0]["status"]

    until(misbehaves, f"the pod to be {phase}")
    pod = pods(cluster, namespace)[0]
    assert not is_ready(pod)
    if simulate == "image-pull-fails":
        waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] == "ImagePullBackOff"
        assert "registry.invalid/main:1" in waiting["message"]


@pytest.mark.parametrize(("simulate", "ends"), [("", "Complete"), ("fail", "Failed")])
def test_job_ends_and_its_pods_can_be_deleted(
    cluster: Cluster, namespace: str, simulate: str, ends: str
) -> None:
    pod = template({SIMULATE: simulate} if simulate else {}, restartPolicy="Never")
    job = made("batch/v1", "Job", namespace, "once", spec={"backoffLimit": 0, "template": pod})
    apply(cluster, [job])

    def ended() -> bool:
        found = kube.get(cluster, "batch/v1", "Job", namespace, "once") or {}
        return condition(found, ends)["status"] == "True"

    until(ended, f"the Job to be {ends}")
    kube.delete(cluster, [job])
    until(lambda: not pods(cluster, namespace), "its pods to be gone")


def test_claim_of_the_default_class_is_bound_and_its_volume_reclaimed(
    cluster: Cluster, namespace: str
) -> None:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    claim = made("v1", "PersistentVolumeClaim", namespace, "data", spec=wanted)
    apply(cluster, [claim])

    def bound() -> str | None:
        found = kube.get(cluster, "v1", "PersistentVolumeClaim", namespace, "data") or {}
        is_bound = found.get("status", {}).get("phase") == "Bound"
        return str(found["spec"]["volumeName"]) if is_bound else None

    volume = until(bound, "the claim to be bound")
    found = kube.get(cluster, "v1", "PersistentVolume", None, volume)
    assert found
    assert found["spec"]["capacity"]["storage"] == "10Gi"
    kube.delete(cluster, [claim])
    until(lambda: kube.get(cluster, "v1", "PersistentVolume", None, volume) is None, "the volume to be gone")


def test_load_balancer_and_ingress_get_an_address(cluster: Cluster, namespace: str) -> None:
    port = {"ports": [{"port": 80}], "selector": {"app": "main"}}
    backend = {"defaultBackend": {"service": {"name": "outer", "port": {"number": 80}}}}
    apply(
        cluster,
        [
            made("v1", "Service", namespace, "outer", spec={"type": "LoadBalancer", **port}),
            made("v1", "Service", namespace, "inner", spec=port),
            made("networking.k8s.io/v1", "Ingress", namespace, "any", spec=backend),
        ],
    )

    def address(api_version: str, kind: str, name: str) -> Any:
        found = kube.get(cluster, api_version, kind, namespace, name) or {}
        return found.get("status", {}).get("loadBalancer", {}).get("ingress")

    until(lambda: address("v1", "Service", "outer"), "the Service's address")
    until(lambda: address("networking.k8s.io/v1", "Ingress", "any"), "the Ingress' address")
    assert address("v1", "Service", "inner") is None


def test_autoscaler_scales_by_the_metrics_of_the_pods(cluster: Cluster, namespace: str) -> None:
    load = {"kwok.x-k8s.io/usage-cpu": "400m"}
    container = {"resources": {"requests": {"cpu": "200m"}}}
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "main"},
        "minReplicas": 1,
        "maxReplicas": 4,
        "metrics": [{"type": "Resource", "resource": metric}],
    }
    scaled = made("autoscaling/v2", "HorizontalPodAutoscaler", namespace, "main", spec=spec)
    apply(cluster, [deployment(namespace, 1, template(load, container)), scaled])
    until(lambda: _available(cluster, namespace) == 4, "four replicas")

    def active() -> bool:
        found = kube.get(cluster, "autoscaling/v2", "HorizontalPodAutoscaler", namespace, "main") or {}
        return bool(condition(found, "ScalingActive")["status"] == "True")

    until(active, "the autoscaler, which scales first and says so afterwards")


def test_eviction_keeps_to_the_disruption_budget(cluster: Cluster, namespace: str) -> None:
    budget = {"minAvailable": 2, "selector": {"matchLabels": {"app": "main"}}}
    apply(
        cluster,
        [
            deployment(namespace, 2, template()),
            made("policy/v1", "PodDisruptionBudget", namespace, "main", spec=budget),
        ],
    )
    until(lambda: _available(cluster, namespace) == 2, "two available pods")

    def counted() -> bool:
        found = kube.get(cluster, "policy/v1", "PodDisruptionBudget", namespace, "main") or {}
        return bool(found.get("status", {}).get("currentHealthy") == 2)

    until(counted, "the budget to count them")
    name = pods(cluster, namespace)[0]["metadata"]["name"]
    assert _evict(cluster, namespace, name) == 429
    kube.delete(cluster, [made("policy/v1", "PodDisruptionBudget", namespace, "main")])
    assert _evict(cluster, namespace, name) == 201
    until(lambda: kube.get(cluster, "v1", "Pod", namespace, name) is None, "the pod to be gone")


def _evict(cluster: Cluster, namespace: str, name: str) -> int:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    before, cluster.patience = cluster.patience, 0.0
    try:
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
        return request(cluster, "POST", path, "evicting", body=json.dumps(body).encode()).code
    except ApiError as error:
        return error.code
    finally:
        cluster.patience = before


@pytest.fixture
def port(sandbox: Sandbox) -> int:
    settings = state.load(sandbox.folder)
    assert settings
    return settings.ports["etcd"]


def test_kubeconfig_verifies_the_server_and_no_one_enters_without_it(sandbox: Sandbox) -> None:
    text = sandbox.kubeconfig.read_text()
    assert "certificate-authority-data" in text
    assert "insecure" not in text
    context = ssl.create_default_context(cafile=str(sandbox.folder / "pki" / "ca.crt"))
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.urlopen(f"{sandbox.server}/api/v1/secrets", timeout=30, context=context)  # noqa: S310
    told.value.close()
    assert told.value.code in (401, 403)
    with pytest.raises(urllib.error.URLError, match="certificate"):
        urllib.request.urlopen(f"{sandbox.server}/version", timeout=30)  # noqa: S310


def test_kubeconfig_of_another_sandbox_is_refused(
    sandbox: Sandbox, api_server: Sandbox, tmp_path: Path
) -> None:
    mixed = tmp_path / "kubeconfig"
    mixed.write_text(api_server.kubeconfig.read_text().replace(api_server.server, sandbox.server))
    with pytest.raises(ClusterUnreachable, match="certificate"):
        kube.connect(private_invocation(tmp_path), api_server.context, mixed)


def test_etcd_answers_no_client_without_a_certificate_of_its_authority(sandbox: Sandbox, port: int) -> None:
    pki = sandbox.folder / "pki"
    etcd = ssl.create_default_context(cafile=str(pki / "etcd-ca.crt"))
    assert not ready.answers(port, "/version", etcd)
    etcd.load_cert_chain(pki / "admin.pem")
    assert not ready.answers(port, "/version", etcd)
    etcd = ssl.create_default_context(cafile=str(pki / "etcd-ca.crt"))
    etcd.load_cert_chain(pki / "etcd-client.pem")
    assert ready.answers(port, "/version", etcd)
