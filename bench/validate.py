"""`bootstrap validate` of 1,000 and of 10,000 apps, compared with `kustomize build` of each in a loop.

The loop checks its result with kubeconform if that is on PATH. Besides wall-clock time, it reports the CPU
time of all processes, which other work on the machine hardly affects.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from bench.figures import Figure
from bench.repository import write
from bootstrap.core.invocation import Invocation
from bootstrap.programs.find import ensure

FEW, MANY = 1000, 10_000
TITLE = f"bootstrap validate of {FEW:,} and {MANY:,} apps, against kustomize build in a loop"


@dataclass(frozen=True)
class Times:
    """Seconds of wall-clock and of CPU time."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:.1f} s, {self.processor:.1f} s of CPU"


@dataclass(frozen=True)
class Runs:
    """A first run, one after a single change, and the peak memory of both in MB."""

    first: Times
    second: Times
    peak: float


def run(rounds: int) -> Iterator[Figure]:
    """Runs once, whatever `rounds` is: a repository has only one first run."""
    found = ensure(["kustomize"], Invocation(), lambda _: None)["kustomize"].path
    with tempfile.TemporaryDirectory(prefix="bootstrap-bench-") as name:
        root = Path(name) / "repository"
        overlays = write(root, FEW)
        loop = _measured(lambda: _loop(str(found), overlays))
        few = _runs(root, overlays, found.parent, Path(name) / "cache")
    by = "kustomize + kubeconform" if which("kubeconform") else "kustomize, no kubeconform here"
    yield Figure(
        f"{FEW:,} apps: first run / loop", few.first.clock / loop.clock, "", 1.0, f"{few.first}; {by} {loop}"
    )
    again = few.second.clock / few.first.clock
    yield Figure(f"{FEW:,} apps: again after one change / first run", again, "", 1 / 20, f"{few.second}")
    with tempfile.TemporaryDirectory(prefix="bootstrap-bench-") as name:
        root = Path(name) / "repository"
        overlays = write(root, MANY)
        many = _runs(root, overlays, found.parent, Path(name) / "cache")
    growth = many.first.clock / few.first.clock
    yield Figure(f"{MANY:,} / {FEW:,} apps: first run", growth, "", 11.0, f"{many.first}")
    yield Figure(f"{MANY:,} apps: peak memory", many.peak, "MB", 600.0, f"{FEW:,} apps: {few.peak:.0f} MB")


def _runs(root: Path, overlays: Sequence[Path], kustomize: Path, cache: Path) -> Runs:
    path = f"{kustomize}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "BOOTSTRAP_CACHE_DIR": str(cache), "PATH": path}
    # As installed: with bytecode of everything imported, which the environment may forbid to write.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ["PYTHONPYCACHEPREFIX"] = str(cache / "bytecode")
    write(cache / "warm-up", 1)
    _validate(cache / "warm-up", {**environ, "BOOTSTRAP_CACHE_DIR": str(cache / "another")})
    memory: list[float] = []
    first = _measured(lambda: memory.append(_validate(root, environ)))
    changed = overlays[len(overlays) // 2] / "kustomization.yaml"
    changed.write_text(changed.read_text(encoding="utf-8").replace("1.2.3", "1.2.4"), encoding="utf-8")
    second = _measured(lambda: memory.append(_validate(root, environ)))
    return Runs(first, second, max(memory))


def _measured(work: Callable[[], object]) -> Times:
    """How long some work takes; its processes have to end with it."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Times(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _loop(kustomize: str, overlays: Sequence[Path]) -> None:
    """Build each overlay, one after the other, and check the result."""
    built = [
        subprocess.run([kustomize, "build", str(folder)], check=True, capture_output=True).stdout
        for folder in overlays
    ]
    if kubeconform := which("kubeconform"):
        subprocess.run([kubeconform, "-ignore-missing-schemas"], input=b"---\n".join(built), check=False)


def _validate(root: Path, environ: dict[str, str]) -> float:
    """Peak memory (MB) of a run, which must find nothing."""
    code = (
        "import json, resource, sys\nfrom bootstrap.main import run\n"
        f"status = run(['validate', {str(root)!r}])\n"
        "print(json.dumps([status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    status, peak = json.loads(ended.stdout.splitlines()[-1])
    if status:
        raise SystemExit(f"validate found something:\n{ended.stdout}{ended.stderr}")
    return float(peak) / 1024
