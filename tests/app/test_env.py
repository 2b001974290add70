"""`bootstrap env`: a new environment is the old one under its own name, and takes nothing from any other."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.catalog import voting_app
from tests.clones import KUSTOMIZATION, changed, clone, files_below, status
from tests.conftest import Run
from tests.git_repositories import git

APP = "apps/voting-app"
IMAGE = ("--image", "ghcr.io/acme/web:1.0", "--port", "8080")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a laid-out repository, as the current folder, and kustomize on PATH."""
    found = clone(tmp_path)
    monkeypatch.chdir(found)
    monkeypatch.setenv("PATH", f"{Path(voting_app.kustomize()).parent}{os.pathsep}{os.environ['PATH']}")
    return found


def build(tree: Path, environment: str, app: str = "voting-app") -> str:
    return voting_app.run(tree / "apps" / app / "overlays" / environment)


def test_it_builds_to_the_same_objects_under_its_own_name_and_validates(run: Run, tree: Path) -> None:
    for name in ("shop", "queue"):
        kind = (
            IMAGE if name == "shop" else ("--chart", "oci://ghcr.io/acme/charts/queue", "--version", "1.2.3")
        )
        assert run("app", "add", name, *kind, "--env", "staging").exit == 0
    result = run("env", "add", "qa", "--from", "staging")
    assert result.exit == 0, result.err
    for app in ("voting-app", "shop"):
        was = build(tree, "staging", app).replace(f"{app}-staging", f"{app}-qa")
        assert build(tree, "qa", app) == was.replace(".staging.example.com", ".qa.example.com")
    application = (tree / "apps/queue/applications/qa/application.yaml").read_text()
    assert "$repo/apps/queue/overlays/qa/values.yaml" in application
    assert "staging" not in application
    found = run("validate", ".", "--fail-on", "info")
    assert (found.exit, found.out) == (0, ""), found.out


def test_its_lines_are_added_and_no_file_that_is_there_changes_but_the_clusters(run: Run, tree: Path) -> None:
    assert run("env", "add", "qa", "--from", "staging").exit == 0
    assert changed(tree, ".") == ["+  - ../../apps/voting-app/applications/qa  # voting-app, environment qa"]
    new = [line.removeprefix("?? ") for line in status(tree) if line.startswith("??")]
    names = [
        f"{kind}/{path}"
        for kind in ("overlays", "applications")
        for path in files_below(tree, f"{APP}/{kind}/qa")
    ]
    assert sorted(new) == sorted(f"{APP}/{name.replace('/', '/qa/', 1)}" for name in names)
    secrets = (tree / f"{APP}/applications/qa/application.yaml").read_text()
    assert '"namespace": "voting-app-qa"' in secrets
    assert "staging" not in secrets


def test_ports_of_the_nodes_are_left_to_the_environment_that_has_them(run: Run, tree: Path) -> None:
    result = run("env", "add", "qa", "--from", "dev")
    assert "nodeport is off in the new environment" in result.err
    assert "nodePort" in build(tree, "dev")
    assert "nodePort" not in build(tree, "qa")
    # Where dev does not run, they are free.
    assert run("component", "disable", "voting-app-dev", "voting-app-qa").exit == 0
    assert run("env", "add", "lab", "--from", "dev").exit == 0
    assert "nodePort: 31000" in build(tree, "lab")


HOSTS: Mapping[str, tuple[tuple[str, ...], list[str]]] = {
    "of the cluster's domain": (("qa", "--from", "dev"), ["vote.qa.example.com", "result.qa.example.com"]),
    "of a domain of its own": (
        ("qa", "--from", "dev", "--domain", "qa.test"),
        ["vote.qa.test", "result.qa.test"],
    ),
    "beside production": (("eu", "--from", "production"), ["vote.eu.example.com", "result.eu.example.com"]),
    "of production itself": (
        ("prod", "--from", "dev", "--domain", "a.test"),
        ["vote.a.test", "result.a.test"],
    ),
}


@pytest.mark.parametrize("case", HOSTS)
def test_hosts_are(run: Run, tree: Path, case: str) -> None:
    arguments, hosts = HOSTS[case]
    with_a_route(tree, "dev")
    result = run("env", "add", *arguments, "-o", "json")
    assert result.exit == 0, result.err
    assert json.loads(result.out)["apps"] == [
        {"app": "voting-app", "namespace": f"voting-app-{arguments[0]}", "hosts": hosts}
    ]


def with_a_route(tree: Path, environment: str) -> None:
    """Have an environment answer to its hosts: as shipped, dev has ports of the nodes alone."""
    path = tree / APP / "overlays" / environment / "kustomization.yaml"
    line = "- ../../components/ingress"
    path.write_text(path.read_text().replace(f"# {line}", line))


def test_hosts_that_nothing_answers_to_are_not_named(run: Run, tree: Path) -> None:
    added = run("env", "add", "qa", "--from", "dev")
    assert "voting-app: namespace voting-app-qa\n" in added.out
    environments = {one["name"]: one for one in json.loads(run("env", "list", "-o", "json").out)}
    assert environments["dev"]["hosts"] == environments["qa"]["hosts"] == []
    assert environments["staging"]["hosts"] == ["vote.staging.example.com", "result.staging.example.com"]
    assert "vote.dev.example.com" not in run("app", "list").out
    with_a_route(tree, "dev")
    assert "vote.dev.example.com" in run("app", "list").out


