"""Killed at any step and run again, `uninstall` ends in the state of an undisturbed run."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.argocd import removal
from bootstrap.sandbox.addresses import Sandbox
from tests.sandbox import kubernetes
from tests.sandbox import world as worlds
from tests.sandbox.living import command, killed_after_each_step, let_go, lived_in, settle
from tests.sandbox.world import World

NAME = "removed"


def arguments(world: World) -> list[str]:
    return ["uninstall", "--yes", world.cluster.context]


def state(world: World) -> dict[str, Any]:
    """All that is left, and the kinds that the API server serves."""
    world.cluster.kinds.clear()
    settle(world)
    found = world.objects()
    web = kube.get(world.cluster, "apps/v1", "Deployment", "shop", "web")
    found["web"] = web is not None
    return {key: value for key, value in found.items() if not key.startswith("Deployment shop/")}


def make(living: Sandbox, manifest: Path, home: Path) -> World:
    let_go(kubernetes.admin(living))
    world = worlds.make(living, manifest, NAME, home)
    world.api("DELETE", f"/repos/{world.name}")
    lived_in(world)
    return world


@pytest.fixture(scope="session")
def undisturbed(
    living: Sandbox, small_manifest: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], float, int]:
    """What a run leaves behind, the seconds it takes as a process, and its number of steps."""
    world = make(living, small_manifest, tmp_path_factory.mktemp("undisturbed"))
    start = time.monotonic()
    done = command(world, *arguments(world))
    assert done.returncode == 0, done.stderr
    seconds = time.monotonic() - start
    return state(world), seconds, sum(line.startswith("uninstall: [") for line in done.stderr.splitlines())


@pytest.fixture
def fresh(living: Sandbox, small_manifest: Path, tmp_path: Path) -> World:
    return make(living, small_manifest, tmp_path)


def finish(world: World) -> dict[str, Any]:
    """Run again, undisturbed, and once more: that one has nothing to do."""
    done = command(world, *arguments(world))
    assert done.returncode == 0, done.stderr
    again = command(world, *arguments(world))
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True), again.stdout
    return state(world)


def test_a_run_that_goes_on_names_what_stays_to_the_very_end(fresh: World, tmp_path: Path) -> None:
    """Also the one that begins when Argo CD's namespace, and with it all else, is gone."""
    told = ("bootstrap.uninstall.run", str(tmp_path / "steps"), *arguments(fresh))
    said = []
    while (done := command(fresh, *told, module="tests.sandbox.killed")).returncode == -signal.SIGKILL:
        said.append(done.stderr)
    assert (done.returncode, "nothing to do" in done.stdout) == (0, True), done.stderr
    assert "delete Namespace argocd" in said[-2]
    assert "delete Namespace argocd" not in said[-1]
    for text in said:
        stays = text.partition("stays")[2].partition("is lost for good")[0]
        assert all(name in stays for name in ("db", "shop")), text
    assert kube.get(fresh.cluster, "v1", "ConfigMap", removal.PLACE, removal.NAME) is None


def test_killed_after_every_change_the_next_run_goes_on(
    fresh: World, undisturbed: tuple[dict[str, Any], float, int], tmp_path: Path
) -> None:
    expected, _, steps = undisturbed
    told = ("bootstrap.uninstall.run", tmp_path / "steps")
    killed = killed_after_each_step(fresh, *told, *arguments(fresh))
    assert len(killed) >= steps, killed
    assert finish(fresh) == expected
