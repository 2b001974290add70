"""Ended at any moment and run again, `uninstall` ends in the state of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.sandbox.living import ROOT
from tests.sandbox.uninstall.test_killed import arguments, finish, fresh, undisturbed
from tests.sandbox.world import World

__all__ = ["fresh", "undisturbed"]

MOMENTS = [random.Random(number).random() for number in range(20)]  # noqa: S311


@pytest.mark.parametrize("group", range(5))
def test_ended_at_random_moments_one_after_the_other(
    fresh: World, undisturbed: tuple[dict[str, Any], float, int], group: int
) -> None:
    """The first ones fall into a whole removal, each later one into what the ones before have left of it."""
    expected, seconds, _ = undisturbed
    for number, moment in enumerate(MOMENTS[group::5]):
        process = subprocess.Popen(
            [sys.executable, "-m", "bootstrap", *arguments(fresh)],
            env={**os.environ, **fresh.environ},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            process.wait(timeout=moment * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM if number == 1 else signal.SIGKILL)
        _, said = process.communicate()
        assert "Traceback" not in said
        assert process.returncode in (0, -9, -15, 143)  # -15: before Python could have a handler
    assert finish(fresh) == expected
