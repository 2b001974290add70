"""`bootstrap validate` against `kustomize build` in a loop (and kubeconform, when it is on PATH).

    python -m bench.validate [COUNT …]

For each count: the loop, a first run, a second run after one change; peak memory of the runs. Each time as
wall clock and as processor time of all processes (which other work on the machine hardly changes).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.repository import write

Times = tuple[float, float]
"""Seconds: by the clock, and of the processor."""


def main(counts: Sequence[int]) -> None:
    heads = ("apps", "loop s", "(cpu)", "first s", "(cpu)", "second s", "(cpu)", "first/second", "peak MB")
    print("  ".join(head.rjust(8) for head in heads))
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="bootstrap-bench-") as name:
            print(_line(count, Path(name)), flush=True)


def _line(count: int, folder: Path) -> str:
    """The figures of one count; the loop beyond 1,000 is not run, but taken as many times as long."""
    root = folder / "repository"
    overlays = write(root, count)
    built = overlays[: min(count, 1000)]
    loop = tuple(one * count / len(built) for one in _measured(lambda: _loop(built)))
    environ = {**os.environ, "BOOTSTRAP_CACHE_DIR": str(folder / "cache")}
    memory: list[float] = []
    first = _measured(lambda: memory.append(_validate(root, environ)))
    changed = overlays[count // 2] / "kustomization.yaml"
    changed.write_text(changed.read_text(encoding="utf-8").replace("1.2.3", "1.2.4"), encoding="utf-8")
    second = _measured(lambda: memory.append(_validate(root, environ)))
    times = [f"{one:8.2f}" for one in (*loop, *first, *second)]
    return "  ".join([f"{count:>8}", *times, f"{first[0] / second[0]:12.1f}", f"{max(memory):8.0f}"])


def _measured(work: Callable[[], object]) -> Times:
    """How long some work takes whose processes have ended by then."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _loop(overlays: Sequence[Path]) -> None:
    """Build each overlay, one after the other, and check the result."""
    kustomize, kubeconform = shutil.which("kustomize"), shutil.which("kubeconform")
    if kustomize is None:
        raise SystemExit("kustomize is not on PATH")
    built = [
        subprocess.run([kustomize, "build", str(folder)], check=True, capture_output=True).stdout
        for folder in overlays
    ]
    if kubeconform is not None:
        subprocess.run([kubeconform, "-ignore-missing-schemas"], input=b"---\n".join(built), check=False)


def _validate(root: Path, environ: dict[str, str]) -> float:
    """Peak memory (MB) of a run, which has to find nothing."""
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


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 1000])
