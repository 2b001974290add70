"""Killed at every change and at random moments, then run again, `upgrade` ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bootstrap.layout import catalog, merge_entries
from tests.conftest import Run
from tests.git_repositories import Bare, git
from tests.upgrade.conftest import AUTHOR, OLD, VALUES, Clone
from tests.upgrade.test_catalogs import wheel
from tests.upgrade.test_worktree import MINE, THEIRS

ROOT = Path(__file__).parents[2]
MOST = 40
"""Changes that one run makes, at most."""


KEPT = ("infrastructure/argocd", "infrastructure/traefik")


def small() -> dict[str, bytes]:
    """The catalog with two components, so that a run takes a second."""
    found = {path: text for path, text in OLD.items() if path.startswith(("clusters/", *KEPT))}
    path = "clusters/default/kustomization.yaml"
    found[path] = b"".join(
        line
        for line in found[path].splitlines(keepends=True)
        if (key := merge_entries.key_of(line.decode())) is None or key.removeprefix("../../") in KEPT
    )
    return found


SMALL = small()


@pytest.fixture(autouse=True)
def _small_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "load", lambda: SMALL)


class Prepared:
    """A clone with an edit, and a wheel whose catalog conflicts with it; copied for each try."""

    def __init__(self, clone: Clone, folder: Path, run: Run) -> None:
        clone.write({VALUES: MINE})
        self._clone, self._folder, self.run = clone, folder, run
        self.wheel = wheel(folder, {**SMALL, VALUES: THEIRS, "infrastructure/new/values.yaml": b"a: 1\n"})
        self.fitting = wheel(self._made("fits"), {**SMALL, VALUES: OLD[VALUES] + b"# and more\n"})

    def _made(self, name: str) -> Path:
        (self._folder / name).mkdir()
        return self._folder / name

    def copy(self, name: str) -> Path:
        shutil.rmtree(self._folder / name, ignore_errors=True)
        return Path(shutil.copytree(self._clone.folder, self._folder / name, symlinks=True))

    def arguments(self, work: Path, *more: str, to: Path | None = None) -> list[str]:
        ours = ["--to", str(to or self.wheel), "--downgrade", "--author", AUTHOR, "--yes"]
        return ["upgrade", "--path", str(work), *(more if "--abort" in more else [*ours, *more])]

    def undisturbed(self, work: Path, *more: str, to: Path | None = None) -> int:
        return self.run(*self.arguments(work, *more, to=to)).exit

    def killed(self, number: int, work: Path, *more: str, to: Path | None = None) -> tuple[int, str]:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.upgrade.killed_upgrade", str(number)),
                *self.arguments(work, *more, to=to),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    def changes(self, work: Path, *more: str, to: Path | None = None) -> int:
        """How many changes an undisturbed run makes; `work` is as it leaves it."""
        _, err = self.killed(10**6, work, *more, to=to)
        found = re.search(r"^changes: (\d+)$", err, re.MULTILINE)
        assert found, err
        assert 1 < int(found[1]) <= MOST
        return int(found[1])


def state(work: Path) -> dict[str, object]:
    """All that a person can see, without the ids of commits, which have the time in them."""

    def plain(text: str) -> str:
        return re.sub(r"\b[0-9a-f]{40}\b", "ID", text)

    files = {
        path.relative_to(work).as_posix(): plain(path.read_text())
        for path in sorted(work.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }
    index = git(work, "ls-files", "--stage").splitlines()
    return {
        "status": git(work, "status", "--porcelain"),
        "files": files,
        "index": [line for line in index if not line.endswith("\tbootstrap.yaml")],
        "merging": (work / ".git" / "MERGE_HEAD").exists(),
        "subjects": git(work, "log", "--first-parent", "--format=%s").splitlines(),
        "refs": git(work, "for-each-ref", "--format=%(refname)"),
        "state": (work / ".git" / "bootstrap-upgrade.json").exists(),
    }


@pytest.fixture
def prepared(clone: Clone, tmp_path: Path, run: Run) -> Prepared:
    folder = tmp_path / "tries"
    folder.mkdir()
    return Prepared(clone, folder, run)


def test_killed_before_every_change_a_conflict_is_left_as_by_an_undisturbed_run(prepared: Prepared) -> None:
    work = prepared.copy("undisturbed")
    number = prepared.changes(work)
    expected = state(work)
    assert expected["merging"]
    for step in range(number):
        work = prepared.copy("killed")
        assert prepared.killed(step, work)[0] == -signal.SIGKILL
        assert prepared.undisturbed(work) == 1, step
        assert state(work) == expected, step


def test_killed_before_every_change_what_fits_is_committed_once(prepared: Prepared) -> None:
    work = prepared.copy("undisturbed")
    number = prepared.changes(work, to=prepared.fitting)
    expected = state(work)
    assert expected["status"] == ""
    for step in range(number):
        work = prepared.copy("killed")
        assert prepared.killed(step, work, to=prepared.fitting)[0] == -signal.SIGKILL
        assert prepared.undisturbed(work, to=prepared.fitting) == 0, step
        assert state(work) == expected, step


def test_killed_before_every_change_abort_puts_all_back(prepared: Prepared) -> None:
    before = state(prepared.copy("before"))
    begun = prepared.copy("begun")
    assert prepared.undisturbed(begun) == 1
    number = prepared.changes(Path(shutil.copytree(begun, begun.with_name("counted"))), "--abort")
    for step in range(number):
        work = begun.with_name("killed")
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(begun, work, symlinks=True)
        assert prepared.killed(step, work, "--abort")[0] == -signal.SIGKILL
        assert prepared.undisturbed(work, "--abort") in (0, 2), step
        assert state(work) == before, step


def test_killed_before_every_change_continue_commits_once(prepared: Prepared) -> None:
    begun = prepared.copy("begun")
    assert prepared.undisturbed(begun) == 1
    git(begun, "checkout", "--quiet", "--theirs", "--", VALUES)
    git(begun, "add", VALUES)
    counted = Path(shutil.copytree(begun, begun.with_name("counted")))
    number = prepared.changes(counted, "--continue")
    expected = state(counted)
    assert expected["status"] == ""
    for step in range(number):
        work = begun.with_name("killed")
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(begun, work, symlinks=True)
        assert prepared.killed(step, work, "--continue")[0] == -signal.SIGKILL
        prepared.undisturbed(work, "--continue")
        assert state(work) == expected, step


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_ended_at_random_moments_the_next_run_leaves_the_same(prepared: Prepared, number: int) -> None:
    work = prepared.copy("undisturbed")
    began = time.monotonic()
    command = [sys.executable, "-m", "bootstrap"]
    subprocess.run([*command, *prepared.arguments(work)], cwd=ROOT, capture_output=True, check=False)
    seconds, expected = time.monotonic() - began, state(work)
    for moment in [random.Random(f"{number} {turn}").random() for turn in range(5)]:  # noqa: S311
        work = prepared.copy("ended")
        with subprocess.Popen(
            [*command, *prepared.arguments(work)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ,
        ) as process:
            try:
                process.wait(timeout=moment * seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(number)
                process.wait()
        assert prepared.undisturbed(work) == 1
        assert state(work) == expected


def pushed(bare: Path) -> dict[str, object]:
    """What is on the host, without the ids of commits."""
    found: dict[str, object] = {"refs": git(bare, "for-each-ref", "--format=%(refname)")}
    for branch in ("main", "bootstrap/upgrade-conflicts"):
        record = git(bare, "show", f"{branch}:bootstrap.yaml")
        listed = git(bare, "ls-tree", "-r", branch).splitlines()
        found[branch] = {
            "record": re.sub(r"\b[0-9a-f]{40}\b", "ID", record),
            "files": [line for line in listed if not line.endswith("\tbootstrap.yaml")],
            "subjects": git(bare, "log", "--topo-order", "--format=%s", branch).splitlines(),
        }
    return found


def test_killed_before_every_change_a_branch_and_its_conflicts_are_pushed_once(
    prepared: Prepared, bare: Bare
) -> None:
    git(prepared.copy("work"), "push", "--quiet", "origin", "HEAD:main")

    def host(name: str) -> Path:
        place = bare.folder.with_name(name)
        shutil.rmtree(place, ignore_errors=True)
        return Path(shutil.copytree(bare.folder, place, symlinks=True))

    def arguments(place: Path) -> list[str]:
        ours = ["--to", str(prepared.wheel), "--downgrade", "--author", AUTHOR, "--yes"]
        return ["upgrade", "--repo", f"file://{place}", "--push", *ours]

    def kill(number: int, place: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.upgrade.killed_upgrade", str(number), *arguments(place)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    place = host("undisturbed.git")
    counted = re.search(r"^changes: (\d+)$", kill(10**6, place).stderr, re.MULTILINE)
    assert counted
    number, expected = int(counted[1]), pushed(place)
    assert number == len(["the branch", "its conflicts"])
    for step in range(number):
        place = host("killed.git")
        assert kill(step, place).returncode == -signal.SIGKILL
        assert prepared.run(*arguments(place)).exit == 1, step
        assert pushed(place) == expected, step
