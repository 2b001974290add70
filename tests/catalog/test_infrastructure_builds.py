"""Every component builds, alone and in pairs, and a cluster's settings reach every place they belong to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bootstrap.core.names import EXAMPLE_REPOSITORY
from bootstrap.layout import catalog
from bootstrap.manifests.reader import load_all
from tests.catalog import infrastructure
from tests.catalog.infrastructure import COMPONENTS, INFRASTRUCTURE
from tests.catalog.voting_app import run

ON_AT_FIRST = {"argocd", "gateway-api", "cert-manager", "traefik", "voting-app-dev"}
SETTINGS = {
    "repoURL": "https://git.test/platform/gitops.git",
    "revision": "trunk",
    "cluster": "edge-7",
    "domain": "apps.edge-7.test",
    "storageClass": "fast-ssd",
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cluster with all components on and settings that are not defaults."""
    choice = tuple(infrastructure.offered())
    return infrastructure.clusters(tmp_path_factory.mktemp("all"), [choice], SETTINGS)[choice]


def test_the_clusters_kustomization_offers_every_component_once_and_says_what_it_is() -> None:
    text = (infrastructure.CLUSTER / "kustomization.yaml").read_text()
    named = re.findall(r"^  (?:# )?- \.\./\.\./infrastructure/(\S+)  # \S.*$", text, re.M)
    assert sorted(named) == list(COMPONENTS)


def test_a_fresh_cluster_has_what_an_app_needs_to_be_reached_and_no_more() -> None:
    assert {name for name, component in infrastructure.offered().items() if component.on} == ON_AT_FIRST


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_builds_alone_to_its_applications(component: str) -> None:
    built = list(load_all(run(INFRASTRUCTURE / component)))
    assert {item["kind"] for item in built} == {"Application"}
    names = {item["metadata"]["name"] for item in built}
    assert names == {item.name for item in infrastructure.of(component)}


def test_all_pairs_of_components_build(tmp_path: Path) -> None:
    pairs = infrastructure.every_pair()
    built = infrastructure.clusters(tmp_path, pairs)
    assert all(text.count("\nkind: Application\n") >= 2 for text in built.values())
    assert all(text.count("\nkind: AppProject\n") == 2 for text in built.values())


def test_no_placeholder_and_no_default_reaches_a_cluster(everything: str) -> None:
    for number, item in enumerate(load_all(everything)):
        if item["kind"] == "AppProject":
            continue  # `init` names the repository there by an edit of its own
        found = re.search(r"DOMAIN|STORAGE_CLASS|^CLUSTER$|example\.com", _values(item), re.M)
        assert not found, f"{number}: {item['metadata']['name']} says {found[0]!r}"


def test_every_application_follows_this_repository_and_its_branch(everything: str) -> None:
    items = [item for item in load_all(everything) if item["kind"] == "Application"]
    assert len(items) >= len(COMPONENTS)
    for item in items:
        assert EXAMPLE_REPOSITORY not in str(item["spec"]["sources"])
        own = [source for source in item["spec"]["sources"] if source["repoURL"] == SETTINGS["repoURL"]]
        assert own, item["metadata"]["name"]
        assert {source["targetRevision"] for source in own} == {SETTINGS["revision"]}


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        ("argocd", ["https://argocd.apps.edge-7.test", "argocd.apps.edge-7.test"]),
        ("traefik", ["*.apps.edge-7.test"]),
        ("monitoring", ["grafana.apps.edge-7.test", "edge-7", "fast-ssd"]),
        ("alloy", ["edge-7"]),
        ("loki", ["fast-ssd"]),
        ("tempo", ["fast-ssd"]),
        ("elastic-stack", ["fast-ssd"]),
        ("elastic-fluent-bit", ["edge-7"]),
        ("local-path-storage", ["fast-ssd"]),
    ],
)
def test_settings_reach_the_applications_that_use_them(
    everything: str, application: str, expected: list[str]
) -> None:
    (item,) = [
        item
        for item in load_all(everything)
        if item["kind"] == "Application" and item["metadata"]["name"] == application
    ]
    values = _values(item).splitlines()
    assert [text for text in expected if text not in values] == []


def test_settings_themselves_are_never_applied(everything: str) -> None:
    assert {item["kind"] for item in load_all(everything)} == {"AppProject", "Application"}


def test_the_template_names_the_example_repository_only() -> None:
    urls = re.findall(r"https://git\.[^\s]+", (infrastructure.CLUSTER / "root.yaml").read_text())
    assert set(urls) == {catalog.EXAMPLE_REPOSITORY}


def test_the_root_application_is_not_a_part_of_what_it_syncs() -> None:
    built = load_all(run(infrastructure.CLUSTER))
    assert not [item for item in built if item["metadata"]["name"] == "root"]


def _values(item: object) -> str:
    """Every scalar below `spec`, a line each; of a patch, the value that it sets."""
    if isinstance(item, dict):
        return "\n".join(_values(value) for key, value in item.items() if key != "metadata")
    if isinstance(item, list):
        return "\n".join(_values(value) for value in item)
    return re.sub(r"^\s*(- )?\w+: ", "", str(item), flags=re.M)
