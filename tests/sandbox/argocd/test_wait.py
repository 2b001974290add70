"""Waiting for Applications: the test writes what Argo CD's controller would write, on a real API server.

What the real one writes is waited for in test_live.py.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from bootstrap import argocd, kube
from bootstrap.argocd.status import Status
from bootstrap.core.errors import NotReadyError
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from bootstrap.manifests import split
from bootstrap.sandbox.addresses import Sandbox
from tests import argocd_manifest
from tests.applications import NEWER, REVISION, application, entry
from tests.sandbox import kubernetes
from tests.sandbox.kubernetes import made

REFRESH = "argocd.argoproj.io/refresh"
PATH = "/apis/argoproj.io/v1alpha1/namespaces"
SOON = 60.0
"""Seconds for what takes a second or two on a machine with nothing else to do."""


@pytest.fixture(scope="module")
def admin(api_server: Sandbox) -> Iterator[Cluster]:
    """With Argo CD's CRDs, without Argo CD."""
    cluster = kubernetes.admin(api_server)
    crds = [
        item for item in split.split(argocd_manifest.manifest(), "test") if item.kind.endswith("Definition")
    ]
    kube.apply(cluster, crds)
    yield cluster
    kube.delete(cluster, crds)


@pytest.fixture
def ns(admin: Cluster) -> Iterator[str]:
    with kubernetes.temporary_namespace(admin) as name:
        yield name


def put(cluster: Cluster, namespace: str, *applications: dict[str, Any]) -> None:
    """Create or replace Applications with the status they are given."""
    for item in applications:
        metadata = {key: item["metadata"][key] for key in ("name", "annotations")}
        entries = [
            {**child, "namespace": namespace} if child.get("kind") == "Application" else child
            for child in item["status"]["resources"]
        ]
        content = {**item, "metadata": metadata, "status": {**item["status"], "resources": entries}}
        kubernetes.apply_as(cluster, made(content), namespace, "controller")


def patch(cluster: Cluster, namespace: str, name: str, content: dict[str, Any]) -> None:
    body = json.dumps(content).encode()
    path = f"{PATH}/{namespace}/applications/{name}"
    request(
        cluster, "PATCH", path, "as the controller", body=body, content_type="application/merge-patch+json"
    )


def refreshed(cluster: Cluster, namespace: str, name: str) -> bool:
    """Whether a refresh is asked for."""
    found = kube.get(cluster, "argoproj.io/v1alpha1", "Application", namespace, name)
    return found is not None and REFRESH in (found["metadata"].get("annotations") or {})


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.05)


def told_in_time(cluster: Cluster, namespace: str, said: str, *first: float) -> tuple[NotReadyError, float]:
    """How a wait ends with its time, once `said` is part of it: the time is made longer; its seconds, too."""
    for seconds in (*first, 16, 64):
        with controller(cluster, namespace), pytest.raises(NotReadyError) as raised:
            argocd.wait(cluster, "root", None, seconds, namespace=namespace)
        if said in raised.value.found:
            break
    return raised.value, seconds


@contextmanager
def controller(cluster: Cluster, namespace: str, **compared: dict[str, Any]) -> Iterator[None]:
    """Takes refreshes as Argo CD's: removes the annotation, and writes `compared[name]` in the same patch."""
    ended = threading.Event()

    def run() -> None:
        for event, found in kube.watch(
            cluster, "argoproj.io/v1alpha1", "Application", namespace, 600, tick=1
        ):
            if ended.is_set():
                return
            if event in ("ADDED", "MODIFIED") and REFRESH in (found["metadata"].get("annotations") or {}):
                name = found["metadata"]["name"]
                status = compared.get(name.replace("-", "_"), {})
                patch(
                    cluster, namespace, name, {"metadata": {"annotations": {REFRESH: None}}, "status": status}
                )

    with ThreadPoolExecutor(1) as pool:
        running: Future[None] = pool.submit(run)
        try:
            yield
        finally:
            ended.set()
            running.result(SOON)


