"""Sixty pipelines, a person, and two ways back at once, over HTTP: nothing is lost, and nothing comes back.

Every pipeline began before it pushes, as pipelines do, and says so by `--built-at` or `--only-newer`.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from tests.git_http import serving
from tests.git_repositories import Bare, git
from tests.histories import DAY, NOW, commit

SERVICES = [f"svc-{number}" for number in range(12)]
BY_TIME, BY_VERSION = SERVICES[::2], SERVICES[1::2]
MOVED_BACK = (BY_TIME[0], BY_VERSION[0])
BUILDS = range(1, 6)
AT_ONCE = 12
TOKEN = "t0ken"
CODE = "import sys; from bootstrap.main import run; sys.exit(run(sys.argv[1:]))"


def mixed(builds: Sequence[tuple[str, int]], seed: int) -> list[tuple[str, int]]:
    """The same in another order."""
    return random.Random(seed).sample(builds, len(builds))  # noqa: S311 - no secret, only an order


def path(service: str) -> str:
    return f"apps/{service}/overlays/dev/kustomization.yaml"


def overlay(service: str, version: int) -> str:
    return f"images:\n  - name: {service}\n    newName: ghcr.io/acme/{service}\n    newTag: v1.{version}.0\n"


class Pipelines:
    """Runs the program as pipelines do: a process each, with a credential from its environment."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.environ = {**os.environ, "GIT_TOKEN": TOKEN}

    def image(self, *arguments: str) -> dict[str, object]:
        common = ["--repo", self.url, "--username", "ci", "--push", "--timeout", "600", "--output", "json"]
        ended = subprocess.run(
            [sys.executable, "-c", CODE, "image", *arguments, *common, "--author", "Ci <ci@example.org>"],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        found: dict[str, object] = json.loads(ended.stdout)
        return found

    def bump(self, service: str, build: int) -> dict[str, object]:
        guard = ["--built-at", str(NOW - 600 + 10 * build)] if service in BY_TIME else ["--only-newer"]
        return self.image("set", f"{service}=:v1.{build}.0", "--app", service, "--env", "dev", *guard)

    def back(self, service: str) -> dict[str, object]:
        return self.image("rollback", service, "--app", service, "--env", "dev", "--to", "v1.0.0")


def person(url: str, folder: Path, count: int) -> None:
    """Commits and pushes as a person does, beginning again when someone was faster."""
    address = url.replace("://", f"://ci:{TOKEN}@")
    git(folder.parent, "clone", "--quiet", address, str(folder))
    for number in range(count):
        (folder / "docs.md").write_text(f"{number}\n")
        git(folder, "add", "docs.md")
        git(folder, "commit", "--quiet", "--message", f"Person {number}")
        pushed = False
        while not pushed:
            git(folder, "pull", "--quiet", "--rebase")
            before = git(folder, "rev-parse", "origin/main")
            git(folder, "push", "--quiet", "origin", "HEAD:main", check=False)
            git(folder, "fetch", "--quiet")
            pushed = git(folder, "rev-parse", "origin/main") != before and not git(
                folder, "rev-list", "origin/main..HEAD"
            )


def tags(bare: Bare, service: str) -> list[str]:
    """What the service was on the branch, oldest first."""
    shown = git(bare.folder, "log", "--reverse", "--format=", "-p", "-U0", "main", "--", path(service))
    return [line.split()[-1] for line in shown.splitlines() if line.startswith("+ ") and "newTag" in line]


def test_sixty_pipelines_and_a_person_lose_nothing_and_bring_nothing_back(tmp_path: Path):
    bare = Bare(tmp_path / "gitops.git")
    commit(bare, {path(service): overlay(service, 0) for service in SERVICES} | {"docs.md": "\n"}, 9 * DAY)
    others = [(service, build) for service in SERVICES if service not in MOVED_BACK for build in BUILDS]
    order = mixed(others, 11)
    done: dict[tuple[str, int, str], Future[dict[str, object]]] = {}
    with serving(tmp_path, TOKEN, username="ci") as host, ThreadPoolExecutor(AT_ONCE) as pool:
        pipelines = Pipelines(host.repository("gitops.git"))
        early = [(service, build) for service in MOVED_BACK for build in (1, 2, 3)]
        for service, build in mixed([*early, *order[:20]], 12):
            done[service, build, "first"] = pool.submit(pipelines.bump, service, build)
        pushing = pool.submit(person, pipelines.url, tmp_path / "person", 10)
        wait([done[service, build, "first"] for service, build in early])
        moving = [pool.submit(pipelines.back, service) for service in MOVED_BACK]
        for service, build in order[20:40]:
            done[service, build, "first"] = pool.submit(pipelines.bump, service, build)
        wait(moving)
        # Builds that began before the way back: late ones, and ones that are run again.
        late = [(BY_TIME[0], 4), (BY_TIME[0], 5), (BY_VERSION[0], 2), (BY_VERSION[0], 3)]
        for service, build in mixed([*late, *order[40:]], 13):
            done[service, build, "late"] = pool.submit(pipelines.bump, service, build)
        pushing.result()
        results = {key: future.result() for key, future in done.items()}
        for future in moving:
            assert future.result()["changed"]
    assert len(results) == 60
    _check(bare, results)


def _check(bare: Bare, results: dict[tuple[str, int, str], dict[str, object]]) -> None:
    subjects = git(bare.folder, "log", "--format=%s", "main").splitlines()
    commits = git(bare.folder, "rev-list", "main").split()
    assert git(bare.folder, "rev-list", "--merges", "main") == ""
    assert [f"Person {number}" for number in reversed(range(10))] == [
        subject for subject in subjects if subject.startswith("Person")
    ]
    made = [result["commit"] for result in results.values() if result["changed"]]
    assert len(set(made)) == len(made)
    assert set(made) <= set(commits)
    assert len(commits) == 1 + 10 + len(MOVED_BACK) + len(made)
    for service in SERVICES:
        was = tags(bare, service)
        if service in MOVED_BACK:
            assert was[-1] == "v1.0.0", (service, was)
            assert was.count("v1.0.0") == 2, (service, was)
            assert "v1.3.0" in was
        else:
            assert was == sorted(was), (service, was)
            assert was[-1] == "v1.5.0", (service, was)
    _check_kept(results)


def _check_kept(results: dict[tuple[str, int, str], dict[str, object]]) -> None:
    """A run that did not set its image says what is there instead."""
    for (service, build, _), result in results.items():
        images = result["images"]
        assert isinstance(images, Sequence)
        if not result["changed"]:
            assert images[0]["state"] == "kept", (service, build, images)
            assert images[0]["reason"]
