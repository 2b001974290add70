"""Every shell part of the CI files, by shellcheck; GitHub's workflows by actionlint, which asks it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ci import gitlab_inputs, laid_out

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    shutil.which("shellcheck") is None,
    reason="shellcheck is not on this machine: sudo apt-get install shellcheck",
)


def shellcheck(*arguments: str | Path, text: str | None = None) -> None:
    command = ["shellcheck", *arguments]
    ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_actions_scripts() -> None:
    scripts = sorted((ROOT / "ci" / "action").glob("*.sh"))
    assert len(scripts) == 2
    shellcheck(*scripts)


def test_gitlabs_scripts(tmp_path: Path) -> None:
    found = gitlab_inputs.pipeline(laid_out.app(tmp_path / "app", "gitlab"))
    found |= {
        f"gitops {name}": body
        for name, body in gitlab_inputs.pipeline(laid_out.gitops(tmp_path / "gitops", "gitlab")).items()
    }
    scripts = {
        line
        for body in found.values()
        for job in body.values()
        if isinstance(job, dict)
        for line in job.get("script", ())
    }
    assert len(scripts) == 6
    for script in sorted(scripts):
        shellcheck("--shell=sh", "-", text=script)
