"""`bootstrap cluster move` between two repositories of a real Git host."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.argocd import syncs
from bootstrap.cluster.move import undone_projects
from tests.conftest import Result, Run, cache_key, programs_cache
from tests.documented import undocumented
from tests.git_repositories import git
from tests.openpgp import keys
from tests.sandbox.kubernetes import apply_as, made
from tests.sandbox.living import application, killed_after_each_step
from tests.sandbox.world import AUTHOR, World


def moved_to(world: World) -> str:
    return world.url.removesuffix(".git") + "-moved.git"


def mirrored(world: World) -> None:
    """The history at the new URL, as a person brings it there."""
    owner, _, name = world.name.partition("/")
    world.api("POST", f"/orgs/{owner}/repos", {"name": f"{name}-moved"})
    address = moved_to(world).replace("://", f"://{world.sandbox.git_username}:{world.token}@")
    subprocess.run(["git", "push", "-q", "--mirror", address], cwd=world.bare(), check=True)


def environ(world: World) -> dict[str, str]:
    programs = {"BOOTSTRAP_CACHE_DIR": str(programs_cache()), "BOOTSTRAP_CACHE_KEY": str(cache_key())}
    return {**world.environ, **programs}


def arguments(world: World, *more: str) -> list[str]:
    given = ["--username", world.sandbox.git_username, "--author", AUTHOR, "--no-wait", *more]
    return ["cluster", "move", world.url, moved_to(world), *given]


def moved_bare(world: World) -> Path:
    return Path(str(world.bare()).removesuffix(".git") + "-moved.git")


def move(world: World, run: Run, *more: str) -> Result:
    return run(*arguments(world, "--yes", *more), env=environ(world))


def state(world: World, home: str = "argocd") -> dict[str, Any]:
    """Whom the cluster follows, by what credentials, and each repository's webhooks; Argo CD is in `home`."""
    found = kube.get(world.cluster, "argoproj.io/v1alpha1", "Application", home, "root")
    project = kube.get(world.cluster, "argoproj.io/v1alpha1", "AppProject", home, "apps")
    assert found is not None
    assert project is not None
    secrets = kube.list_objects(
        world.cluster, "v1", "Secret", home, "argocd.argoproj.io/secret-type=repository"
    )
    hooks = {
        name: [
            hook["config"]["url"].partition("?")[0] for hook in world.api("GET", f"/repos/{name}/hooks") or []
        ]
        for name in (world.name, f"{world.name}-moved")
    }
    return {
        "root": found["spec"]["sources"][0]["repoURL"],
        "projects": project["spec"]["sourceRepos"],
        "secrets": sorted(base64.b64decode(item["data"]["url"]).decode() for item in secrets),
        "hooks": hooks,
    }


def expected(world: World) -> dict[str, Any]:
    new = moved_to(world)
    hook = "http://127.0.0.1:1/api/webhook"
    return {
        "root": new,
        "projects": [new],
        "secrets": [new],
        "hooks": {world.name: [], f"{world.name}-moved": [hook]},
    }


@pytest.fixture
def followed(lived: World) -> World:
    lived.up("--argocd-url", "http://127.0.0.1:1")
    return lived


def test_a_cluster_follows_the_new_repository_and_forgets_the_old_one(followed: World, run: Run) -> None:
    mirrored(followed)
    tip = git(followed.bare(), "rev-parse", "main")
    looked = move(followed, run, "--dry-run")
    assert looked.exit == 1, looked.err
    assert state(followed)["root"] == followed.url
    done = move(followed, run)
    assert done.exit == 0, done.err
    assert state(followed) == expected(followed)
    assert git(followed.bare(), "rev-parse", "main") == tip
    bare = moved_bare(followed)
    assert f"repoURL: {moved_to(followed)}" in git(bare, "show", "main:clusters/default/settings.yaml")
    assert followed.url not in git(bare, "show", "main:clusters/default/projects.yaml")
    again = move(followed, run, "-o", "json")
    assert again.exit == 0, again.err
    assert undocumented("bootstrap init", json.loads(again.out)) == set()
    assert state(followed) == expected(followed)


def test_what_is_pushed_to_the_new_repository_is_signed_on_request(
    followed: World, run: Run, tmp_path: Path
) -> None:
    mirrored(followed)
    with keys() as openpgp:
        key = openpgp.make("ada")
        (Path(followed.environ["HOME"]) / ".gitconfig").write_text(openpgp.configuration(key))
        done = move(followed, run, "--sign")
        assert done.exit == 0, done.err
        bare = Path(str(followed.bare()).removesuffix(".git") + "-moved.git")
        checked = subprocess.run(
            ["git", "-c", f"gpg.program={openpgp.program}", "verify-commit", "--raw", "main"],
            cwd=bare,
            capture_output=True,
            text=True,
        )
        assert f"GOODSIG {key}" in checked.stderr


