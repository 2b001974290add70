"""The images that a real node's pods wait for: its registry does not have them, nor can theirs be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bootstrap.sandbox import process, state
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.node import layout, registry

if TYPE_CHECKING:
    from bootstrap import kube


def images(sandbox: Sandbox, cluster: kube.Cluster) -> list[str]:
    """Those of pods on the real node that its registry lacks, sorted; none where no real node runs.

    ClusterError, SandboxError: pods cannot be read, or the registry does not answer.
    """
    from bootstrap import kube

    settings = state.load(sandbox.folder)
    if settings is None or process.running(sandbox.folder, layout.PROCESS) is None:
        return []
    port = settings.ports[layout.PORT]
    named = named_by(kube.list_objects(cluster, "v1", "Pod"))
    return [image for image in named if not registry.has(port, image)]


def named_by(pods: Iterable[Mapping[str, Any]]) -> list[str]:
    """Pure: the images of the containers on the real node that have not run, sorted.

    Of pods that have ended or are being deleted, none: nobody waits for theirs any more.
    """
    found = set()
    for pod in pods:
        spec, status = pod["spec"], pod.get("status") or {}
        ended = status.get("phase") in ("Succeeded", "Failed") or pod["metadata"].get("deletionTimestamp")
        if ended or spec.get("nodeName") != layout.NAME:
            continue
        told = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
        there = {each["name"] for each in told if each.get("imageID")}
        containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
        found |= {str(each["image"]) for each in containers if each["name"] not in there}
    return sorted(found)


def way_out(sandbox: Sandbox) -> str:
    """The command that brings images to the node."""
    return f"bootstrap sandbox image load ARCHIVE --name {sandbox.name}"
