"""Run a program where nothing can be reached, and count its packets and what it does with a folder.

The folder is one that only the program and what it starts can see: nothing else on the machine is counted.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("counted_runner.py")


@dataclass(frozen=True)
class Counted:
    """How a program ended, and what all of it used: packets, MB (the largest program), CPU seconds.

    `touched` says what it did with the apart folder: one line for each kind of event and file.
    """

    status: int
    said: str
    packets: int
    megabytes: float
    seconds: float
    touched: list[str]


@functools.cache
def _namespace() -> tuple[str, ...] | None:
    """How this kernel gives a program a network and mounts of its own; None where it does not."""
    for how in (
        ("unshare", "--user", "--map-root-user", "--net", "--mount"),
        ("unshare", "--net", "--mount"),
    ):
        try:
            up = "ip link set lo up && mount -t tmpfs apart /mnt"
            if subprocess.run((*how, "sh", "-c", up), capture_output=True, check=False).returncode == 0:
                return how
        except FileNotFoundError:
            return None
    return None


def counted(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    seconds: int,
    apart: Path | None = None,
) -> Counted:
    """Run it with so many seconds of processor time a process; skips where packets cannot be counted.

    The folder `apart` is replaced, for this program alone, by a copy whose every use is reported. A program
    that has waited for `seconds` without using the processor is ended, with status -9.
    """
    how = _namespace()
    if how is None:
        pytest.skip("the kernel gives no network namespace, or there is no unshare, ip or mount")
    runner = (sys.executable, "-I", str(RUNNER), str(folder), str(seconds), str(apart or ""))
    ran = subprocess.run((*how, *runner, *command), env=environ, capture_output=True, text=True, check=False)
    if "max_user_instances" in ran.stderr:
        pytest.skip("this user's other programs use all of fs.inotify.max_user_instances")
    assert ran.returncode == 0, ran.stderr
    return Counted(**json.loads(ran.stdout))
