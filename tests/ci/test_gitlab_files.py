"""The pipelines are what GitLab reads: by its schema, header and body, with their inputs filled in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ci import gitlab_inputs, laid_out

ROOT = Path(__file__).parents[2]
COMPONENT = ROOT / "templates" / "bump-image.yml"


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An application's repository and a GitOps repository."""
    folder = tmp_path_factory.mktemp("gitlab")
    return laid_out.app(folder / "app", "gitlab"), laid_out.gitops(folder / "gitops", "gitlab")


def check(documents: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    files = []
    for number, (name, content) in enumerate(documents.items()):
        files.append(folder / f"{number}-{name.replace('/', '-').replace(' ', '-')}.json")
        files[-1].write_text(json.dumps(content))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_files_are_by_gitlabs_published_schema(repositories: tuple[Path, Path], tmp_path: Path) -> None:
    app, gitops = repositories
    documents = {f"app {name}": body for name, body in gitlab_inputs.pipeline(app).items()}
    assert len(documents) == 1 + 3 * len(laid_out.SERVICES)
    documents |= {f"gitops {name}": body for name, body in gitlab_inputs.pipeline(gitops).items()}
    for path in (COMPONENT, app / ".gitlab" / "ci" / "image.yml"):
        documents[f"header {path.name}"] = {"spec": {"inputs": gitlab_inputs.load(path)[0]}}
    ended = check(documents, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_schema_would_find_a_wrong_key(repositories: tuple[Path, Path], tmp_path: Path) -> None:
    body = gitlab_inputs.pipeline(repositories[1])[".gitlab-ci.yml"]
    assert check({"bad": {**body, "validate": {**body["validate"], "scripts": []}}}, tmp_path).returncode == 1


def test_the_component_is_the_file_that_is_laid_out(repositories: tuple[Path, Path]) -> None:
    laid = (repositories[0] / ".gitlab" / "ci" / "bump-image.yml").read_text()
    assert COMPONENT.read_text() == laid.replace(laid_out.IMAGE, "registry.example.com/platform/bootstrap:v1")


def test_every_service_has_its_jobs_in_order(repositories: tuple[Path, Path]) -> None:
    found = gitlab_inputs.pipeline(repositories[0])
    stages = found[".gitlab-ci.yml"]["stages"]
    jobs = {
        name: job
        for body in found.values()
        for name, job in body.items()
        if isinstance(job, dict) and "script" in job
    }
    assert set(jobs) == {f"{step} {service}" for step in stages for service in laid_out.SERVICES}
    for service in laid_out.SERVICES:
        test, push, bump = (jobs[f"{step} {service}"] for step in stages)
        assert (push["needs"], bump["needs"]) == ([f"test {service}"], [f"push {service}"])
        assert [job["interruptible"] for job in (test, push, bump)] == [True, False, False]
        for job in (test, push, bump):
            assert job["rules"][-1]["changes"] == [f"{service}/**/*"]
        assert bump["image"]["name"] == laid_out.IMAGE
        assert bump["variables"]["BUMP_ENTRY"] == f"voting-app/{service}"


def test_no_input_is_in_the_text_of_a_script() -> None:
    for name in ("image.yml", "bump-image.yml"):
        _, body = gitlab_inputs.load(ROOT / "bootstrap" / "ci" / "files" / "gitlab" / name)
        scripts = [line for job in body.values() if isinstance(job, dict) for line in job.get("script", ())]
        assert scripts
        assert not [line for line in scripts if "$[[" in line]
