"""A workflow run by act, on this machine itself: every action that it names is a folder here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.tools import tool

ROOT = Path(__file__).parents[2]
TIMEOUT = 600.0
"""Seconds; most of them go to pip, which installs bootstrap as on a fresh runner."""
NEVER = """\
name: not for this run
description: Stands for an action whose step is skipped. If it is not, the job fails.
runs: {using: composite, steps: [{shell: bash, run: exit 1}]}
"""


def checkout(folder: Path) -> Path:
    """The files of this project that Git tracks, as a runner checks an action out."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for path in (path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes((ROOT / path).read_bytes())
        (folder / path).chmod((ROOT / path).stat().st_mode)
    return folder


def never(folder: Path) -> Path:
    """An action that fails its job."""
    folder.mkdir(parents=True)
    (folder / "action.yml").write_text(NEVER)
    return folder


def dispatch(
    repository: Path,
    workflow: str,
    inputs: Mapping[str, Any],
    actions: Mapping[str, Path],
    secrets: Mapping[str, str],
    variables: Mapping[str, str],
    work: Path,
) -> subprocess.CompletedProcess[str]:
    """Run a workflow of the repository as if it was started by hand.

    Secrets go by a file: act's arguments could be read by others on this machine.
    """
    work.mkdir()
    (work / "event.json").write_text(json.dumps({"inputs": dict(inputs)}))
    for name, values in (("secrets", secrets), ("variables", variables)):
        (work / name).touch(mode=0o600)
        (work / name).write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    command: list[str | Path] = [tool("act"), "workflow_dispatch", "--directory", repository]
    command += ["--workflows", f".github/workflows/{workflow}", "--eventpath", work / "event.json"]
    command += ["--secret-file", work / "secrets", "--var-file", work / "variables"]
    command += [
        "--platform",
        "ubuntu-latest=-self-hosted",
        "--no-cache-server",
        "--action-cache-path",
        work / "cache",
    ]
    for action, folder in actions.items():
        command += ["--local-repository", f"{action}={folder}"]
    if "PIP_INDEX_URL" in os.environ:
        command += ["--env", "PIP_INDEX_URL"]
    return subprocess.run(
        [str(part) for part in command],
        env={**os.environ, "XDG_CACHE_HOME": str(work / "xdg"), "XDG_CONFIG_HOME": str(work / "xdg")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
