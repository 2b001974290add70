"""The shipped AppProjects on a real API server, by a real Argo CD: what an app tries there is refused."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from yaml import safe_load, safe_load_all

from bootstrap import argocd, kube
from bootstrap.argocd.source import FromCluster
from bootstrap.kube import Cluster
from bootstrap.sandbox.addresses import Sandbox
from tests.catalog.infrastructure import CLUSTER, ROOT
from tests.sandbox.argocd.test_live import Repository, application
from tests.sandbox.kubernetes import delete, made

TIMEOUT = 180.0
API = "/apis/argoproj.io/v1alpha1/namespaces/argocd"
Try = Callable[..., str]


@pytest.fixture
def attempt(sandbox: Sandbox, cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Try]:
    """`attempt(project, object)`: what Argo CD says of an Application in that project which brings it."""
    repository = Repository(sandbox, cluster, tmp_path)
    mark = f"projects-{secrets.token_hex(4)}"
    projects = [*safe_load_all((CLUSTER / "projects.yaml").read_text())]
    projects.append(safe_load((ROOT / "infrastructure/argocd/manifests/default-project.yaml").read_text()))
    for item in projects:
        item["metadata"]["name"] = f"{mark}-{item['metadata']['name']}"
        if item["spec"]["sourceRepos"]:
            item["spec"]["sourceRepos"] = [repository.url]
    kube.apply(cluster, [made(item) for item in projects], namespace=argocd.NAMESPACE)
    names: list[str] = []

    def call(project: str, body: dict[str, Any], destination: str = namespace) -> str:
        names.append(f"{mark}-{len(names)}")
        repository.push({f"{names[-1]}/object.yaml": body})
        one = application(names[-1], f"{mark}-{project}", repository.url, names[-1], destination)
        one["spec"]["syncPolicy"]["retry"] = {"limit": 0}
        kube.apply(cluster, [made(one)])
        return _said(cluster, names[-1])

    yield call
    for name in names:
        delete(cluster, f"{API}/applications/{name}")
    for item in projects:
        delete(cluster, f"{API}/appprojects/{item['metadata']['name']}")
    delete(cluster, repository.secret)


def _said(cluster: Cluster, name: str) -> str:
    """Argo CD's verdict: "Synced", or its own words of why not.

    It may see an Application before its project, and says so until it looks again.
    """
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        found = kube.get(cluster, "argoproj.io/v1alpha1", "Application", "argocd", name) or {}
        status = found.get("status") or {}
        conditions = [str(one.get("message")) for one in status.get("conditions") or ()]
        if "which does not exist" in " ".join(conditions):
            FromCluster(cluster).refresh("argocd", name)
        elif conditions:
            return " ".join(conditions)
        operation = status.get("operationState") or {}
        if operation.get("phase") in ("Failed", "Error"):
            results = (operation.get("syncResult") or {}).get("resources") or ()
            return " ".join([str(operation.get("message")), *(str(one.get("message")) for one in results)])
        if (status.get("sync") or {}).get("status") == "Synced" and operation.get("phase") == "Succeeded":
            return "Synced"
        time.sleep(0.5)
    raise AssertionError(f"Argo CD says nothing of {name}")


def pod(namespace: str, account: str) -> dict[str, Any]:
    container = {"name": "a", "image": "registry.example.org/a:1"}
    spec = {"serviceAccountName": account, "containers": [container]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "borrows", "namespace": namespace},
        "spec": spec,
    }


def namespace_object(name: str) -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def settings(namespace: str) -> dict[str, Any]:
    metadata = {"name": "settings", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}


def test_app_brings_its_own_objects(attempt: Try, namespace: str) -> None:
    assert attempt("apps", settings(namespace)) == "Synced"


@pytest.mark.parametrize("target", ["external-secrets", "monitoring", "kube-system", "argocd", "default"])
def test_app_has_no_pod_under_a_components_service_account(attempt: Try, target: str) -> None:
    assert "not permitted" in attempt("apps", pod(target, "external-secrets"))


@pytest.mark.parametrize("target", ["external-secrets", "kube-system", "argocd"])
def test_app_does_not_deploy_to_a_components_namespace(attempt: Try, target: str) -> None:
    said = attempt("apps", settings(target), destination=target)
    assert "not permitted" in said or "do not match any of the allowed destinations" in said


@pytest.mark.parametrize("target", ["external-secrets", "istio-system", "kube-public", "argocd", "default"])
def test_app_sets_no_labels_of_a_components_namespace(attempt: Try, cluster: Cluster, target: str) -> None:
    before = kube.get(cluster, "v1", "Namespace", None, target)
    assert "not permitted" in attempt("apps", namespace_object(target))
    assert _labels(kube.get(cluster, "v1", "Namespace", None, target)) == _labels(before)


def _labels(found: Any) -> Any:
    return (found or {}).get("metadata", {}).get("labels")


def test_app_has_no_cluster_wide_rights(attempt: Try) -> None:
    metadata = {"name": f"projects-{secrets.token_hex(4)}"}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }
    assert "not permitted" in attempt("apps", role)


def test_argocds_own_project_takes_nothing(attempt: Try, namespace: str) -> None:
    said = attempt("default", settings(namespace))
    assert "not permitted" in said or "do not match any of the allowed" in said


def test_infrastructure_stays_out_of_the_namespace_default_alone(attempt: Try, namespace: str) -> None:
    assert "not permitted" in attempt("infrastructure", settings("default"))
    assert attempt("infrastructure", settings(namespace)) == "Synced"
