"""The workflows are what GitHub reads: linted, by their schema, pinned, with the least rights."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci import laid_out
from tests.tools import tool

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"uses: (?!\./)\S+@(?P<commit>[0-9a-f]{40})(?P<version>  ?# v\d+\.\d+\.\d+)?$")


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """An application's repository and a GitOps repository, without charts and with them."""
    folder = tmp_path_factory.mktemp("github")
    charts = laid_out.gitops(folder / "charts", "github", "--fetch-charts")
    return laid_out.app(folder / "app", "github"), laid_out.gitops(folder / "gitops", "github"), charts


def workflows(root: Path) -> list[Path]:
    found = sorted((root / ".github" / "workflows").glob("*.yml"))
    assert found
    return found


def loaded(path: Path) -> Any:
    """The file as GitHub reads it: `on` is a word."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - the safest of all


def jobs(path: Path) -> dict[str, Any]:
    found = loaded(path)["jobs"]
    assert isinstance(found, dict)
    return found


def test_actionlint_and_shellcheck_find_nothing(repositories: tuple[Path, ...]) -> None:
    shellcheck = shutil.which("shellcheck") or ""  # test_shell.py says so when it is missing
    for root in repositories:
        command = [tool("actionlint"), f"-shellcheck={shellcheck}", "-pyflakes=", *workflows(root)]
        ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_actionlint_would_find_an_input_in_a_script(repositories: tuple[Path, ...], tmp_path: Path) -> None:
    """What it is asked for above is not switched off: an expression that a stranger fills is found."""
    bad = (repositories[1] / ".github" / "workflows" / "gitops.yml").read_text()
    ours = 'run: bootstrap validate -o github ${CHARTS:+"$CHARTS"}\n'
    assert ours in bad
    bad = bad.replace(ours, "run: echo ${{ github.head_ref }}\n")
    (tmp_path / "bad.yml").write_text(bad)
    command = [tool("actionlint"), "-shellcheck=", "-pyflakes=", tmp_path / "bad.yml"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 1
    assert "untrusted" in ended.stdout


def test_files_are_by_the_published_schemas(repositories: tuple[Path, ...]) -> None:
    for schema, files in (
        ("vendor.github-workflows", [path for root in repositories for path in workflows(root)]),
        ("vendor.github-actions", [ROOT / "action.yml"]),
    ):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_action_is_pinned_by_a_commit_with_its_version(repositories: tuple[Path, ...]) -> None:
    for path in (path for root in repositories for path in workflows(root)):
        for line in path.read_text().splitlines():
            if "uses:" not in line or "uses: ./" in line:
                continue
            found = PIN.search(line)
            assert found, f"{path.name}: {line}"
            assert found["version"] or laid_out.ACTION in line, f"{path.name}: {line}"


def test_no_expression_is_in_the_text_of_a_script(repositories: tuple[Path, ...]) -> None:
    steps = [
        step
        for root in repositories
        for path in workflows(root)
        for job in jobs(path).values()
        for step in job.get("steps", ())
    ]
    steps += loaded(ROOT / "action.yml")["runs"]["steps"]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) > 8
    assert not [script for script in scripts if "${{" in script]


def test_rights_are_none_but_for_the_jobs_that_need_them(repositories: tuple[Path, ...]) -> None:
    rights: dict[str, Any] = {}
    for path in (path for root in repositories for path in workflows(root)):
        assert loaded(path)["permissions"] == {}, path.name
        rights |= {f"{path.stem}/{name}": job.get("permissions", {}) for name, job in jobs(path).items()}
    writing = {name: {right for right, how in of.items() if how == "write"} for name, of in rights.items()}
    sign = {"packages", "id-token", "attestations", "artifact-metadata"}
    assert {name: of for name, of in writing.items() if of and "/image" not in name} == {
        "image/push": {"packages"},
        "image/sign": sign,
        "gitops/comment": {"pull-requests"},
    }
    callers = [of for name, of in rights.items() if "/image" in name]
    granted = {right for of in rights.values() for right in of if right != "pull-requests"}
    assert [set(of) for of in callers] == [granted] * len(laid_out.SERVICES), "a caller grants what is used"


def test_a_service_is_built_by_its_own_changes(repositories: tuple[Path, ...]) -> None:
    for service in laid_out.SERVICES:
        found = loaded(repositories[0] / ".github" / "workflows" / f"{service}.yml")
        for event in ("push", "pull_request"):
            assert found["on"][event]["paths"][:2] == [f"{service}/**", f".github/workflows/{service}.yml"]
        given = found["jobs"]["image"]["with"]
        assert (given["service"], given["context"], given["entry"]) == (
            service,
            service,
            f"voting-app/{service}",
        )
        assert given["images"].split() == [f"ghcr.io/org/{service}", f"docker.io/org/{service}"]
        assert given["gitops-repository"] == laid_out.GITOPS


def test_a_bump_is_never_cancelled(repositories: tuple[Path, ...]) -> None:
    """Only a pull request's runs share a group, and those publish nothing."""
    for path in workflows(repositories[0]):
        concurrency = loaded(path).get("concurrency")
        assert not [job for job in jobs(path).values() if "concurrency" in job]
        if concurrency is not None:
            assert "github.event.pull_request.number || github.run_id" in concurrency["group"]
            assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
            assert "github.event_name != 'pull_request' &&" in jobs(path)["image"]["with"]["publish"]


def test_charts_bring_one_setting_and_no_cache(repositories: tuple[Path, ...]) -> None:
    without, charts = (loaded(root / ".github/workflows/gitops.yml") for root in repositories[1:])
    assert (without["env"]["CHARTS"], charts["env"]["CHARTS"]) == ("", "--fetch-charts")
    assert charts["jobs"] == without["jobs"], "nothing else differs"