def test_app_without_an_application_of_that_environment_is_left_out(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *IMAGE, "--env", "dev").exit == 0
    shutil.rmtree(tree / "apps/shop/applications/dev")
    added = run("env", "add", "qa", "--from", "dev")
    assert added.exit == 0, added.err
    assert "shop has an overlay but no Application of dev" in added.err
    assert not (tree / "apps/shop/overlays/qa").exists()


def test_a_host_that_another_environment_has_is_refused(run: Run, tree: Path) -> None:
    result = run("env", "add", "prod", "--from", "dev")
    assert result.exit == ExitStatus.REFUSED
    assert "vote.example.com is taken" in result.err
    assert "--domain" in result.err
    assert status(tree) == []


def test_one_app_alone_gets_it_and_the_others_follow_later(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *IMAGE, "--host", "shop.dev.example.com").exit == 0
    assert run("env", "add", "qa", "--from", "dev", "--app", "shop").exit == 0
    assert "app.kubernetes.io/instance: shop-qa" in build(tree, "qa", "shop")
    assert not (tree / APP / "overlays/qa").exists()
    rest = run("env", "add", "qa", "--from", "dev")
    assert rest.exit == 0
    assert "shop has qa already" in rest.err
    assert (tree / APP / "overlays/qa").is_dir()
    assert run("env", "add", "qa", "--from", "dev").exit == ExitStatus.REFUSED
    assert run("app", "remove", "shop").exit == 0  # the copy is no person's edit
    assert not (tree / "apps/shop").exists()


def test_names_that_no_rule_foresaw_still_lead_to_a_namespace_of_its_own(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *IMAGE).exit == 0
    for path in (tree / "apps/shop").rglob("*.yaml"):
        path.write_text(path.read_text().replace("shop-dev", "shop"))
    settings = tree / "apps/shop/overlays/dev/settings.yaml"
    settings.write_text(settings.read_text() + "  url: https://shop.dev.example.com/a # said again\n")
    assert run("env", "add", "qa", "--from", "dev", "--app", "shop").exit == 0
    text = (tree / "apps/shop/applications/qa/application.yaml").read_text()
    assert text.count("shop-qa") == 2
    found = voting_app.objects(build(tree, "qa", "shop"))
    assert {item["metadata"].get("namespace", "shop-qa") for item in found} == {"shop-qa"}
    assert {item["metadata"]["name"] for item in found if item["kind"] in ("Service", "Deployment")} == {
        "shop"
    }
    copied = (tree / "apps/shop/overlays/qa/settings.yaml").read_text()
    assert "https://shop.qa.example.com/a # said again" in copied


def test_on_another_cluster_its_own_files_change_and_removing_clears_both(run: Run, tree: Path) -> None:
    shutil.copytree(tree / "clusters/default", tree / "clusters/edge")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "A second cluster")
    chart = ("--chart", "oci://ghcr.io/acme/charts/queue", "--version", "1.2.3")
    assert run("app", "add", "queue", *chart).exit == 0
    assert run("env", "add", "qa", "--from", "dev", "--app", "queue", "--cluster", "edge").exit == 0
    line = "+  - ../../apps/queue/applications/{0}  # queue, environment {0}"
    for cluster, environment in (("default", "dev"), ("edge", "qa")):
        assert changed(tree, f"clusters/{cluster}") == [
            line.format(environment),
            "+    - ghcr.io/acme/charts",
        ]
    assert run("app", "remove", "queue").exit == 0
    assert status(tree) == []


BAD: Mapping[str, tuple[tuple[str, ...], str]] = {
    "source": (("qa", "--from", "stagin"), "did you mean staging"),
    "app": (("qa", "--from", "staging", "--app", "votng"), "voting-app"),
    "name": (("QA", "--from", "staging"), "not a DNS label"),
    "same": (("staging", "--from", "staging"), "give two different names"),
    "domain": (("qa", "--from", "staging", "--domain", "https://x"), "is not a host name"),
    "cluster": (("qa", "--from", "staging", "--cluster", "edge"), "one of default"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_meant_is_one_clear_error_and_writes_nothing(run: Run, tree: Path, case: str) -> None:
    arguments, said = BAD[case]
    result = run("env", "add", *arguments)
    assert result.exit == ExitStatus.INPUT
    assert said in result.err
    assert status(tree) == []


def test_list_names_each_environment_its_apps_and_what_is_on(run: Run, tree: Path) -> None:
    found = {one["name"]: one for one in json.loads(run("env", "list", "-o", "json").out)}
    assert set(found) == {"dev", "staging", "production"}
    assert found["dev"]["on"] == ["voting-app"]
    assert (found["production"]["apps"], found["production"]["on"]) == (["voting-app"], [])
    assert "vote.staging.example.com" in run("env", "list").out


def test_push_makes_one_commit_and_a_dry_run_none(run: Run, tree: Path) -> None:
    url = git(tree, "remote", "get-url", "origin")
    asked = ("env", "add", "qa", "--from", "staging", "--repo", url)
    assert run(*asked, "--dry-run").exit == ExitStatus.NO
    assert run(*asked, "--push", "--author", "Ann <ann@example.org>").exit == 0
    git(tree, "pull", "--quiet")
    assert (
        git(tree, "log", "-1", "--format=%an %s")
        == "Ann Add environment qa (from staging) on cluster default"
    )
    assert KUSTOMIZATION in git(tree, "show", "--name-only", "--format=")
