"""A whole `bootstrap init`, by phase, into an empty repository and cluster, and a second run.

There are only an API server and a Git host: nothing syncs, so it does not wait (`--no-wait`).
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from bench.api_servers import ALONE, fresh
from bench.figures import Figure
from bootstrap.core.invocation import Invocation
from bootstrap.sandbox.addresses import Sandbox

TITLE = "bootstrap init --no-wait, by phase"
MEMORY_GOAL = 150.0
_STEP = re.compile(r"\[(\d+)/\d+\] ([^:]+)")


def run(rounds: int) -> Iterator[Figure]:
    with fresh((*ALONE, "gitea")) as (sandbox, invocation):
        name = f"bench-{secrets.token_hex(4)}"
        url = f"{sandbox.git_url}/{sandbox.git_organisation}/{name}.git"
        first = _init(sandbox, invocation, url)
        yield from (Figure(f"first run: {phase}", seconds, "s") for phase, seconds in first.phases)
        yield Figure("first run: all", first.seconds, "s")
        again = _init(sandbox, invocation, url)
        yield Figure("again, nothing to do: all", again.seconds, "s", first.seconds)
        memory = max(first.megabytes, again.megabytes)
        yield Figure("peak memory", memory, "MB", MEMORY_GOAL)


class _Run:
    """`phases`: the step that each line of progress announces, and how long it was the latest."""

    def __init__(self, phases: Sequence[tuple[str, float]], seconds: float, megabytes: float) -> None:
        self.phases = phases
        self.seconds = seconds
        self.megabytes = megabytes


def _init(sandbox: Sandbox, invocation: Invocation, url: str) -> _Run:
    environ = {**invocation.environ, "KUBECONFIG": str(sandbox.kubeconfig)}
    environ.pop("GIT_TOKEN", None)
    command = [
        *(sys.executable, "-m", "bootstrap", "init", url, "--yes", "--no-wait"),
        *("--username", sandbox.git_username, "--token-file", str(sandbox.git_token_file)),
        *("--author", "Bench <bench@example.org>", "--context", sandbox.context),
    ]
    start = time.monotonic()
    process = subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    marks = [("reading, planning", start)]
    lines = []
    for line in process.stderr:
        lines.append(line)
        step = _STEP.search(line)
        if step and step[2].strip() != marks[-1][0]:
            marks.append((step[2].strip(), time.monotonic()))
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    end = time.monotonic()
    if process.returncode:
        raise SystemExit(f"bootstrap init: exit {process.returncode}\n{''.join(lines)}")
    ends = [at for _, at in marks[1:]] + [end]
    phases = [(name[:48], until - at) for (name, at), until in zip(marks, ends, strict=True)]
    return _Run(phases, end - start, usage.ru_maxrss / 1024)
