"""Ended at any moment, `backup` leaves a whole backup or none, no secret, and nothing after the next run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pyrage
import pytest

from tests.sandbox.backup.kept import filled, key, recipient
from tests.sandbox.living import ROOT, command
from tests.sandbox.world import World

__all__ = ["key"]

MOMENTS = [random.Random(number).random() for number in range(20)]  # noqa: S311 - no secret
"""Parts of the time that an undisturbed run takes; every fourth run is terminated, the others are killed."""
CHANGES = 9
"""Of the files in its folder that one backup makes, at the least."""


class Try:
    """A folder of backups, and a temporary folder, of its own."""

    def __init__(self, world: World, key: Path, folder: Path) -> None:
        self.to, self.temporary = folder / "backups", folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.world = replace(world, environ={**world.environ, "TMPDIR": str(self.temporary)})
        self.key = key

    def arguments(self) -> list[str]:
        return ["backup", "--to", str(self.to), "--recipient", recipient(self.key), "-o", "json"]

    def left(self) -> list[Path]:
        return [path for root in (self.to, self.temporary) for path in root.rglob("*") if path.is_file()]

    def check(self, how: signal.Signals, ended: int) -> None:
        """What a run that was ended has left: every backup whole, with its index; nothing in plain text."""
        for path in self.left():
            assert b"s3cret-value" not in path.read_bytes(), path
            assert path.stat().st_mode & 0o077 == 0, path
        for path in self.to.glob("*.age"):
            self.opens(path)
        if how == signal.SIGTERM and ended == 128 + how:
            assert [path for path in self.left() if ".age" not in path.name] == []

    def opens(self, path: Path) -> list[str]:
        """The names of the objects in a backup; those of its index are the same."""
        identity = pyrage.x25519.Identity.from_str(self.key.read_text().splitlines()[1])
        objects = json.loads(pyrage.decrypt(path.read_bytes(), [identity]))["objects"]
        index = json.loads(path.with_name(f"{path.name}.index.json").read_text())
        assert len(objects) == len(index["objects"])
        return list(index["objects"])

    def finish(self, expected: Sequence[str]) -> None:
        """Run again, undisturbed; again, where one of the same second is there, as the error says."""
        done = command(self.world, *self.arguments())
        while done.returncode == 3 and "it exists already" in done.stdout + done.stderr:
            done = command(self.world, *self.arguments())
        assert done.returncode == 0, done.stdout + done.stderr
        assert self.opens(Path(json.loads(done.stdout)["file"])) == expected
        assert [path for path in self.left() if ".age" not in path.name] == []


def undisturbed(one: Try) -> list[str]:
    done = command(one.world, *one.arguments())
    assert done.returncode == 0, done.stderr
    return one.opens(Path(json.loads(done.stdout)["file"]))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda one: one.name)
def test_ended_before_every_change_of_a_file(
    lived: World, key: Path, tmp_path: Path, how: signal.Signals
) -> None:
    filled(lived)
    expected = undisturbed(Try(lived, key, tmp_path / "undisturbed"))
    for number in count():
        one = Try(lived, key, tmp_path / str(number))
        options = (str(number), how.name, str(one.to), *one.arguments())
        done = command(one.world, *options, module="tests.sandbox.backup.killed_files")
        if done.returncode == 0 and number > CHANGES:
            break
        assert done.returncode in (-how, 128 + how, 0), done.stderr
        assert "Traceback" not in done.stderr
        one.check(how, done.returncode)
        one.finish(expected)


def test_ended_at_a_random_moment(lived: World, key: Path, tmp_path: Path) -> None:
    filled(lived)
    began = time.monotonic()
    expected = undisturbed(Try(lived, key, tmp_path / "undisturbed"))
    seconds = time.monotonic() - began
    for number, moment in enumerate(MOMENTS):
        how = signal.SIGTERM if number % 4 == 0 else signal.SIGKILL
        one = Try(lived, key, tmp_path / str(number))
        process = subprocess.Popen(
            [sys.executable, "-m", "bootstrap", *one.arguments()],
            env={**os.environ, **one.world.environ},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            process.wait(moment * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(how)
        _, err = process.communicate()
        assert process.returncode in (0, -how, 128 + how), err
        assert "Traceback" not in err
        one.check(how, process.returncode)
        one.finish(expected)
