"""The voting app, running in the sandbox: volumes, updates and back, autoscaling, a node's drain."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import ApiError
from bootstrap.kube.connection import request
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.addresses import Sandbox
from tests.catalog import voting_app
from tests.sandbox.conftest import TIMEOUT, private_invocation
from tests.sandbox.kubernetes import delete

COMPONENTS = ("ingress", "persistence", "backup", "autoscaling", "network-policies")
ORIGIN, NEXT = b"examplevotingapp_vote:after", b"examplevotingapp_vote:before"


class App:
    """The app in a namespace of its own."""

    def __init__(self, cluster: kube.Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.text = voting_app.chosen_text(COMPONENTS).replace("voting-app-dev", namespace).encode()

    def apply(self, old: bytes = b"", new: bytes = b"") -> None:
        assert old in self.text
        kube.apply(self.cluster, split.split(self.text.replace(old, new) if old else self.text, "kustomize"))

    def get(self, kind: str, name: str, api_version: str = "apps/v1") -> dict[str, Any]:
        return kube.get(self.cluster, api_version, kind, self.namespace, name) or {}

    def pods(self, name: str) -> list[dict[str, Any]]:
        selector = f"app.kubernetes.io/name={name}"
        return kube.list_objects(self.cluster, "v1", "Pod", self.namespace, selector)

    def is_available(self, name: str) -> bool:
        return bool(self.get("StatefulSet", name)["status"].get("availableReplicas"))

    def ready_pod(self, name: str) -> dict[str, Any] | None:
        return next((pod for pod in self.pods(name) if _is_ready(pod)), None)

    def is_rolled_out(self, name: str) -> bool:
        """As `kubectl rollout status` takes it."""
        found = self.get("Deployment", name)
        status, wanted = found.get("status", {}), found["spec"]["replicas"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return status.get("observedGeneration") == found["metadata"]["generation"] and counts == [wanted] * 3


def until(ask: Callable[[], Any], waited_for: str) -> Any:
    deadline = time.monotonic() + TIMEOUT
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"still waiting for {waited_for}"
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="module")
def app(sandbox: Sandbox) -> Iterator[App]:
    cluster = kube.connect(private_invocation(sandbox.folder), sandbox.context, sandbox.kubeconfig)
    found = App(cluster, f"test-{secrets.token_hex(4)}")
    found.apply()
    for name in ("db", "redis"):
        until(partial(found.is_available, name), name)
    for name in ("vote", "result", "worker"):
        until(partial(found.is_rolled_out, name), name)
    until(lambda: found.get("Deployment", "vote")["spec"]["replicas"] >= 2, "the autoscaler's minimum")
    until(partial(found.is_rolled_out, "vote"), "the autoscaler's minimum of pods")
    yield found
    # Without waiting for it: nobody else uses the name.
    delete(cluster, f"/api/v1/namespaces/{found.namespace}")


def test_claims_are_bound_and_a_pods_death_keeps_its_volume(app: App) -> None:
    sizes = {"data-db-0": "10Gi", "data-redis-0": "2Gi"}
    before = {name: until(partial(_bound, app, name), name) for name in sizes}
    assert {name: claim["status"]["capacity"]["storage"] for name, claim in before.items()} == sizes
    (pod,) = app.pods("db")
    kube.delete(app.cluster, [ClusterObject("v1", "Pod", app.namespace, "db-0", b"")])

    def replaced() -> bool:
        found = app.get("Pod", "db-0", "v1")
        return bool(found) and found["metadata"]["uid"] != pod["metadata"]["uid"] and _is_ready(found)

    until(replaced, "another db-0")
    after = app.get("PersistentVolumeClaim", "data-db-0", "v1")
    assert after["spec"]["volumeName"] == before["data-db-0"]["spec"]["volumeName"]


def test_an_update_never_has_fewer_pods_than_before_and_goes_back_to_the_old_revision(app: App) -> None:
    first = _template_hash(app)
    wanted = app.get("Deployment", "vote")["spec"]["replicas"]
    seen: list[int] = []

    def done() -> bool:
        seen.append(app.get("Deployment", "vote")["status"].get("availableReplicas", 0))
        return app.is_rolled_out("vote")

    app.apply(ORIGIN, NEXT)
    until(done, "the new version")
    assert _template_hash(app) != first
    app.apply()
    until(done, "the old version")
    assert _template_hash(app) == first  # the revision that was kept, not another one
    assert min(seen) >= wanted


def test_load_scales_vote_up_and_applying_again_does_not_scale_it_down(app: App) -> None:
    annotations = b'      annotations:\n        kwok.x-k8s.io/usage-cpu: "400m"\n      labels:\n'
    deployments = [item for item in split.split(app.text, "kustomize") if item.kind == "Deployment"]
    (vote,) = [item for item in deployments if item.name == "vote"]
    assert vote.text.count(b"      labels:\n        app.kubernetes.io") == 1
    loaded = vote.text.replace(b"      labels:\n", annotations, 1)
    busy = ClusterObject(vote.api_version, vote.kind, vote.namespace, vote.name, loaded)
    kube.apply(app.cluster, [busy])
    until(lambda: app.get("Deployment", "vote")["spec"]["replicas"] == 10, "ten pods to be wanted")
    until(partial(app.is_rolled_out, "vote"), "ten pods, all of the new version")
    kube.apply(app.cluster, [busy])
    assert app.get("Deployment", "vote")["spec"]["replicas"] == 10
    zones = {pod["spec"]["nodeName"] for pod in app.pods("vote")}
    assert len(zones) == 3  # spread over every node


def test_a_drain_is_let_through_by_every_budget(app: App) -> None:
    for name in ("db", "redis", "worker", "result"):
        pod = until(partial(app.ready_pod, name), name)
        path = f"/api/v1/namespaces/{app.namespace}/pods/{pod['metadata']['name']}/eviction"
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod["metadata"]["name"], "namespace": app.namespace},
        }
        until(partial(_evicted, app, path, body), f"{name}'s budget to allow it")


def test_pods_are_accepted_by_the_namespaces_restricted_pod_security(app: App) -> None:
    namespace = kube.get(app.cluster, "v1", "Namespace", None, app.namespace) or {}
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    job = app.get("CronJob", "db-backup", "batch/v1")["spec"]["jobTemplate"]
    content = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "backup-now", "namespace": app.namespace},
        "spec": job["spec"],
    }
    kube.apply(
        app.cluster,
        [ClusterObject("batch/v1", "Job", app.namespace, "backup-now", json.dumps(content).encode())],
    )
    until(lambda: app.pods("db-backup"), "the backup's pod, which Pod Security could refuse")


def _bound(app: App, name: str) -> dict[str, Any] | None:
    found = app.get("PersistentVolumeClaim", name, "v1")
    return found if found.get("status", {}).get("phase") == "Bound" else None


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def _template_hash(app: App) -> str:
    staying = [pod for pod in app.pods("vote") if "deletionTimestamp" not in pod["metadata"]]
    (found,) = {pod["metadata"]["labels"]["pod-template-hash"] for pod in staying}
    return str(found)


def _evicted(app: App, path: str, body: Mapping[str, Any]) -> bool:
    """429 says "not now": the controller has not counted the pods yet, or another is on its way."""
    before, app.cluster.patience = app.cluster.patience, 0.0
    try:
        return request(app.cluster, "POST", path, "evicting", body=json.dumps(body).encode()).code == 201
    except ApiError as error:
        if error.code != 429:
            raise
        return False
    finally:
        app.cluster.patience = before
