"""What `diff` says of objects that are at risk, or are not, is what a real Argo CD does with them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap import argocd, kube
from bootstrap.argocd.source import FromCluster
from bootstrap.core.errors import NotFound
from bootstrap.kube import Cluster
from bootstrap.sandbox.addresses import Sandbox
from tests.conftest import Run
from tests.git_repositories import git
from tests.sandbox.argocd.test_live import TIMEOUT, Repository, application, name, repository
from tests.sandbox.kubernetes import delete, made

__all__ = ["name", "repository"]

FINALIZER = "resources-finalizer.argocd.argoproj.io"
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
    files["web/README.md"] = {}  # the folder stays when all objects are gone
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

    git(clone, "rm", "--quiet", "web/other.yaml")
    git(clone, "commit", "--quiet", "-m", "Drop the last one")
    assert "only with allowEmpty: true" in run("diff", str(clone), "--rev", "HEAD^..HEAD").out
    git(clone, "push", "--quiet")

    def conditions() -> str:
        found = kube.get(cluster, "argoproj.io/v1alpha1", "Application", "argocd", f"{name}-web") or {}
        return json.dumps(found.get("status", {}).get("conditions"))

    until(lambda: "auto-sync will wipe out all resources" in conditions(), cluster, name)
    assert exists(cluster, "v1", "ConfigMap", namespace, "other")
    child["spec"]["syncPolicy"]["automated"]["allowEmpty"] = True
    (clone / "root" / "web.yaml").write_text(json.dumps(child))
    git(clone, "commit", "--quiet", "--all", "-m", "Allow it")
    said = run("diff", str(clone), "--rev", "HEAD^..HEAD").out
    assert "allowEmpty: true from now on: all of its objects are deleted if Git has none" in said
    git(clone, "push", "--quiet")
    until(lambda: not exists(cluster, "v1", "ConfigMap", namespace, "other"), cluster, name)


def test_an_application_that_syncs_by_hand_stays_behind_and_one_with_a_finalizer_takes_its_objects_along(
    cluster: Cluster, namespace: str, repository: Repository, name: str, tmp_path: Path, run: Run
) -> None:
    child = application(f"{name}-web", name, repository.url, "web", namespace)
    root = application(name, name, repository.url, "root", "argocd")
    root["spec"]["syncPolicy"]["automated"]["allowEmpty"] = True
    files = {"root/README.md": {}, "web/one.yaml": config("one", namespace)}
    first = repository.push({"root.yaml": root, "root/web.yaml": child, **files})
    kube.apply(cluster, [made(root)], namespace="argocd")
    argocd.wait(cluster, name, first, TIMEOUT)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", repository.push_url, str(clone))
    del child["spec"]["syncPolicy"]["automated"]
    child["metadata"]["finalizers"] = [FINALIZER]
    (clone / "root" / "web.yaml").write_text(json.dumps(child))
    git(clone, "commit", "--quiet", "--all", "--message", "By hand")
    said = run("diff", str(clone), "--rev", "HEAD^..HEAD").out
    assert "it no longer syncs by itself: what Git says is applied when somebody syncs it" in said
    assert "it has a finalizer from now on: everything that it applied is deleted when it is" in said
    git(clone, "push", "--quiet")

    def web() -> dict[str, Any]:
        return kube.get(cluster, "argoproj.io/v1alpha1", "Application", "argocd", f"{name}-web") or {}

    until(lambda: "automated" not in web().get("spec", {}).get("syncPolicy", {}), cluster, name)
    (clone / "web" / "two.yaml").write_text(json.dumps(config("two", namespace)))
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "Another one")
    git(clone, "push", "--quiet")
    tip = git(clone, "rev-parse", "HEAD")
    until(lambda: tip in json.dumps(web().get("status", {}).get("sync")), cluster, f"{name}-web")
    assert web()["status"]["sync"]["status"] == "OutOfSync"
    assert not exists(cluster, "v1", "ConfigMap", namespace, "two")
    git(clone, "rm", "--quiet", "root/web.yaml")
    git(clone, "commit", "--quiet", "--message", "Drop it")
    git(clone, "push", "--quiet")
    until(lambda: not web(), cluster, name)
    assert not exists(cluster, "v1", "ConfigMap", namespace, "one")


@pytest.fixture
def elsewhere(
    cluster: Cluster, admin: Cluster, api_server: Sandbox, name: str, namespace: str
) -> Iterator[str]:
    """The address of another cluster, which Argo CD has the credentials of; it has the namespace, too."""
    user, place = (
        next(iter(yaml.safe_load(api_server.kubeconfig.read_text())[part]))[part[:-1]]
        for part in ("users", "clusters")
    )
    tls = {
        "caData": place["certificate-authority-data"],
        "certData": user["client-certificate-data"],
        "keyData": user["client-key-data"],
    }
    data = {"name": name, "server": place["server"], "config": json.dumps({"tlsClientConfig": tls})}
    labels = {"argocd.argoproj.io/secret-type": "cluster"}
    encoded = {key: value.encode() for key, value in data.items()}
    kube.ensure_secret(cluster, argocd.NAMESPACE, name, data=encoded, generate=(), labels=labels)
    kube.ensure_namespace(admin, namespace)
    yield str(place["server"])
    delete(admin, f"/api/v1/namespaces/{namespace}")
    delete(cluster, f"/api/v1/namespaces/{argocd.NAMESPACE}/secrets/{name}")


def test_an_application_that_goes_to_another_cluster_leaves_what_it_applied(
    cluster: Cluster,
    admin: Cluster,
    elsewhere: str,
    namespace: str,
    repository: Repository,
    name: str,
    tmp_path: Path,
    run: Run,
) -> None:
    child = application(f"{name}-web", name, repository.url, "web", namespace)
    root = application(name, name, repository.url, "root", "argocd")
    files = {f"web/{one}.yaml": config(one, namespace) for one in ("one", "two")}
    first = repository.push({"root.yaml": root, "root/web.yaml": child, **files})
    kube.apply(cluster, [made(root)], namespace="argocd")
    argocd.wait(cluster, name, first, TIMEOUT)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", repository.push_url, str(clone))
    child["spec"]["destination"]["server"] = elsewhere
    (clone / "root" / "web.yaml").write_text(json.dumps(child))
    git(clone, "commit", "--quiet", "--all", "-m", "Go elsewhere")
    said = run("diff", str(clone), "--rev", "HEAD^..HEAD").out
    assert (
        f"ConfigMap {namespace}/one, ConfigMap {namespace}/two: it stays in the cluster of Argo CD, and"
        in said
    )
    assert f"its Application goes to cluster {elsewhere}" in said
    git(clone, "push", "--quiet")
    until(lambda: exists(admin, "v1", "ConfigMap", namespace, "two"), cluster, name)
    git(clone, "rm", "--quiet", "web/two.yaml")
    git(clone, "commit", "--quiet", "-m", "Drop one")
    git(clone, "push", "--quiet")
    until(lambda: not exists(admin, "v1", "ConfigMap", namespace, "two"), cluster, name)
    here = {one: exists(cluster, "v1", "ConfigMap", namespace, one) for one in ("one", "two")}
    assert here == {"one": True, "two": True}


def until(look: Any, cluster: Cluster, root: str) -> None:
    """Wait, and have Argo CD look at Git again and again."""
    deadline = time.monotonic() + PATIENCE
    source = FromCluster(cluster)
    while not look():
        assert time.monotonic() < deadline, _state(cluster, root)
        for one in (root, f"{root}-web"):
            with suppress(NotFound):  # not made yet, or deleted meanwhile
                source.refresh("argocd", one)
        time.sleep(1.0)


def _state(cluster: Cluster, root: str) -> str:
    """What Argo CD says of the Application, for a failure's message."""
    found = kube.get(cluster, "argoproj.io/v1alpha1", "Application", "argocd", f"{root}-web") or {}
    return f"waited {PATIENCE:.0f} s: {json.dumps(found.get('status', {}).get('operationState'))}"


def exists(cluster: Cluster, version: str, kind: str, namespace: str, name: str) -> bool:
    return kube.get(cluster, version, kind, namespace, name) is not None
