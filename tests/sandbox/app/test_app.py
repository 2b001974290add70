"""What `bootstrap app add` lays out: taken by a real API server, and synced by a real Argo CD."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import argocd, kube
from bootstrap.core.errors import Forbidden
from bootstrap.layout.catalog import EXAMPLE_REPOSITORY
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.addresses import Sandbox
from tests.catalog import custom_resources, voting_app
from tests.clones import clone
from tests.conftest import Run
from tests.git_repositories import git
from tests.sandbox.argocd.test_live import (
    TIMEOUT,
    Repository,
    application,
    name,  # noqa: F401 - a fixture
    repository,  # noqa: F401 - a fixture
)
from tests.sandbox.catalog.test_voting_app import delete_all, refused
from tests.sandbox.kubernetes import admin, delete, made

IMAGE = ("--image", "ghcr.io/acme/web:1.0", "--port", "80", "--replicas", "2", "--health", "/healthz")
MORE = ("--host", "shop.example.com", "--env-from", "secret/shop:API_KEY", "--env-from", "configmap/shop")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = clone(tmp_path / "layout")
    monkeypatch.chdir(found)
    return found


@pytest.fixture
def server(api_server: Sandbox, argocd_manifest: Path) -> Iterator[kube.Cluster]:
    """The API server, knowing the kinds of Argo CD and of the Gateway API, and the app's namespace."""
    cluster = admin(api_server)
    argo = split.split(argocd_manifest.read_bytes(), "install.yaml")
    definitions = custom_resources.definitions(("Gateway", "HTTPRoute"), ("gateway-api",))
    definitions += [item for item in argo if item.kind == "CustomResourceDefinition"]
    needed = {item["metadata"]["name"] for item in kube.list_objects(cluster, "v1", "Namespace")}
    spaces = [made(_namespace(one)) for one in ("argocd", "shop-dev") if one not in needed]
    kube.apply(cluster, [*definitions, *spaces])
    yield cluster
    delete_all(cluster, [*definitions, *spaces])


def _namespace(called: str) -> dict[str, object]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": called, "labels": labels}}


def test_every_object_and_application_is_accepted_and_its_pods_are_restricted(
    run: Run, tree: Path, server: kube.Cluster
) -> None:
    assert run("app", "add", "shop", *IMAGE, *MORE).exit == 0
    assert (
        run("app", "add", "queue", "--chart", "oci://a.example.com/b/queue", "--version", "1.2.3").exit == 0
    )
    source = ("--git", "https://git.example.com/web/site.git", "--path", "deploy", "--revision", "v2")
    assert run("app", "add", "site", *source).exit == 0
    overlay = tree / "apps/shop/overlays/dev"
    file = overlay / "kustomization.yaml"
    texts = [voting_app.run(overlay)]
    file.write_text(file.read_text().replace("# - ../../components/", "- ../../components/"))
    texts.append(voting_app.run(overlay))
    texts += [voting_app.run(tree / f"apps/{app}/applications/dev") for app in ("shop", "queue", "site")]
    different = {(str(item), item.text): item for text in texts for item in _split(text)}
    kinds = {item.kind for item in different.values()}
    assert {"Application", "Deployment", "Ingress", "Gateway", "HorizontalPodAutoscaler"} <= kinds
    assert refused(server, list(different.values())) == []
    (pod,) = [_pod(item) for item in voting_app.objects(texts[0]) if item["kind"] == "Deployment"]
    assert refused(server, [made(pod)]) == []
    pod["spec"]["containers"][0]["securityContext"].pop("capabilities")
    with pytest.raises(Forbidden, match="PodSecurity"):
        kube.preview(server, [made(pod)])


def _split(text: str) -> list[ClusterObject]:
    return split.split(text.encode(), "kustomize")


def _pod(deployment: voting_app.Object) -> dict[str, object]:
    """The Deployment's pod, as its controller would make it; Pod Security judges pods alone."""
    template = deployment["spec"]["template"]
    spec = {**template["spec"], "serviceAccountName": "default"}  # ours is not there in a dry run
    spec["topologySpreadConstraints"] = []
    metadata = {"name": "one", "namespace": deployment["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_argo_cd_syncs_it_until_it_is_healthy_and_takes_it_down_again(
    run: Run,
    tree: Path,
    cluster: kube.Cluster,
    repository: Repository,  # noqa: F811
    name: str,  # noqa: F811
) -> None:
    assert run("app", "add", name, *IMAGE, "--env-from", f"configmap/{name}").exit == 0
    path = tree / f"apps/{name}/applications/dev/application.yaml"
    text = path.read_text().replace("project: apps", f"project: {name}")
    path.write_text(text.replace(EXAMPLE_REPOSITORY, repository.url))
    files = {
        found.relative_to(tree).as_posix(): found.read_bytes()
        for found in (tree / "apps" / name).rglob("*")
        if found.is_file()
    }
    commit = repository.bare.commit(files)
    git(repository.bare.folder, "push", "--quiet", repository.push_url, "main")
    root = application(f"{name}-root", name, repository.url, f"apps/{name}/applications/dev", "argocd")
    kube.apply(cluster, [made(root)])
    try:
        status = argocd.wait(cluster, f"{name}-root", commit, TIMEOUT)
        assert {item.name for item in status.applications} == {f"{name}-root", f"{name}-dev"}
        deployment = kube.get(cluster, "apps/v1", "Deployment", f"{name}-dev", name) or {}
        assert deployment["status"]["availableReplicas"] == 2
    finally:
        for one in ("root", "dev"):  # the root first, or it would bring the other back
            gone = ClusterObject("argoproj.io/v1alpha1", "Application", "argocd", f"{name}-{one}", b"")
            kube.delete(cluster, [gone])
    assert kube.get(cluster, "apps/v1", "Deployment", f"{name}-dev", name) is None
    assert kube.get(cluster, "v1", "Namespace", None, f"{name}-dev")  # kept, with what a person put there
    delete(cluster, f"/api/v1/namespaces/{name}-dev")
