"""`bootstrap validate` against `kustomize build` in a loop (and kubeconform, when it is on PATH).

    python -m bench.validate [COUNT …]

For each count: the loop, a first run, a second run after one change; peak memory of the runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.repository import write


def main(counts: Sequence[int]) -> None:
    print(
        f"{'apps':>6}  {'loop s':>8}  {'first s':>8}  {'second s':>8}  {'first/second':>12}  {'peak MB':>8}"
    )
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="bootstrap-bench-") as name:
            root = Path(name) / "repository"
            overlays = write(root, count)
            loop = _loop(overlays[: min(count, 1000)]) * max(1, count / 1000)
            environ = {**os.environ, "BOOTSTRAP_CACHE_DIR": str(Path(name) / "cache")}
            first, memory = _validate(root, environ)
            changed = overlays[count // 2] / "kustomization.yaml"
            changed.write_text(
                changed.read_text(encoding="utf-8").replace("1.2.3", "1.2.4"), encoding="utf-8"
            )
            second, _ = _validate(root, environ)
        times = f"{loop:>8.2f}  {first:>8.2f}  {second:>8.2f}"
        print(f"{count:>6}  {times}  {first / second:>12.1f}  {memory:>8.0f}")


def _loop(overlays: Sequence[Path]) -> float:
    """Seconds for building each overlay, one after the other, and checking the result."""
    kustomize, kubeconform = shutil.which("kustomize"), shutil.which("kubeconform")
    if kustomize is None:
        raise SystemExit("kustomize is not on PATH")
    start = time.monotonic()
    built = [
        subprocess.run([kustomize, "build", str(folder)], check=True, capture_output=True).stdout
        for folder in overlays
    ]
    if kubeconform is not None:
        subprocess.run([kubeconform, "-ignore-missing-schemas"], input=b"---\n".join(built), check=False)
    return time.monotonic() - start


def _validate(root: Path, environ: dict[str, str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a run, which has to find nothing."""
    code = (
        "import json, resource, sys\nfrom bootstrap.main import run\n"
        f"status = run(['validate', {str(root)!r}])\n"
        "print(json.dumps([status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))"
    )
    start = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    seconds = time.monotonic() - start
    status, peak = json.loads(ended.stdout.splitlines()[-1])
    if status:
        raise SystemExit(f"validate found something:\n{ended.stdout}{ended.stderr}")
    return seconds, peak / 1024


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 1000])
