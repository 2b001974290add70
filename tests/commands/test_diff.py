"""`bootstrap diff` shows what a change of Git changes in the rendered objects."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import registries
from tests.clones import clone
from tests.conftest import Run
from tests.documented import undocumented
from tests.registries import Registry
from tests.repositories import OURS, write

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from bootstrap.core.invocation import Invocation
    from bootstrap.repository.tools import kustomize

    program = Path(kustomize(Invocation()))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(tmp_path / "cache"))
    root = write(tmp_path / "repo", OURS)
    git(root, "init", "-b", "main")
    commit(root)
    return root


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with registries.running(tmp_path / "registry") as found:
        yield found


def git(root: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", ".")
    git(root, "commit", "-m", "change")


def test_same_is_0_and_says_so(run: Run, repository: Path) -> None:
    result = run("diff", str(repository))
    assert (result.exit, result.out) == (0, "")
    assert "nothing differs" in result.err


def test_change_of_a_tag_is_one_object_of_its_application(run: Run, repository: Path) -> None:
    overlay = repository / OVERLAY
    overlay.write_text(overlay.read_text().replace("1.2.3", "1.2.4"))
    result = run("diff", str(repository), "-o", "json")
    assert result.exit == 1
    answer = json.loads(result.out)
    assert undocumented("bootstrap diff", answer, "bootstrap validate") == set()
    (change,) = answer["changes"]
    assert (change["object"], change["application"]) == ("Deployment shop-dev/web", "argocd/shop-dev")
    assert any(line.endswith("web:1.2.4") and line[0] == "+" for line in change["diff"])
    assert run("diff", str(repository), "--app", "shop-dev").exit == 1
    assert run("diff", str(repository), "--app", "root").exit == 0
    other = run("diff", str(repository), "--app", "other")
    assert other.exit == 2
    assert "there is no Application other" in other.err
    assert "choose from: root, shop-dev" in other.err


def test_two_revisions_are_compared_without_touching_the_work_tree(run: Run, repository: Path) -> None:
    overlay = repository / OVERLAY
    overlay.write_text(overlay.read_text().replace("1.2.3", "1.2.4"))
    commit(repository)
    overlay.write_text("not: [even yaml")
    result = run("diff", str(repository), "--rev", "HEAD~1..HEAD", "-o", "markdown")
    assert result.exit == 1
    assert "<code>Deployment shop-dev/web</code>" in result.out
    assert run("diff", str(repository), "--rev", "HEAD..HEAD").exit == 0


def test_three_dots_are_what_a_branch_changed_since_it_left(run: Run, repository: Path) -> None:
    overlay, base = repository / OVERLAY, repository / "apps/shop/base/shop.yaml"
    git(repository, "checkout", "-b", "topic")
    overlay.write_text(overlay.read_text().replace("1.2.3", "1.2.4"))
    commit(repository)
    git(repository, "checkout", "main")
    base.write_text(base.read_text().replace("port: 80,", "port: 81,"))
    commit(repository)
    result = run("diff", str(repository), "--rev", "main...topic", "-o", "json")
    assert [one["object"] for one in json.loads(result.out)["changes"]] == ["Deployment shop-dev/web"]
    assert (
        len(json.loads(run("diff", str(repository), "--rev", "main..topic", "-o", "json").out)["changes"])
        == 2
    )
    git(repository, "checkout", "--orphan", "apart")
    commit(repository)
    apart = run("diff", str(repository), "--rev", "main...apart")
    assert apart.exit == 2
    assert "main and apart have no commit in common" in apart.err


def test_cluster_that_is_new_is_all_that_differs_and_one_that_is_nowhere_is_refused(
    run: Run, repository: Path
) -> None:
    write(
        repository, {path.replace("/one/", "/two/"): text for path, text in OURS.items() if "/one/" in path}
    )
    result = run("diff", str(repository), "--cluster", "two", "-o", "json")
    changes = json.loads(result.out)["changes"]
    assert {one["change"] for one in changes} == {"add"}
    nowhere = run("diff", str(repository), "--cluster", "three")
    assert nowhere.exit == 2
    assert "choose from: one, two" in nowhere.err


def test_folder_without_history_is_not_asked_to_fetch(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "plain", OURS)
    plain = run("diff", str(root))
    assert (plain.exit, "fetch" in plain.err) == (2, False)
    assert "not in a Git repository" in plain.err
    git(root, "init", "-b", "main")
    empty = run("diff", str(root))
    assert (empty.exit, "fetch" in empty.err) == (2, False)
    assert "no commit yet" in empty.err


def test_switching_a_component_on_adds_its_objects(run: Run, repository: Path) -> None:
    cluster = repository / "clusters/one/kustomization.yaml"
    cluster.write_text(cluster.read_text().replace("# - ../../apps", "- ../../apps"))
    result = run("diff", str(repository))
    assert "+ Application argocd/shop-production" in result.out
    assert "+ Deployment shop-production/web" in result.out


def test_unknown_revision_is_an_input_error(run: Run, repository: Path) -> None:
    assert run("diff", str(repository), "--rev", "nowhere").exit == 2
    assert run("diff", str(repository), "--rev", "--output=x").exit == 2
    assert run("diff", str(repository), "--rev", "HEAD", "--live").exit == 2


def test_layout_that_is_elsewhere_than_its_applications_say_is_followed(
    run: Run, repository: Path, tmp_path: Path
) -> None:
    """As `init` lays it out: the cluster's settings replace the URL that the Applications have."""
    tree = clone(tmp_path / "own")
    settings = tree / "clusters/default/settings.yaml"
    settings.write_text(settings.read_text().replace("git.example.com/platform", "git.corp.test/team"))
    commit(tree)
    git(tree, "remote", "set-url", "origin", "git@git.corp.test:team/gitops.git")
    vote = tree / "apps/voting-app/base/vote.yaml"
    vote.write_text(vote.read_text().replace("memory: 224Mi", "memory: 225Mi"))
    commit(tree)
    result = run("diff", str(tree), "--rev", "HEAD^1..HEAD", "-o", "json")
    changed = [one["object"] for one in json.loads(result.out)["changes"]]
    assert ["vote" in str(one) for one in changed] == [True], result.out
    work = tmp_path / "work"
    git(tree, "worktree", "add", str(work))
    (work / "apps/voting-app/base/vote.yaml").write_text(
        vote.read_text().replace("targetPort: http", "targetPort: htpt")
    )
    assert "GB304" in run("validate", str(work)).out


