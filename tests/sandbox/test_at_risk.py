"""Pruning that is switched on deletes what Git dropped earlier, as `diff` says: by a real Argo CD."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from bootstrap import argocd, kube
from bootstrap.argocd.source import FromCluster
from bootstrap.kube import Cluster
from tests.conftest import Run
from tests.git_repositories import git
from tests.sandbox.kubernetes import made
from tests.sandbox.test_argocd_live import TIMEOUT, Repository, application, name, repository

__all__ = ["name", "repository"]

PATIENCE = 180.0
"""Seconds that deletions may take on a busy machine."""


def config(name: str, namespace: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}


def test_pruning_from_now_on_deletes_what_git_dropped_earlier(
    cluster: Cluster, namespace: str, repository: Repository, name: str, tmp_path: Path, run: Run
) -> None:
    child = application(f"{name}-web", name, repository.url, "web", namespace)
    child["spec"]["syncPolicy"]["automated"]["prune"] = False
    root = application(name, name, repository.url, "root", "argocd")
    files = {"web/other.yaml": config("other", namespace), "web/old.yaml": config("old", namespace)}
    first = repository.push({"root.yaml": root, "root/web.yaml": child, **files})
    kube.apply(cluster, [made(root)], namespace="argocd")
    argocd.wait(cluster, name, first, TIMEOUT)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", repository.push_url, str(clone))
    git(clone, "rm", "--quiet", "web/old.yaml")
    git(clone, "commit", "--quiet", "-m", "Drop it")
    assert "it stays until somebody prunes" in run("diff", str(clone), "--rev", "HEAD^..HEAD").out
    git(clone, "push", "--quiet")
    tip = git(clone, "rev-parse", "HEAD")

    def status() -> tuple[str, str]:
        found = kube.get(cluster, "argoproj.io/v1alpha1", "Application", "argocd", f"{name}-web") or {}
        sync = found.get("status", {}).get("sync", {})
        return str(sync.get("status")), str(sync.get("revision") or sync.get("revisions"))

    until(lambda: status()[0] == "OutOfSync" and tip in status()[1], cluster, f"{name}-web")
    assert exists(cluster, "v1", "ConfigMap", namespace, "old")

    child["spec"]["syncPolicy"]["automated"]["prune"] = True
    (clone / "root" / "web.yaml").write_text(json.dumps(child))
    git(clone, "commit", "--quiet", "--all", "-m", "Prune")
    said = run("diff", str(clone), "--rev", "HEAD^..HEAD").out
    assert "it prunes from now on: what Git dropped earlier is deleted" in said
    git(clone, "push", "--quiet")
    until(lambda: not exists(cluster, "v1", "ConfigMap", namespace, "old"), cluster, name)
    assert exists(cluster, "v1", "ConfigMap", namespace, "other")


def until(look: Any, cluster: Cluster, root: str) -> None:
    """Wait, and have Argo CD look at Git again and again."""
    deadline = time.monotonic() + PATIENCE
    source = FromCluster(cluster)
    while not look():
        assert time.monotonic() < deadline, _state(cluster, root)
        for one in (root, f"{root}-web"):
            if exists(cluster, "argoproj.io/v1alpha1", "Application", "argocd", one):
                source.refresh("argocd", one)
        time.sleep(1.0)


def _state(cluster: Cluster, root: str) -> str:
    """What Argo CD says of the Application, for a failure's message."""
    found = kube.get(cluster, "argoproj.io/v1alpha1", "Application", "argocd", f"{root}-web") or {}
    return f"waited {PATIENCE:.0f} s: {json.dumps(found.get('status', {}).get('operationState'))}"


def exists(cluster: Cluster, version: str, kind: str, namespace: str, name: str) -> bool:
    return kube.get(cluster, version, kind, namespace, name) is not None
