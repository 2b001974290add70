"""Who installed an Argo CD, and which version, from its workloads alone."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.kube.find_argocd import installed_by, version_of

IMAGE = "quay.io/argoproj/argocd:v3.6.1"


def workload(name: str, image: str = IMAGE, **metadata: Any) -> dict[str, Any]:
    containers = [{"name": "side", "image": "envoy:v1.2.3"}, {"name": name, "image": image}]
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


APPLIED = [
    {"manager": "bootstrap", "operation": "Apply"},
    {"manager": "argocd-controller", "operation": "Apply"},
]


@pytest.mark.parametrize(
    ("metadata", "by"),
    [
        ({}, "manifest"),
        ({"managedFields": [{"manager": "kubectl", "operation": "Apply"}]}, "manifest"),
        ({"managedFields": APPLIED}, "bootstrap"),
        ({"labels": {"app.kubernetes.io/managed-by": "gitops-bootstrap"}}, "bootstrap"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "helm"),
        ({"annotations": {"meta.helm.sh/release-name": "argo"}}, "helm"),
        ({"labels": {"helm.sh/chart": "argo-cd-10.10.2"}, "managedFields": APPLIED}, "helm"),
        (
            {"ownerReferences": [{"kind": "ArgoCD", "apiVersion": "argoproj.io/v1beta1", "name": "a"}]},
            "operator",
        ),
    ],
)
def test_installer_is_recognised(metadata: dict[str, Any], by: str) -> None:
    assert installed_by([workload("argocd-server"), workload("argocd-repo-server", **metadata)], None) == by


def test_installation_made_anew_by_argo_cd_itself_is_still_ours_by_its_label() -> None:
    settings = {
        "metadata": {"name": "argocd-cm", "labels": {"app.kubernetes.io/managed-by": "gitops-bootstrap"}}
    }
    own = [{"manager": "argocd-controller", "operation": "Apply"}]
    assert installed_by([workload("argocd-server", managedFields=own)], settings) == "bootstrap"


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (IMAGE, "v3.6.1"),
        ("registry.example:5000/mirror/argocd:v3.6.1-rc2@sha256:" + "0" * 64, "v3.6.1-rc2"),
        ("quay.io/argoproj/argocd:3.5.4", "v3.5.4"),
        ("quay.io/argoproj/argocd@sha256:" + "0" * 64, None),
        ("quay.io/argoproj/argocd:latest", None),
    ],
)
def test_version_is_the_tag_of_the_servers_image(image: str, version: str | None) -> None:
    others = [workload("argocd-redis", "redis:8.2.3"), workload("argocd-repo-server", "x/argocd:v9.9.9")]
    assert version_of([*others, workload("argocd-server", image)]) == version


def test_version_of_an_installation_without_server_is_the_controllers() -> None:
    assert version_of([workload("my-argocd-application-controller")]) == "v3.6.1"