def test_what_matters_is_told_apart(run: Run, repository: Path) -> None:
    overlay = repository / OVERLAY
    overlay.write_text(overlay.read_text().replace("1.2.3", "1.2.4"))
    result = run("diff", str(repository), "-o", "json")
    (matter,) = json.loads(result.out)["matters"]
    assert (matter["topic"], matter["object"]) == ("images", "Deployment shop-dev/web")
    assert matter["text"].endswith("web:1.2.4")
    assert "Other images:" in run("diff", str(repository)).out
    shown = run("diff", str(repository), "-o", "markdown").out
    assert shown.startswith("**Other images**")
    assert "web:1.2.4 &#40;apps/shop/" in shown
    assert json.loads(run("diff", str(repository), "--app", "root", "-o", "json").out)["matters"] == []


def test_what_cannot_be_rendered_any_more_is_not_told_as_removed(run: Run, repository: Path) -> None:
    """Argo CD leaves everything as it is, and its sync fails."""
    overlay = repository / OVERLAY
    overlay.write_text(overlay.read_text().replace("../../base", "../../nothing"))
    result = run("diff", str(repository), "-o", "json")
    told = json.loads(result.out)
    assert (result.exit, told["changes"]) == (1, [])
    (matter,) = told["matters"]
    assert (matter["topic"], matter["application"]) == ("fails", "argocd/shop-dev")
    assert "../../nothing" in matter["text"]
    commit(repository)
    assert json.loads(run("diff", str(repository), "-o", "json").out)["matters"] == []


def test_object_next_to_charts_that_are_not_rendered_differs_and_the_charts_are_named(
    run: Run, repository: Path
) -> None:
    overlay = repository / OVERLAY
    chart = (
        "{name: stack, repo: https://charts.example.com, version: 65.1.0, releaseName: s, valuesFile: v.yaml}"
    )
    overlay.write_text(f"{overlay.read_text()}helmCharts: [{chart}]\n")
    (overlay.parent / "v.yaml").write_text("a: 1\n")
    commit(repository)
    shop = repository / "apps/shop/base/shop.yaml"
    shop.write_text(shop.read_text().replace("cpu: 10m", "cpu: 99m"))
    result = run("diff", str(repository))
    assert (result.exit, "99m" in result.out) == (1, True), (result.out, result.err)
    commit(repository)
    (overlay.parent / "v.yaml").write_text("a: 2\n")
    values = run("diff", str(repository))
    assert "nothing differs" not in values.err
    assert "v.yaml" in values.out + values.err


def test_images_that_a_registry_does_not_have_are_found_when_asked(
    run: Run, repository: Path, registry: Registry
) -> None:
    registry.push("shop/web", "there")
    overlay = repository / OVERLAY
    for tag, missing in (("there", 0), ("missing", 1)):
        git(repository, "checkout", "--quiet", "--", ".")
        new = f"newName: {registry.host}/shop/web\n    newTag: {tag}"
        overlay.write_text(re.sub(r'newTag: "?[\d.]+"?', new, overlay.read_text()))
        result = run("diff", str(repository), "--check-images", "-o", "json")
        fails = [one for one in json.loads(result.out)["matters"] if one["topic"] == "fails"]
        assert len(fails) == missing, result.out


APPLICATION = "apps/shop/applications/dev/application.yaml"


