"""What a workload's status and its pods say of a rollout: the counts are those of the real controllers."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.kube.workloads import not_as_wanted, pod_trouble, wanted_replicas


def workload(kind: str = "Deployment", spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", "generation": 2},
        "spec": {"replicas": 1, **(spec or {})},
        "status": {"observedGeneration": 2, **status},
    }


WELL = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}


@pytest.mark.parametrize(
    ("live", "says"),
    [
        (workload(**WELL), None),
        (workload(spec={"replicas": 0}), None),
        (
            workload(**{**WELL, "observedGeneration": 1}),
            "has not observed its newest version (generation 2)",
        ),
        # An old pod is ready, and the new one never will be.
        (
            workload(
                replicas=2, updatedReplicas=1, readyReplicas=1, availableReplicas=1, unavailableReplicas=1
            ),
            "1 of its previous version still runs, 1 of 2 pods are not available",
        ),
        (
            workload(spec={"replicas": 3}, replicas=3, updatedReplicas=1, availableReplicas=3),
            "1 of 3 replicas are of its newest version",
        ),
        (
            workload(spec={"replicas": 3, "paused": True}, replicas=3, availableReplicas=3),
            "0 of 3 replicas are of its newest version; its rollout is paused",
        ),
        (workload(replicas=1, updatedReplicas=1), "0 of 1 replicas are available"),
        (
            workload(
                conditions=[{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}]
            ),
            "(exceeded quota: small)",
        ),
        (workload("StatefulSet", updateRevision="b", currentRevision="b", **WELL), None),
        (
            workload(
                "StatefulSet",
                {"replicas": 2},
                updateRevision="b",
                currentRevision="a",
                updatedReplicas=1,
                availableReplicas=2,
            ),
            "1 of 2 replicas are of its newest version",
        ),
        (
            workload(
                "StatefulSet",
                {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
                updateRevision="b",
                currentRevision="a",
                updatedReplicas=1,
                availableReplicas=2,
            ),
            None,
        ),
        (workload("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, availableReplicas=1), None),
        (
            workload(
                "DaemonSet",
                desiredNumberScheduled=3,
                updatedNumberScheduled=2,
                numberAvailable=2,
                numberUnavailable=1,
            ),
            "2 of 3 replicas are of its newest version, 2 of 3 replicas are available",
        ),
        (workload("DaemonSet", desiredNumberScheduled=0), None),
        (workload("ReplicaSet", availableReplicas=0), "0 of 1 replicas are available"),
    ],
)
def test_workload_that_is_not_as_wanted_says_what_is_missing(live: dict[str, Any], says: str | None) -> None:
    found = not_as_wanted(live)
    assert (found is None) == (says is None), found
    assert (says or "") in (found or "")


def test_replicas_that_are_not_said_are_one() -> None:
    live = workload()
    del live["spec"]["replicas"]
    assert wanted_replicas(live) == 1


def pod(phase: str = "Running", *, conditions: Any = (), **container: Any) -> dict[str, Any]:
    statuses = [{"name": "web", **container}] if container else []
    return {"status": {"phase": phase, "containerStatuses": statuses, "conditions": list(conditions)}}


OUT_OF_MEMORY = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}


@pytest.mark.parametrize(
    ("live", "says", "stuck"),
    [
        (
            pod("Pending", state={"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}),
            "container web: ImagePullBackOff: no such image",
            True,
        ),
        (
            pod(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=OUT_OF_MEMORY),
            "container web: CrashLoopBackOff (it last ended with exit code 137 (OOMKilled))",
            True,
        ),
        (
            pod(state={"running": {}}, ready=False, restartCount=4, lastState=OUT_OF_MEMORY),
            "container web is not ready and last ended with exit code 137 (OOMKilled), 4 restarts",
            True,
        ),
        (
            pod(state={"terminated": {"exitCode": 2, "reason": "Error"}}),
            "container web ended with exit code 2",
            True,
        ),
        (
            pod(
                "Pending",
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/1 nodes",
                    }
                ],
            ),
            "0/1 nodes",
            True,
        ),
        (pod("Pending", state={"waiting": {"reason": "ContainerCreating"}}), "it is Pending", False),
    ],
)
def test_pod_that_is_not_well_says_why_and_whether_waiting_helps(
    live: dict[str, Any], says: str, stuck: bool
) -> None:
    assert pod_trouble(live) == (says, stuck)


def test_pod_that_runs_or_has_ended_well_says_nothing() -> None:
    assert pod_trouble(pod(state={"running": {}}, ready=True, lastState=OUT_OF_MEMORY)) is None
    assert pod_trouble(pod("Succeeded")) is None
