"""Killed before any step, `upgrade --pr` and `upgrade --argocd` end as an undisturbed run does."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

from bootstrap import kube
from bootstrap.kube.connection import request
from bootstrap.manifests import split
from tests import argocd_manifest
from tests.conftest import cache_key, programs_cache
from tests.git_repositories import git
from tests.sandbox.upgrade.test_upgrade import (
    HEAD,
    MARK,
    NEW,
    OLD,
    THEIRS,
    VALUES,
    controller,
    edited,
    open_requests,
)
from tests.sandbox.world import AUTHOR, World
from tests.upgrade.test_catalogs import wheel

__all__ = ["edited"]

ROOT = Path(__file__).parents[3]


def killed(world: World, number: int, arguments: list[str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.upgrade.killed_upgrade", str(number), *arguments],
        cwd=ROOT,
        env=world.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def steps_of(world: World, arguments: list[str]) -> int:
    """How many steps an undisturbed run has; the world is as it leaves it."""
    _, err = killed(world, 10**6, arguments)
    found = re.search(r"^changes: (\d+)$", err, re.MULTILINE)
    assert found, err
    return int(found[1])


def given(world: World, *more: str) -> list[str]:
    user = world.sandbox.git_username
    return ["upgrade", "--repo", world.url, "--username", user, "--author", AUTHOR, "--yes", *more]


def runs(world: World, commit: str) -> None:
    """The root Application is at the commit, as a controller says."""
    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/root"
    body = json.dumps({"status": {"sync": {"status": "Synced", "revisions": [commit]}}}).encode()
    request(
        world.cluster, "PATCH", path, "as Argo CD", body=body, content_type="application/merge-patch+json"
    )


def plain(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{40}\b", "ID", text)


def proposed(world: World) -> dict[str, object]:
    """What is on the host, without the ids of commits and the numbers of requests."""
    found: dict[str, object] = {
        "refs": git(world.bare(), "for-each-ref", "--format=%(refname)", "refs/heads")
    }
    for branch in (HEAD, f"{HEAD}-conflicts"):
        found[branch] = {path: plain(text.decode()) for path, text in world.files(branch).items()}
        found[f"{branch} subjects"] = git(world.bare(), "log", "--topo-order", "--format=%s", branch)
    requests = open_requests(world)
    found["requests"] = [(one["title"], one["body"], one["head"]["ref"]) for one in requests]
    return found


def test_killed_before_every_step_a_request_and_its_conflicts_are_there_once(
    edited: World, tmp_path: Path
) -> None:
    to = wheel(tmp_path, {**OLD, VALUES: THEIRS})
    arguments = given(edited, "--to", str(to), "--downgrade", "--pr")
    number = steps_of(edited, arguments)
    assert number == len(["push", "push of the conflicts", "request"])
    expected = proposed(edited)
    assert len(open_requests(edited)) == 1
    for step in range(number):
        for one in open_requests(edited):
            edited.api("PATCH", f"/repos/{edited.name}/pulls/{one['number']}", {"state": "closed"})
        for branch in (HEAD, f"{HEAD}-conflicts"):  # by git, as the host closes requests later than it says
            git(edited.bare(), "update-ref", "-d", f"refs/heads/{branch}")
        assert not open_requests(edited)
        assert killed(edited, step, arguments)[0] == -signal.SIGKILL
        again = edited.run(*arguments)
        assert again.exit == 1, again.err
        assert proposed(edited) == expected, step


def test_killed_before_every_step_argo_cd_moves_once(world: World, tmp_path: Path) -> None:
    world.environ |= {"BOOTSTRAP_CACHE_DIR": str(programs_cache()), "BOOTSTRAP_CACHE_KEY": str(cache_key())}
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_bytes(argocd_manifest.manifest("v3.5.7"))
    new.write_bytes(
        argocd_manifest.manifest(NEW).replace(b"metadata:\n", b"metadata:\n  annotations:\n" + MARK)
    )
    world.up("--argocd-manifest", str(old))
    tip = git(world.bare(), "rev-parse", "main")
    before = [one for one in split.split(old.read_bytes(), "old") if one.kind == "CustomResourceDefinition"]
    arguments = given(world, "--push", "--argocd", NEW, "--argocd-manifest", str(new), "--timeout", "60")

    def state() -> dict[str, object]:
        files = {path: plain(text.decode()) for path, text in world.files().items()}
        return {"history": world.history(), "files": files, "objects": world.objects()}

    with controller(world):
        number = steps_of(world, arguments)
        assert number == len(["wait", "CRDs", "push", "wait"])
        expected = state()
        assert "example.com/new" in str(expected["objects"])
        for step in range(number):
            git(world.bare(), "update-ref", "refs/heads/main", tip)
            runs(world, tip)
            kube.apply(world.cluster, before, force=True, namespace="argocd")
            assert "example.com/new" not in str(world.objects())
            assert killed(world, step, arguments)[0] == -signal.SIGKILL
            again = world.run(*arguments)
            assert again.exit == 0, again.err
            assert state() == expected, step
