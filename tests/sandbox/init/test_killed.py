"""Killed at any moment and run again, `init` ends in the state of an undisturbed run."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.layout.settings import parse_record
from bootstrap.sandbox.addresses import Sandbox
from tests.git_repositories import git
from tests.sandbox import world as worlds
from tests.sandbox.world import World

OPTIONS = ("--argocd-url", "http://127.0.0.1:1", "--no-wait")
STEPS = 9
"""Repository, push, Argo CD, four Secrets or more, webhook, AppProjects, root: no fewer."""
MOMENTS = [random.Random(number).random() for number in range(20)]  # noqa: S311
"""When to kill, as a part of the time that an undisturbed run takes; the same in every run."""
ROOT = Path(__file__).parents[3]


def state(world: World) -> dict[str, Any]:
    """All that a run leaves behind, without names and values that differ by chance."""
    repository = world.api("GET", f"/repos/{world.name}")
    hooks = [{**hook["config"], "url": hook["config"]["url"].partition("?")[0]} for hook in world.webhooks()]
    record = parse_record(world.files()["bootstrap.yaml"])
    assert record.catalog_commit == git(world.bare(), "rev-parse", "main~1")
    return {
        "history": world.history(),
        "record": replace(record, catalog_commit="the commit before"),
        "private": repository["private"],
        "webhooks": hooks,
        "objects": world.objects(),
    }


@pytest.fixture(scope="session")
def url_name() -> str:
    """One name for all: it is in the files, so that trees can be compared."""
    return "killed"


@pytest.fixture
def fresh(hosts: Sandbox, small_manifest: Path, tmp_path: Path, url_name: str) -> World:
    """An empty cluster and no repository."""
    world = worlds.make(hosts, small_manifest, url_name, tmp_path)
    world.api("DELETE", f"/repos/{world.name}")
    return world


@pytest.fixture(scope="session")
def undisturbed(
    hosts: Sandbox, small_manifest: Path, tmp_path_factory: pytest.TempPathFactory, url_name: str
) -> tuple[dict[str, Any], float, int]:
    """What a run leaves behind, the seconds it takes as a process of its own, and its number of steps."""
    world = worlds.make(hosts, small_manifest, url_name, tmp_path_factory.mktemp("undisturbed"))
    world.api("DELETE", f"/repos/{world.name}")
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "bootstrap", *world.options(*OPTIONS)],
        env=world.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    steps = sum(line.startswith("init: [") for line in done.stderr.splitlines())
    return state(world), time.monotonic() - start, steps


def finish(world: World) -> dict[str, Any]:
    """Run again, undisturbed, and once more: that one has nothing to do."""
    done = world.init(*OPTIONS[:2])
    assert done.exit == 0, done.err
    return state(world)


@pytest.mark.parametrize("step", range(12))
def test_killed_at_a_step_boundary(
    fresh: World, undisturbed: tuple[dict[str, Any], float, int], step: int
) -> None:
    expected, _, steps = undisturbed
    assert STEPS <= steps <= 11, "every boundary has a number here"
    if step > steps:
        step = steps  # after the last one, too
    killed = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.init.killed_init", str(step), *fresh.options(*OPTIONS)],
        env=fresh.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr
    assert finish(fresh) == expected


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_random_moment(
    fresh: World, undisturbed: tuple[dict[str, Any], float, int], moment: float
) -> None:
    expected, seconds, _ = undisturbed
    process = subprocess.Popen(
        [sys.executable, "-m", "bootstrap", *fresh.options(*OPTIONS)],
        env=fresh.environ,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(timeout=moment * seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert finish(fresh) == expected


def test_killed_again_and_again_it_still_gets_there(
    fresh: World, undisturbed: tuple[dict[str, Any], float, int]
) -> None:
    """Each run carries out one step more than the one before left over, and is killed."""
    expected, _, steps = undisturbed
    for _ in range(steps):
        killed = subprocess.run(
            [sys.executable, "-m", "tests.sandbox.init.killed_init", "1", *fresh.options(*OPTIONS)],
            env=fresh.environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert killed.returncode == -9, killed.stderr
    assert finish(fresh) == expected
