"""What the shipped AppProjects let an app do: nothing where the cluster's own parts live."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from yaml import safe_load, safe_load_all

from bootstrap.layout import asked_secrets
from tests.catalog import infrastructure
from tests.catalog.infrastructure import ROOT

KEPT_OUT = {"default", "argocd", "kube-*"}


def project(name: str) -> dict[str, Any]:
    items = safe_load_all((infrastructure.CLUSTER / "projects.yaml").read_text())
    (found,) = [item for item in items if item["metadata"]["name"] == name]
    return dict(found)


def of_components() -> set[str]:
    """Every namespace that a component deploys to, switched on or not."""
    found = set()
    for component in infrastructure.COMPONENTS:
        for path in (ROOT / "infrastructure" / component).glob("*.yaml"):
            for item in safe_load_all(path.read_text()):
                if (item or {}).get("kind") == "Application":
                    found.add(item["spec"]["destination"]["namespace"])
    return found


def test_apps_reach_no_namespace_of_a_component_of_argocd_or_of_kubernetes() -> None:
    destinations = [entry["namespace"] for entry in project("apps")["spec"]["destinations"]]
    refused = {pattern[1:] for pattern in destinations if pattern.startswith("!")}
    fit = {name for name in of_components() if any(fnmatchcase(name, pattern) for pattern in refused)}
    assert fit == of_components()
    assert refused >= KEPT_OUT


def test_apps_own_no_namespace_that_they_cannot_reach() -> None:
    spec = project("apps")["spec"]
    refused = {entry["namespace"][1:] for entry in spec["destinations"] if entry["namespace"].startswith("!")}
    listed = spec["clusterResourceBlacklist"]
    assert {(entry["group"], entry["kind"]) for entry in listed} == {("", "Namespace")}
    assert {entry["name"] for entry in listed} == refused


def test_argocds_own_project_is_closed() -> None:
    path = ROOT / "infrastructure" / "argocd" / "manifests" / "default-project.yaml"
    found = safe_load(path.read_text())
    assert (found["kind"], found["metadata"]["name"]) == ("AppProject", "default")
    spec = {key: value for key, value in found["spec"].items() if key != "description"}
    assert spec == {
        "sourceRepos": [],
        "destinations": [],
        "clusterResourceWhitelist": [],
        "namespaceResourceBlacklist": [{"group": "*", "kind": "*"}],
    }
    assert "default-project.yaml" in (path.parent / "kustomization.yaml").read_text()


@pytest.mark.parametrize("namespace", sorted(KEPT_OUT))
def test_no_app_is_made_a_secret_where_it_may_not_deploy(namespace: str) -> None:
    assert namespace in asked_secrets.OURS
