"""Which images pods on the real node wait for."""

from __future__ import annotations

from typing import Any

from bootstrap.sandbox.node import layout, missing


def pod(
    *images: str, node: str | None = layout.NAME, phase: str = "Pending", first: str = ""
) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": f"c{n}", "image": each} for n, each in enumerate(images)]}
    if node:
        spec["nodeName"] = node
    if first:
        spec["initContainers"] = [{"name": "first", "image": first}]
    return {"metadata": {"name": "a"}, "spec": spec, "status": {"phase": phase}}


def test_every_image_of_the_nodes_pods_is_named_once() -> None:
    pods = [pod("b:1", "a:1"), pod("a:1", first="init:1", phase="Running")]
    assert missing.named_by(pods) == ["a:1", "b:1", "init:1"]


def test_what_does_not_run_on_the_node_needs_no_image() -> None:
    pods = [
        pod("a:1", node="node-1"),
        pod("b:1", node=None),
        pod("c:1", phase="Succeeded"),
        pod("d:1", phase="Failed"),
    ]
    assert missing.named_by(pods) == []


def test_a_pod_that_a_rollout_is_deleting_waits_for_nothing() -> None:
    old, new = pod("a:1"), pod("a:2")
    old["metadata"]["deletionTimestamp"] = "2026-11-24T21:50:03Z"
    assert missing.named_by([old, new]) == ["a:2"]


def test_an_image_that_the_node_has_pulled_is_not_waited_for() -> None:
    waiting = pod("b:1", "a:1", first="init:1")
    waiting["status"] |= {
        "initContainerStatuses": [{"name": "first", "imageID": "sha256:1"}],
        "containerStatuses": [{"name": "c0", "imageID": ""}, {"name": "c1", "imageID": "sha256:2"}],
    }
    assert missing.named_by([waiting]) == ["b:1"]
