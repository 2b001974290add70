"""Ended at any moment, by SIGKILL or SIGTERM, the next run of a command ends as an undisturbed one does."""

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

from tests.conftest import Run
from tests.git_repositories import git
from tests.upgrade.conftest import AUTHOR, bare, laid_out

__all__ = ["bare", "laid_out"]

ROOT = Path(__file__).parents[2]
MOMENTS = tuple(sorted(random.Random(15).random() for _ in range(20)))  # noqa: S311 - no secret
"""Parts of the time that an undisturbed run takes: every other one in a work tree, the rest with a push.

Every fourth run is terminated, the others are killed.
"""
ONE_FILE = ("component", "enable", "loki")
NEW_FILES = ("app", "add", "shop", "--image", "registry.example.com/shop:1.2.3", "--port", "8080")
BOTH = ("env", "add", "qa", "--from", "staging")


class Try:
    """A host and a work tree of its own, copied from those that are laid out."""

    def __init__(self, folder: Path, host: Path) -> None:
        shutil.copytree(host, folder / "gitops.git")
        self.folder, self.host = folder, folder / "gitops.git"
        self.work = folder / "work"
        git(folder, "clone", "--quiet", f"file://{self.host}", str(self.work))
        for key, value in (("user.name", "Grace Hopper"), ("user.email", "grace@example.org")):
            git(self.work, "config", key, value)

    def arguments(self, command: tuple[str, ...], push: bool) -> list[str]:
        where = "--in" if command[0] == "app" else "--path"
        if push:
            return [*command, "--repo", f"file://{self.host}", "--push", "--author", AUTHOR]
        return [*command, where, str(self.work)]

    def start(self, command: tuple[str, ...], push: bool) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "bootstrap", *self.arguments(command, push)],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def temporary(self) -> Path:
        path = self.folder / "tmp"
        path.mkdir(exist_ok=True)
        return path

    def state(self) -> dict[str, object]:
        """All that a person sees: files, what git says of them, the branch; without ids and times."""
        files = {
            path.relative_to(self.work).as_posix(): re.sub(rb"\b[0-9a-f]{40}\b", b"ID", path.read_bytes())
            for path in sorted(self.work.rglob("*"))
            if path.is_file() and ".git" not in path.relative_to(self.work).parts
        }
        return {
            "files": files,
            "status": git(self.work, "status", "--porcelain", "--untracked-files=all"),
            "tree": git(self.host, "rev-parse", "main^{tree}"),
            "subjects": git(self.host, "log", "--format=%s", "main"),
            "refs": git(self.host, "for-each-ref", "--format=%(refname)"),
        }


@pytest.mark.parametrize("push", [False, True], ids=["work tree", "push"])
@pytest.mark.parametrize("command", [ONE_FILE, NEW_FILES, BOTH], ids=lambda one: f"{one[0]} {one[1]}")
def test_ended_at_any_moment_the_next_run_ends_as_an_undisturbed_one(
    command: tuple[str, ...], push: bool, laid_out: object, bare: object, run: Run, tmp_path: Path
) -> None:
    host = tmp_path / "host" / "gitops.git"
    moments = MOMENTS[int(push) :: 2]
    folders = (tmp_path / f"try{number}" for number in range(len(moments) + 1))

    def fresh() -> Try:
        folder = next(folders)
        folder.mkdir()
        return Try(folder, host)

    undisturbed = fresh()
    began = time.monotonic()
    process = undisturbed.start(command, push)
    _, err = process.communicate()
    assert process.returncode == 0, err
    seconds = time.monotonic() - began
    expected = undisturbed.state()
    for number, moment in enumerate(moments):
        one = fresh()
        ended = one.start(command, push)
        signal_ = signal.SIGTERM if number % 4 == 0 else signal.SIGKILL
        try:
            ended.wait(moment * seconds)
        except subprocess.TimeoutExpired:
            ended.send_signal(signal_)
        _, err = ended.communicate()
        assert ended.returncode in (0, 143, -signal_), err
        assert "Traceback" not in err
        if signal_ == signal.SIGTERM and ended.returncode == 143:
            assert list(one.temporary.iterdir()) == [], moment
        run(*one.arguments(command, push))
        assert one.state() == expected, (moment, signal_)
