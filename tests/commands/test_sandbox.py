"""`bootstrap sandbox`: what its commands print where nothing has to run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.programs import find
from bootstrap.sandbox import state
from tests.conftest import Run


def test_programs_are_listed_with_their_origin_and_nothing_is_fetched(run: Run, tmp_path: Path) -> None:
    empty = {"BOOTSTRAP_CACHE_DIR": str(tmp_path), "PATH": str(tmp_path)}
    listed = run("sandbox", "programs", "-o", "json", env=empty)
    assert listed.exit == 0, listed.err
    rows = json.loads(listed.out)
    assert [row["name"] for row in rows] == list(find.NAMES)
    assert {row["origin"] for row in rows} == {"missing"}
    assert all(row["version"].startswith("v") and row["path"].startswith(str(tmp_path)) for row in rows)
    table = run("sandbox", "programs", env=empty)
    assert table.out.split()[:5] == ["PROGRAM", "VERSION", "ORIGIN", "PATH", "SHA256"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["shell-env", "logs"])
def test_sandbox_that_does_not_exist_is_an_input_error_with_what_to_do(run: Run, command: str) -> None:
    result = run("sandbox", command, "--name", "nowhere")
    assert result.exit == 2
    assert "there is no sandbox 'nowhere'" in result.err
    assert "bootstrap sandbox up" in result.err


def test_down_of_a_sandbox_that_does_not_exist_has_nothing_to_end(run: Run) -> None:
    result = run("sandbox", "down", "--name", "nowhere", "-o", "json")
    assert result.exit == 0
    assert json.loads(result.out) == {"name": "nowhere", "ended": [], "purged": False}


def test_followed_log_prints_whole_lines_as_they_come_until_interrupted(tmp_path: Path) -> None:
    folder = tmp_path / "sandboxes" / "own"
    (folder / "logs").mkdir(parents=True)
    state.save(folder, state.Settings("own", dict.fromkeys(state.PORTS, 1), ("etcd",)))
    log = folder / "logs" / "etcd.log"
    log.write_text("before\n")
    argv = [sys.executable, "-m", "bootstrap", "sandbox", "logs", "etcd", "--name", "own", "-f"]
    env = {**os.environ, "BOOTSTRAP_DATA_DIR": str(tmp_path)}
    with subprocess.Popen(
        argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as follower:
        assert follower.stdout
        assert follower.stdout.readline() == "before\n"
        with log.open("a") as writer:
            for piece in ("one ", "line\n", "another\n"):
                writer.write(piece)
                writer.flush()
        assert [follower.stdout.readline() for _ in range(2)] == ["one line\n", "another\n"]
        follower.send_signal(signal.SIGINT)
        try:
            _, said = follower.communicate(timeout=60)
        finally:
            follower.kill()
    assert follower.returncode == 130
    assert "interrupted" in said