def test_returns_the_status_when_all_is_ready(admin: Cluster, ns: str) -> None:
    put(admin, ns, application("root", children=[entry("a", 1)]), application("a"))
    with controller(admin, ns):
        status = argocd.wait(admin, "root", REVISION, SOON, namespace=ns)
    assert status.ready
    assert [item.name for item in status.applications] == ["root", "a"]


def test_root_is_compared_again_before_it_counts(admin: Cluster, ns: str) -> None:
    """What is Synced with the commit before is not done: the root has to be asked first."""
    put(admin, ns, application("root", revision=REVISION))
    with controller(admin, ns, root={"sync": {"status": "Synced", "revisions": ["1.2.3", NEWER]}}):
        status = argocd.wait(admin, "root", NEWER, SOON, namespace=ns)
    assert NEWER in status.applications[0].revision


def test_children_that_do_not_know_the_commit_yet_are_asked_too(admin: Cluster, ns: str) -> None:
    put(
        admin,
        ns,
        application("root", children=[entry("stale"), entry("other")], revision=NEWER),
        application("stale", revision=REVISION),
        application("other", repository="https://elsewhere.example/x.git"),
    )
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(argocd.wait, admin, "root", NEWER, SOON, namespace=ns)
        until(lambda: refreshed(admin, ns, "stale"))
        assert not refreshed(admin, ns, "other")
        assert not waiting.done()
        with controller(admin, ns):
            assert waiting.result(SOON).ready


def test_progress_is_reported_as_what_is_waited_for_and_as_a_whole(admin: Cluster, ns: str) -> None:
    put(admin, ns, application("root", health="Progressing", children=[entry("a", 1)]))
    told: list[str] = []
    shown: list[Status] = []
    with ThreadPoolExecutor(1) as pool, controller(admin, ns):
        waiting = pool.submit(argocd.wait, admin, "root", None, SOON, told.append, shown.append, ns, pace=0.0)
        until(lambda: any("an earlier wave" in text for text in told))
        put(admin, ns, application("a", health="Progressing"))
        until(
            lambda: any("a: Synced, Progressing, waits for its health: Progressing" in text for text in told)
        )
        put(admin, ns, application("a"), application("root", children=[entry("a", 1)]))
        assert waiting.result(SOON).ready
    assert told[-1] == "2 of 2 Applications are Synced and Healthy"
    assert shown[-1].ready
    assert len(shown) == len({json.dumps(status.data()) for status in shown})
    assert all(item.since for status in shown for item in status.waiting)


def test_log_has_no_two_lines_within_the_pace_and_the_end_at_once(admin: Cluster, ns: str) -> None:
    put(admin, ns, application("root", health="Progressing", children=[entry("a", 1)]))
    told: list[str] = []
    shown: list[Status] = []
    with ThreadPoolExecutor(1) as pool, controller(admin, ns):
        waiting = pool.submit(
            argocd.wait, admin, "root", None, SOON, told.append, shown.append, ns, pace=10 * SOON
        )
        until(lambda: bool(told))
        put(admin, ns, application("a", health="Degraded"))
        until(lambda: any(item.health == "Degraded" for status in shown for item in status.applications))
        put(admin, ns, application("a"), application("root", children=[entry("a", 1)]))
        assert waiting.result(SOON).ready
    assert len(told) == 2
    assert told[-1] == "2 of 2 Applications are Synced and Healthy"


def test_fix_that_is_pushed_while_it_waits_is_what_it_waits_for(admin: Cluster, ns: str) -> None:
    put(admin, ns, application("root", revision=REVISION, children=[entry("a", 1)]), application("a"))
    fixed = {"sync": {"status": "Synced", "revisions": ["1.2.3", NEWER]}}
    with controller(admin, ns, root=fixed, a=fixed):
        status = argocd.wait(
            admin, "root", "c" * 40, SOON, namespace=ns, descends=lambda commit, _: commit == NEWER
        )
    assert status.ready
    assert status.revision == NEWER
    assert all(NEWER in item.revision for item in status.applications)


