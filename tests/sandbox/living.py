"""A cluster with Kubernetes' controllers, a Git host, and what Argo CD would have made; no Argo CD runs.

So a removal can be killed at each step and repeated in seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bootstrap import kube
from bootstrap.argocd.status import TRACKING
from bootstrap.kube.removal import merge_patch
from tests.sandbox.kubernetes import SOON, made
from tests.sandbox.world import World

PROCESSES = ("etcd", "kube-apiserver", "kube-controller-manager", "gitea")
ROOT = Path(__file__).parents[2]
FINALIZER = "resources-finalizer.argocd.argoproj.io"
APPLICATION = "argoproj.io/v1alpha1"


def application(name: str, wave: int, *, parent: str = "root", finalizer: bool = True) -> dict[str, Any]:
    """An Application as Argo CD makes it from the root."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": "argocd",
        "annotations": {
            TRACKING: f"{parent}:argoproj.io/Application:argocd/{name}",
            "argocd.argoproj.io/sync-wave": str(wave),
        },
    }
    if finalizer:
        metadata["finalizers"] = [FINALIZER]
    return {
        "apiVersion": APPLICATION,
        "kind": "Application",
        "metadata": metadata,
        "spec": {
            "project": "apps",
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "source": {"repoURL": "https://git.example.com/shop.git", "path": "shop"},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }


def deployment(name: str, application_name: str) -> dict[str, Any]:
    """A workload that the Application has deployed into the namespace shop."""
    labels = {"app": name}
    tracking = f"{application_name}:apps/Deployment:shop/{name}"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "annotations": {TRACKING: tracking}},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "registry.example.com/shop:1"}]},
            },
        },
    }


def lived_in(world: World) -> None:
    """`init`, and what Argo CD would have made of it: two Applications, one of them with a workload."""
    world.up()
    kube.ensure_namespace(world.cluster, "shop")
    objects = [application("db", 1), application("shop", 2), deployment("web", "shop")]
    kube.apply(world.cluster, [made(one) for one in objects], namespace="shop")
    for name in ("db", "shop"):  # Argo CD's own field manager, not init's
        merge_patch(
            world.cluster, APPLICATION, "Application", "argocd", name, {"metadata": {"managedFields": [{}]}}
        )
    settle(world)


def settle(world: World) -> None:
    """Wait until the controllers have added what they add to new namespaces and to Deployments."""
    deadline = time.monotonic() + SOON
    while missing := _unseen(world.cluster):
        assert time.monotonic() < deadline, f"the controllers have not seen {missing}"
        time.sleep(0.05)


def _unseen(cluster: kube.Cluster) -> list[str]:
    there = {
        kind: {
            (one["metadata"]["namespace"], one["metadata"]["name"])
            for one in kube.list_objects(cluster, "v1", kind)
        }
        for kind in ("ConfigMap", "ServiceAccount")
    }
    return [
        name
        for name in (one["metadata"]["name"] for one in kube.list_objects(cluster, "v1", "Namespace"))
        if (name, "kube-root-ca.crt") not in there["ConfigMap"]
        or (name, "default") not in there["ServiceAccount"]
    ] + [
        f"{one['metadata']['namespace']}/{one['metadata']['name']}"
        for one in kube.list_objects(cluster, "apps/v1", "Deployment")
        if "deployment.kubernetes.io/revision" not in (one["metadata"].get("annotations") or {})
    ]


def let_go(cluster: kube.Cluster) -> None:
    """Take the finalizers off that a test has left: nobody else would."""
    for item in kube.list_objects(cluster, APPLICATION, "Application"):
        metadata = item["metadata"]
        patch = {"metadata": {"finalizers": None}}
        merge_patch(cluster, APPLICATION, "Application", metadata["namespace"], metadata["name"], patch)


def command(world: World, *arguments: str, module: str = "bootstrap") -> subprocess.CompletedProcess[str]:
    """A process of its own, as a person would start it."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **world.environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def killed_after_each_step(world: World, modules: str, record: Path, *arguments: str) -> list[str]:
    """Ended after every step that changes something, one after the other, until a run comes to its end.

    The names of these steps, in their order.
    """
    options = (modules, str(record), *arguments)
    number = 0
    while (done := command(world, *options, module="tests.sandbox.killed")).returncode == -signal.SIGKILL:
        number += 1
        assert len(record.read_text().splitlines()) == number, done.stderr
    assert done.returncode == 0, done.stderr
    return [line.partition("(")[0] for line in record.read_text().splitlines()]
