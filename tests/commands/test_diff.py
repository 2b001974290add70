"""`bootstrap diff` shows what a change of Git changes in the rendered objects."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clones import clone
from tests.conftest import Run
from tests.repositories import OURS, write

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from bootstrap.invocation import Invocation
    from bootstrap.render import kustomize

    program = Path(kustomize(Invocation()))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(tmp_path / "cache"))
    root = write(tmp_path / "repo", OURS)
    git(root, "init", "-b", "main")
    commit(root)
    return root


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
    (change,) = json.loads(result.out)["changes"]
    assert (change["object"], change["application"]) == ("Deployment shop-dev/web", "argocd/shop-dev")
    assert any(line.endswith("web:1.2.4") and line[0] == "+" for line in change["diff"])
    assert run("diff", str(repository), "--app", "other").exit == 0


def test_two_revisions_are_compared_without_touching_the_work_tree(run: Run, repository: Path) -> None:
    overlay = repository / OVERLAY
    overlay.write_text(overlay.read_text().replace("1.2.3", "1.2.4"))
    commit(repository)
    overlay.write_text("not: [even yaml")
    result = run("diff", str(repository), "--rev", "HEAD~1..HEAD", "-o", "markdown")
    assert result.exit == 1
    assert "<code>Deployment shop-dev/web</code>" in result.out
    assert run("diff", str(repository), "--rev", "HEAD..HEAD").exit == 0


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
    vote.write_text(vote.read_text().replace("memory: 256Mi", "memory: 257Mi"))
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