def test_argo_cds_own_image_that_cannot_be_pulled_is_reported_while_it_waits(admin: Cluster, ns: str) -> None:
    kube.apply(admin, [made(kubernetes.workload("StatefulSet", ns, "argocd-application-controller"))])
    kubernetes.fail(admin, ns, kubernetes.pod_of(admin, ns, "argocd-application-controller"))
    fresh = application("root")
    fresh["status"] = {"resources": []}
    put(admin, ns, fresh)
    told: list[str] = []
    said = f"StatefulSet {ns}/argocd-application-controller: 0 of 1 replicas are available"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(
            argocd.wait, admin, "root", None, SOON, told.append, namespace=ns, pace=0.0, look=0.0
        )
        until(lambda: any(said in line and "ImagePullBackOff: no such image" in line for line in told))
        request(admin, "DELETE", f"{PATH}/{ns}/applications/root", "deleting it")
        with pytest.raises(NotReadyError, match="deleted"):
            waiting.result(SOON)


def test_rollout_that_is_stuck_behind_a_pod_that_serves_is_not_ready(admin: Cluster, ns: str) -> None:
    """What Argo CD calls Healthy is as old as its last look."""
    kubernetes.stuck_rollout(admin, ns)
    resources = [{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": ns, "name": "web"}]
    put(admin, ns, application("root", children=resources))
    waits = "root: Synced, Healthy; waits for an unfinished rollout"
    found = told_in_time(admin, ns, waits, 4)[0].found
    assert waits in found
    assert f"Deployment {ns}/web: 1 of its previous version still runs" in found
    assert "container web: ImagePullBackOff: no such image; event Failed: cannot pull it" in found


def test_time_is_over_and_each_application_says_why(admin: Cluster, ns: str) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": ns},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "none-such",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    kube.apply(admin, [made(kubernetes.workload("Deployment", ns, "web")), made(claim)])
    kubernetes.fail(admin, ns, kubernetes.pod_of(admin, ns, "web"))
    resources = [
        {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": ns, "name": "web"},
        {"version": "v1", "kind": "PersistentVolumeClaim", "namespace": ns, "name": "data"},
        {"version": "v1", "kind": "ConfigMap", "namespace": ns, "name": "whatever"},
        {"version": "v1", "kind": "Service", "namespace": ns, "name": "to-come", "status": "OutOfSync"},
        {"version": "v1", "kind": "Service", "namespace": ns, "name": "absent"},
    ]
    put(
        admin,
        ns,
        application("root", health="Progressing", children=[entry("web-app", 1), entry("later", 2)]),
        application("web-app", health="Progressing", children=resources),
    )
    until(
        lambda: (
            "ProvisioningFailed" in [one.get("reason") for one in kube.list_objects(admin, "v1", "Event", ns)]
        )
    )
    ended, seconds = told_in_time(admin, ns, "web-app: Synced, Progressing; waits for its health", 4)
    found = ended.found
    assert f"3 of 3 Applications are not, after {seconds} s" in found
    assert "web-app: Synced, Progressing; waits for its health: Progressing (since 20" in found
    assert f"Deployment {ns}/web: 0 of 1 replicas are available" in found
    assert "container web: ImagePullBackOff: no such image; event Failed: cannot pull it" in found
    assert f"PersistentVolumeClaim {ns}/data: it is Pending" in found
    assert 'event ProvisioningFailed: storageclass.storage.k8s.io "none-such" not found' in found
    assert f"Service {ns}/absent: it does not exist" in found
    assert "to-come: it does not exist" not in found  # it is to be applied, which its Application says
    assert "later: OutOfSync, Missing; waits for an earlier wave" in found
    assert "run the same command again" in ended.hint


def test_what_can_never_be_met_is_not_waited_for_to_the_end(admin: Cluster, ns: str) -> None:
    conditions = [{"type": "ComparisonError", "message": "authentication required: Unauthorized"}]
    put(
        admin,
        ns,
        application("root", health="Progressing", children=[entry("a"), entry("b", 1)]),
        application("a", "Unknown", conditions=conditions),
    )
    with controller(admin, ns), pytest.raises(NotReadyError, match="and nothing is changing") as raised:
        argocd.wait(admin, "root", None, 10 * SOON, namespace=ns, settled=2)
    assert "a: Unknown, Healthy; waits for ComparisonError: authentication required" in raised.value.found


def test_a_commit_that_the_branch_lost_ends_it_and_says_so(admin: Cluster, ns: str) -> None:
    """Someone has reset the branch, or pushed by force: Argo CD compares again, and stays where it is."""
    put(admin, ns, application("root", revision="1" * 40))
    with controller(admin, ns), pytest.raises(NotReadyError, match="and nothing is changing") as raised:
        argocd.wait(admin, "root", "2" * 40, 10 * SOON, namespace=ns, settled=2)
    found = raised.value.found
    assert "root: Synced, Healthy; waits for revision 222222222222: it is at 1.2.3, 111111111111" in found
    assert "main does not contain 222222222222: it was reset or force-pushed since" in found


def test_what_failed_for_the_moment_is_looked_at_again(admin: Cluster, ns: str) -> None:
    """Argo CD itself would look again only minutes later."""
    busy = "error getting openapi resources: the server is currently unable to handle the request"
    conditions = [{"type": "ComparisonError", "message": busy}]
    put(admin, ns, application("root", "Unknown", conditions=conditions))
    with ThreadPoolExecutor(1) as pool:
        with controller(admin, ns):
            waiting = pool.submit(argocd.wait, admin, "root", None, SOON, namespace=ns)
            until(lambda: not refreshed(admin, ns, "root"))
        until(lambda: refreshed(admin, ns, "root"))
        with controller(admin, ns, root={"conditions": [], "sync": {"status": "Synced"}}):
            assert waiting.result(SOON).ready


def test_what_is_repaired_while_settling_continues(admin: Cluster, ns: str) -> None:
    """Halfway to giving up, Argo CD is asked to look again; then it finds what was missing."""
    put(
        admin,
        ns,
        application("root", "Unknown", conditions=[{"type": "ComparisonError", "message": "no such path"}]),
    )
    with ThreadPoolExecutor(1) as pool:
        with controller(admin, ns):
            waiting = pool.submit(argocd.wait, admin, "root", None, SOON, namespace=ns, settled=20)
            until(lambda: not refreshed(admin, ns, "root"))
        until(lambda: refreshed(admin, ns, "root"))
        with controller(admin, ns, root={"conditions": [], "sync": {"status": "Synced"}}):
            assert waiting.result(SOON).ready


def test_without_the_root_it_ends_at_once(admin: Cluster, ns: str) -> None:
    with pytest.raises(NotReadyError, match="it does not exist") as raised:
        argocd.wait(admin, "root", None, SOON, namespace=ns)
    assert "bootstrap init" in raised.value.hint


def test_root_that_is_deleted_meanwhile_ends_it(admin: Cluster, ns: str) -> None:
    put(admin, ns, application("root", health="Progressing"))
    with ThreadPoolExecutor(1) as pool, controller(admin, ns):
        told: list[str] = []
        waiting = pool.submit(argocd.wait, admin, "root", None, SOON, told.append, namespace=ns)
        until(lambda: bool(told))
        request(admin, "DELETE", f"{PATH}/{ns}/applications/root", "deleting it")
        with pytest.raises(NotReadyError, match="deleted"):
            waiting.result(SOON)


def test_controller_that_does_not_run_is_named(admin: Cluster, ns: str) -> None:
    fresh = application("root")
    fresh["status"] = {"resources": []}
    put(admin, ns, fresh)
    with pytest.raises(NotReadyError) as raised:
        argocd.wait(admin, "root", None, 2, namespace=ns)
    assert "waits for the application controller to look at it" in raised.value.found
    assert f"StatefulSet {ns}/argocd-application-controller: it does not exist" in raised.value.found


def test_applications_are_listed(admin: Cluster, ns: str) -> None:
    put(admin, ns, application("a"), application("b"))
    assert {item["metadata"]["name"] for item in argocd.applications(admin, ns)} == {"a", "b"}
