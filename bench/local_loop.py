"""`bootstrap sandbox push`: from an uncommitted edit to the cluster that runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, spread

GOAL = 5.0
TITLE = "An edit in a work tree until it is live in the sandbox"
_SETTINGS = "apps/voting-app/overlays/dev/kustomization.yaml"


def run(rounds: int) -> Iterator[Figure]:
    """A sandbox with the catalog's default components, and one edit per round."""
    with tempfile.TemporaryDirectory(prefix="bootstrap-bench-") as name:
        folder = Path(name)
        environ = {
            **os.environ,
            "BOOTSTRAP_DATA_DIR": str(folder / "data"),
            "BOOTSTRAP_STATE_DIR": str(folder / "state"),
        }

        def ours(*arguments: str) -> dict[str, object]:
            command = [sys.executable, "-m", "bootstrap", *arguments, "-o", "json"]
            ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise SystemExit(
                    f"bootstrap {' '.join(arguments)} ended with {ended.returncode}:\n{ended.stderr}"
                )
            found: dict[str, object] = json.loads(ended.stdout)
            return found

        try:
            up = ours("sandbox", "up", "--init")
            clone = folder / "clone"
            host = json.loads(json.dumps(up["git"]))
            token = Path(host["tokenFile"]).read_text(encoding="utf-8").strip()
            address = str(host["url"]).replace("://", f"://{host['username']}:{token}@")
            url = f"{address}/{host['organisation']}/gitops.git"
            subprocess.run(["git", "clone", "--quiet", url, str(clone)], check=True)
            seconds = []
            for number in range(rounds):
                settings = clone / _SETTINGS
                text = settings.read_text(encoding="utf-8").partition("commonAnnotations:")[0]
                settings.write_text(f'{text}commonAnnotations: {{round: "{number}"}}\n', encoding="utf-8")
                seconds.append(float(str(ours("sandbox", "push", "--repo", str(clone))["seconds"])))
            yield Figure("edit → live", sorted(seconds)[len(seconds) // 2], "s", GOAL, spread(seconds))
        finally:
            ours("sandbox", "down", "--purge")
