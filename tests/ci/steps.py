"""Scripts of the CI files, run as the hosts run them: GitHub by bash -e, GitLab by sh."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

FILES = Path(__file__).parents[2] / "bootstrap" / "ci" / "files"


def github(workflow: str, job: str, step: str) -> str:
    """The script of a step, by its name."""
    jobs = yaml.safe_load((FILES / "github" / workflow).read_text(encoding="utf-8"))["jobs"]
    (script,) = (one["run"] for one in jobs[job]["steps"] if one.get("name") == step)
    return str(script)


def programs(folder: Path, **scripts: str) -> Path:
    """A folder with `bootstrap`, and stand-ins for what is not on this machine."""
    folder.mkdir()
    scripts = {"bootstrap": f'exec {sys.executable} -m bootstrap "$@"', **scripts}
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def run(
    script: str, shell: tuple[str, ...], folder: Path, on_path: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*shell, "-c", script],
        cwd=folder,
        env={**os.environ, **environ, "PATH": f"{on_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
