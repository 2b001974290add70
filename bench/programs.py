"""Runs a program and measures how long it took and its peak memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """`seconds` of wall clock, `megabytes` of resident memory at the peak, and what it wrote to stdout."""

    seconds: float
    megabytes: float
    out: str


def timed(command: Sequence[str], environ: Mapping[str, str] | None = None) -> Ended:
    """Run to the end; raises SystemExit with its stderr when it fails."""
    start = time.monotonic()
    process = subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.stdout, process.stderr
    assert out is not None and err is not None  # noqa: S101, PT018 - both are pipes
    said = out.read()
    complaint = err.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    out.close()
    err.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}\n{complaint}")
    return Ended(seconds, usage.ru_maxrss / 1024, said)
