"""The folder of backups, locked by another process: reported, and not for ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.backup import leftovers
from bootstrap.core import folder_lock
from bootstrap.core.errors import RefusedError
from tests.edit.test_worktree import HOLD


def test_folder_that_another_process_locks_is_reported_after_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, "PATIENCE", 0.2)
    monkeypatch.setattr(folder_lock, "QUIET", 0.0)
    said: list[str] = []
    alone: list[int] = []
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(RefusedError, match="another process") as told,
            leftovers._shared(tmp_path, lambda: alone.append(1), said.append),
        ):
            raise AssertionError("the lock was shared")
        other.stdin.close()
    assert str(tmp_path) in told.value.hint
    assert "waiting up to" in said[0]
    with leftovers._shared(tmp_path, lambda: alone.append(2), said.append):
        assert alone == [2]
