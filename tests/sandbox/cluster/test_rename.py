"""`bootstrap cluster rename` on a real API server and a real Git host; no Argo CD runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.layout.settings import parse_record
from tests.conftest import Result, Run, cache_key, programs_cache
from tests.git_repositories import Bare, git
from tests.sandbox.living import killed_after_each_step
from tests.sandbox.upgrade.test_upgrade import merge
from tests.sandbox.world import AUTHOR, World


def arguments(world: World, name: str, *more: str) -> list[str]:
    given = ["--username", world.sandbox.git_username, "--author", AUTHOR, "--no-wait", "--yes", *more]
    return ["cluster", "rename", world.url, name, *given]


def rename(world: World, run: Run, name: str, *more: str) -> Result:
    return run(*arguments(world, name, *more), env=world.environ)


@pytest.fixture
def followed(world: World) -> World:
    world.environ |= {"BOOTSTRAP_CACHE_DIR": str(programs_cache()), "BOOTSTRAP_CACHE_KEY": str(cache_key())}
    world.up()
    return world


def root(world: World) -> str:
    found = kube.get(world.cluster, "argoproj.io/v1alpha1", "Application", "argocd", "root")
    assert found is not None
    return str(found["spec"]["sources"][0]["path"])


def state(world: World) -> dict[str, Any]:
    record = parse_record(world.files()["bootstrap.yaml"])
    return {
        "root": root(world),
        "clusters": dict(record.clusters),
        "files": {path: text for path, text in world.files().items() if path != "bootstrap.yaml"},
        "objects": world.objects(),
        "subjects": git(world.bare(), "log", "--first-parent", "--format=%s", "main").splitlines(),
    }


def test_a_cluster_gets_another_name_and_another_domain(followed: World, run: Run) -> None:
    before = followed.objects()
    looked = rename(followed, run, "edge", "--dry-run")
    assert looked.exit == 1, looked.err
    assert "move clusters/default to clusters/edge" in looked.err
    assert (root(followed), followed.objects()) == ("clusters/default", before)

    done = rename(followed, run, "edge", "--domain", "example.net")
    assert done.exit == 0, done.err
    assert root(followed) == "clusters/edge"
    files = followed.files()
    assert not [path for path in files if path.startswith("clusters/default/")]
    assert b"cluster: edge" in files["clusters/edge/settings.yaml"]
    assert b"domain: example.net" in files["clusters/edge/settings.yaml"]
    assert b"vote.dev.example.net" in files["apps/voting-app/overlays/dev/settings.yaml"]
    assert followed.objects().keys() == before.keys(), "nothing was deleted, and nothing is new"
    again = rename(followed, run, "edge")
    assert again.exit == 0, again.err
    as_init = followed.init("--cluster", "edge")
    assert (as_init.exit, "nothing to do" in as_init.out) == (0, True), as_init.err


def test_after_it_the_catalog_still_knows_what_it_laid_out(followed: World, run: Run) -> None:
    assert rename(followed, run, "edge").exit == 0
    path = "clusters/edge/kustomization.yaml"
    Bare.at(followed.bare()).commit({path: followed.files()[path] + b"# mine\n"})
    looked = run(
        "upgrade",
        "--repo",
        followed.url,
        "--username",
        followed.sandbox.git_username,
        "--push",
        "--dry-run",
        env=followed.environ,
    )
    assert (looked.exit, "nothing to do" in looked.out) == (0, True), looked.out + looked.err


def test_killed_after_every_change_it_goes_on(followed: World, run: Run, tmp_path: Path) -> None:
    tip = git(followed.bare(), "rev-parse", "main")
    assert rename(followed, run, "edge").exit == 0
    expected = state(followed)
    git(followed.bare(), "update-ref", "refs/heads/main", tip)
    assert followed.init("--force-conflicts").exit == 0
    assert root(followed) == "clusters/default"
    told = ("bootstrap.cluster.rename,bootstrap.init.run", tmp_path / "steps")
    killed = killed_after_each_step(followed, *told, *arguments(followed, "edge"))
    assert killed == ["MoveFolder", "ServerSideApply"]
    assert state(followed) == expected


def test_on_a_protected_branch_it_goes_through_a_request(followed: World, run: Run) -> None:
    rule = {"branch_name": "main", "rule_name": "main", "enable_push": False}
    followed.api("POST", f"/repos/{followed.name}/branch_protections", rule)
    asked = rename(followed, run, "edge", "--pr")
    assert asked.exit == 0, asked.err
    assert root(followed) == "clusters/default"
    (request,) = followed.api("GET", f"/repos/{followed.name}/pulls?state=open")
    merge(followed, request["number"])
    done = rename(followed, run, "edge", "--pr")
    assert done.exit == 0, done.err
    assert root(followed) == "clusters/edge"


def test_what_is_not_this_cluster_or_no_name_changes_nothing(followed: World, run: Run) -> None:
    tip = git(followed.bare(), "rev-parse", "main")
    other = run(
        "cluster", "rename", "https://git.example.com/other.git", "edge", "--yes", env=followed.environ
    )
    assert (other.exit, f"the cluster follows {followed.url}" in other.err) == (3, True)
    wrong = rename(followed, run, "Edge/one")
    assert wrong.exit == 2, wrong.err
    assert (root(followed), git(followed.bare(), "rev-parse", "main")) == ("clusters/default", tip)