def test_until_nothing_reads_the_old_one_the_projects_permit_both(followed: World, run: Run) -> None:
    """A child that Argo CD has made names the old URL until its wave comes: it stays valid meanwhile."""
    mirrored(followed)
    child = application("shop", 1)
    child["spec"]["source"]["repoURL"] = followed.url
    kube.apply(followed.cluster, [made(child)], namespace="argocd")
    done = move(followed, run)
    assert done.exit == 0, done.err
    assert "the AppProjects still permit the old URL: shop read from" in done.err
    assert state(followed)["projects"] == [moved_to(followed), followed.url]
    assert followed.url in git(moved_bare(followed), "show", "main:clusters/default/projects.yaml")
    child["spec"]["source"]["repoURL"] = moved_to(followed)
    kube.apply(followed.cluster, [made(child)], namespace="argocd")
    again = move(followed, run)
    assert again.exit == 0, again.err
    assert state(followed) == expected(followed)
    assert followed.url not in git(moved_bare(followed), "show", "main:clusters/default/projects.yaml")


def test_a_project_that_a_late_sync_of_the_old_repository_has_undone_is_found_and_set_again(
    followed: World, run: Run
) -> None:
    old, new = followed.url, moved_to(followed)
    late = made({**project(followed), "metadata": {"name": "apps", "namespace": "argocd"}})
    mirrored(followed)
    child = application("shop", 1)
    child["spec"]["source"]["repoURL"] = old  # so that both stay permitted
    kube.apply(followed.cluster, [made(child)], namespace="argocd")
    assert move(followed, run).exit == 0
    assert undone_projects(followed.cluster, old, new) == []
    apply_as(followed.cluster, late, "argocd", "argocd-controller")
    assert undone_projects(followed.cluster, old, new) == ["apps"]
    given = ("--username", followed.sandbox.git_username, "--author", AUTHOR, "--yes", "--no-wait")
    again = run("init", new, *given, env=environ(followed))
    assert again.exit == 0, again.err
    assert "apply AppProjects (1 object)" in again.err
    assert undone_projects(followed.cluster, old, new) == []
    assert state(followed)["projects"] == [new, old]


def test_a_sync_of_the_old_repository_is_ended_and_no_other(
    followed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No controller runs here: it is asked to end the sync, and waited for in vain."""
    monkeypatch.setattr(syncs, "_PATIENCE", 0.0)
    for name, url in (("late", followed.url), ("other", "https://git.example.com/other.git")):
        one = application(name, 1)
        one["operation"] = {"sync": {"revision": "main"}}
        result = {"syncResult": {"revision": "1", "source": {"repoURL": url}}}
        state = {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z", "operation": {}, **result}
        one["status"] = {"operationState": state}
        apply_as(followed.cluster, made(one), "argocd", "argocd-controller")
    assert syncs.end_those_of(followed.cluster, followed.url) == ["late"]
    ended, other = (
        kube.get(followed.cluster, "argoproj.io/v1alpha1", "Application", "argocd", name)
        for name in ("late", "other")
    )
    assert ended is not None
    assert other is not None
    assert "operation" not in ended
    assert ended["status"]["operationState"]["phase"] == "Terminating"
    assert "operation" in other
    assert other["status"]["operationState"]["phase"] == "Running"


def project(world: World) -> dict[str, Any]:
    """AppProject apps as Argo CD would sync it."""
    found = kube.get(world.cluster, "argoproj.io/v1alpha1", "AppProject", "argocd", "apps")
    assert found is not None
    return {"apiVersion": found["apiVersion"], "kind": found["kind"], "spec": found["spec"]}


def test_a_repository_without_the_history_changes_nothing(followed: World, run: Run) -> None:
    before = state(followed)
    refused = move(followed, run)
    assert refused.exit == 3
    assert "git clone --bare" in refused.err
    assert state(followed) == before


def test_a_cluster_that_follows_a_third_repository_is_refused(followed: World, run: Run) -> None:
    other = "https://git.example.com/platform/other.git"
    refused = run("cluster", "move", other, moved_to(followed), "--yes", env=environ(followed))
    assert refused.exit == 3
    assert f"the cluster follows {followed.url}" in refused.err


def test_killed_after_every_change_the_next_run_goes_on(followed: World, run: Run, tmp_path: Path) -> None:
    mirrored(followed)
    followed.environ.update(environ(followed))
    told = ("bootstrap.init.run,bootstrap.cluster.move", tmp_path / "steps")
    killed = killed_after_each_step(followed, *told, *arguments(followed, "--yes"))
    assert {
        "PushFiles",
        "ServerSideApply",
        "EnsureSecret",
        "ForgetHost",
        "ForgetSource",
        "ForgetCredential",
    } <= set(killed)
    assert state(followed) == expected(followed)