@pytest.mark.parametrize("finalizer", [True, False])
def test_an_app_that_is_switched_off_is_gone_though_its_files_stay(
    run: Run, repository: Path, finalizer: bool
) -> None:
    file = repository / APPLICATION
    assert "resources-finalizer" in file.read_text()
    if not finalizer:
        lines = [line for line in file.read_text().splitlines() if "finalizer" not in line]
        file.write_text("\n".join(lines) + "\n")
        commit(repository)
    cluster = repository / "clusters/one/kustomization.yaml"
    cluster.write_text(cluster.read_text().replace("  - ../../apps/shop/applications/dev\n", ""))
    told = json.loads(run("diff", str(repository), "-o", "json").out)["matters"]
    left = [one for one in told if "nobody manages it" in one["text"]]
    assert bool(left) is not finalizer
    shown = run("diff", str(repository), "-o", "markdown").out
    assert "<summary>remove 3 objects</summary>" in shown
    assert "- <code>Deployment shop-dev/web</code>" in shown
    assert "containerPort" not in shown


def test_a_new_version_of_a_chart_that_is_not_rendered_is_told_first(run: Run, repository: Path) -> None:
    chart = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cache, namespace: argocd}
spec:
  project: apps
  source: {repoURL: https://charts.example.com, chart: redis, targetRevision: 1.2.3}
  destination: {server: https://kubernetes.default.svc, namespace: cache}
"""
    file = repository / "clusters/one/cache.yaml"
    cluster = repository / "clusters/one/kustomization.yaml"
    cluster.write_text(cluster.read_text().replace("resources:\n", "resources:\n  - cache.yaml\n"))
    file.write_text(chart)
    new = run("diff", str(repository), "-o", "markdown").out
    assert "chart redis 1.2.3: what it changes in the cluster is not shown" in new
    commit(repository)
    file.write_text(chart.replace("1.2.3", "2.0.0"))
    shown = run("diff", str(repository), "-o", "markdown").out
    assert shown.startswith(
        "**Changed, and not shown**\n\n- <code>Application argocd/cache</code>: chart redis 1.2.3 →"
    )
    assert "--fetch-charts" in shown
    commit(repository)
    (repository / OVERLAY).write_text((repository / OVERLAY).read_text().replace("1.2.3", "1.2.4"))
    assert "not shown" not in run("diff", str(repository), "-o", "markdown").out


def test_the_same_lines_of_many_applications_are_shown_once(run: Run, repository: Path) -> None:
    cluster = repository / "clusters/one/kustomization.yaml"
    cluster.write_text(cluster.read_text().replace("  # - ../../apps/shop", "  - ../../apps/shop"))
    commit(repository)
    base = repository / "apps/shop/base/shop.yaml"
    base.write_text(base.read_text().replace("containerPort: 8080", "containerPort: 9090"))
    shown = run("diff", str(repository), "-o", "markdown").out
    assert "2 changed, 0 removed, in 2 Applications" in shown
    assert shown.count("containerPort: 9090") == 1
    assert "- change <code>Deployment shop-production/web</code>: the same lines as <code>" in shown


SAME_SELECTOR = "labels: [{pairs: {owner: team-a}, includeSelectors: false}]\n"


@pytest.mark.parametrize(
    ("labels", "fails"), [("commonLabels: {owner: team-a}\n", True), (SAME_SELECTOR, False)]
)
def test_label_that_reaches_a_selector_makes_the_sync_fail(
    run: Run, repository: Path, labels: str, fails: bool
) -> None:
    """As in kubernetes-sigs/kustomize#1009."""
    overlay = repository / OVERLAY
    overlay.write_text(overlay.read_text() + labels)
    result = run("diff", str(repository))
    assert result.exit == 1
    assert "~ Deployment shop-dev/web" in result.out
    said = "Deployment shop-dev/web: spec.selector is immutable: the sync fails; leave the selector as it was"
    assert (said in result.out) is fails
    assert ("is immutable" in result.out) is fails


@pytest.mark.parametrize(("option", "fails"), [("Prune=false", True), ("Force=true,Replace=true", False)])
def test_other_image_of_a_job_makes_the_sync_fail_unless_it_is_replaced(
    run: Run, repository: Path, option: str, fails: bool
) -> None:
    """As in konstructio/gitops-template#792."""
    about = f"{{name: build, annotations: {{argocd.argoproj.io/sync-options: '{option}'}}}}"
    pod = "{restartPolicy: Never, containers: [{name: build, image: registry.example.com/build:1}]}"
    job = f"apiVersion: batch/v1\nkind: Job\nmetadata: {about}\nspec: {{template: {{spec: {pod}}}}}\n"
    overlay = repository / OVERLAY
    overlay.write_text(overlay.read_text().replace("- ../../base", "- ../../base\n  - job.yaml"))
    write(repository, {f"{Path(OVERLAY).parent}/job.yaml": job})
    commit(repository)
    write(repository, {f"{Path(OVERLAY).parent}/job.yaml": job.replace("build:1", "build:2")})
    result = run("diff", str(repository))
    assert result.exit == 1
    assert "build:1 → registry.example.com/build:2" in result.out
    assert ("Job shop-dev/build: spec.template is immutable: the sync fails" in result.out) is fails
