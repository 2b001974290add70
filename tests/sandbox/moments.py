"""Ends a command at random moments, one after the other in one world: by SIGKILL or, in turns, by SIGTERM.

BOOTSTRAP_MOMENTS has how many moments there are for each command, BOOTSTRAP_SEED repeats those of a failure.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.sandbox.living import ROOT
from tests.sandbox.world import World

TOGETHER = 4
"""Moments in one world: the later ones fall into what the ones before have left."""
GROUPS = range(-(-int(os.environ.get("BOOTSTRAP_MOMENTS", TOGETHER)) // TOGETHER))
SEED = int(os.environ.get("BOOTSTRAP_SEED") or random.SystemRandom().getrandbits(32))


def start(world: World, arguments: Sequence[str], temporary: Path) -> subprocess.Popen[str]:
    """The command in a process of its own, whose temporary files are in that folder alone."""
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "bootstrap", *arguments],
        env={**os.environ, **world.environ, "TMPDIR": str(temporary)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def undisturbed(world: World, arguments: Sequence[str], temporary: Path, exits: int = 0) -> float:
    """Run to the end; the seconds that it took. Nothing temporary is left."""
    began = time.monotonic()
    process = start(world, arguments, temporary)
    said, _ = process.communicate()
    assert process.returncode == exits, said
    assert list(temporary.iterdir()) == [], said
    return time.monotonic() - began


def ended(
    world: World, group: int, arguments: Sequence[str], temporary: Path, seconds: float, exits: int = 0
) -> str:
    """Ended at each moment, then run to the end; the text says how, for what is asserted next."""
    draw = random.Random(f"{SEED} {group}")  # noqa: S311 - no secret
    told = [f"BOOTSTRAP_SEED={SEED}"]
    for number in range(TOGETHER):
        how, moment = signal.SIGTERM if number % 2 else signal.SIGKILL, draw.random() * seconds
        before = set(temporary.iterdir())  # of a run that was killed: the next whole run removes it
        process = start(world, arguments, temporary)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(how)
        said, _ = process.communicate()
        told.append(
            f"{how.name} after {moment:.2f} of {seconds:.2f} s: exit status {process.returncode}\n{said}"
        )
        assert "Traceback" not in said, "\n".join(told)
        assert process.returncode in (exits, -how, 128 + how), "\n".join(told)
        if process.returncode == 128 + how:
            assert set(temporary.iterdir()) <= before, "\n".join(told)
    process = start(world, arguments, temporary)
    said, _ = process.communicate()
    told.append(f"at last: exit status {process.returncode}\n{said}")
    told.append(f"temporary files: {[str(one) for one in temporary.rglob('*')]}")
    assert process.returncode == exits, "\n".join(told)
    assert list(temporary.iterdir()) == [], "\n".join(told)
    return "\n".join(told)
