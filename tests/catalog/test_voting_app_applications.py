"""The voting app's Applications: rendered when they must be, allowed by their project, their Secrets made."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bootstrap.core.names import GENERATE_PATHS
from bootstrap.layout.catalog import EXAMPLE_REPOSITORY
from bootstrap.repository import generate_paths
from bootstrap.repository.files import scan
from tests.catalog import voting_app
from tests.catalog.voting_app import APP, ENVIRONMENTS, ROOT

NAMES = (*ENVIRONMENTS, "monitoring")
COMPONENTS = {path.name for path in (ROOT / "infrastructure").iterdir()}


def application(name: str) -> Any:
    (found,) = voting_app.objects(voting_app.run(APP / "applications" / name))
    return found


def annotated(name: str) -> Any:
    return application(name)["metadata"]["annotations"]


@pytest.mark.parametrize("name", NAMES)
def test_a_commit_to_whatever_it_reads_has_it_rendered_again(name: str) -> None:
    paths = [path.removeprefix("/") for path in annotated(name)[GENERATE_PATHS].split(";")]
    read = generate_paths.files_read(application(name), scan(ROOT))
    assert read
    assert not [file for file in read if not any(file.startswith(f"{path}/") for path in paths)]
    # Of another environment's overlay it takes no notice.
    others = [other for other in NAMES if other != name]
    assert not [path for path in paths for other in others if path.endswith(f"/{other}")]


@pytest.mark.parametrize("name", NAMES)
def test_it_heals_itself_retries_with_the_newest_commit_and_leaves_with_what_it_brought(name: str) -> None:
    body = application(name)
    policy = body["spec"]["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": True}
    assert (policy["retry"]["limit"], policy["retry"]["refresh"]) == (-1, True)
    assert "ServerSideApply=true" in policy["syncOptions"]
    assert body["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
    assert body["metadata"]["name"] == f"voting-app-{name}" == body["spec"]["destination"]["namespace"]


@pytest.mark.parametrize("name", NAMES)
def test_its_project_allows_everything_it_brings(name: str) -> None:
    projects = voting_app.objects((ROOT / "clusters/default/projects.yaml").read_text())
    project = voting_app.named(projects, "AppProject", application(name)["spec"]["project"])["spec"]
    assert project["sourceRepos"] == [EXAMPLE_REPOSITORY]
    items = voting_app.objects(voting_app.run(ROOT / application(name)["spec"]["sources"][0]["path"]))
    cluster_wide = {item["kind"] for item in items if "namespace" not in item["metadata"]}
    assert cluster_wide <= {entry["kind"] for entry in project["clusterResourceWhitelist"]}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_key_of_a_secret_that_any_component_reads_is_made_at_random(name: str) -> None:
    (secret,) = json.loads(annotated(name)["gitops-bootstrap.io/secrets"])
    assert (secret["namespace"], secret["name"]) == (f"voting-app-{name}", "db")
    assert set(secret) == {"namespace", "name", "generate"}  # no literal stands in Git
    everything = tuple(component for component in voting_app.COMPONENTS if component != "mesh-ambient")
    text = voting_app.chosen_text(everything)
    read = set(re.findall(r"^ *- key: ([\w-]+)$", text, re.M)) | set(
        re.findall(r"^ *key: ([\w-]*password)$", text, re.M)
    )
    assert {key for key in read if key.endswith("password")} == set(secret["generate"])


@pytest.mark.parametrize("name", NAMES)
def test_what_it_requires_is_a_component_of_the_catalog(name: str) -> None:
    wanted = annotated(name).get("gitops-bootstrap.io/requires", "")
    assert {part.strip() for part in wanted.split(",") if part.strip()} <= COMPONENTS


def test_alerts_and_dashboard_hold_nothing_back() -> None:
    waves = {name: int(annotated(name)["argocd.argoproj.io/sync-wave"]) for name in NAMES}
    assert waves["monitoring"] > max(waves[name] for name in ENVIRONMENTS)
