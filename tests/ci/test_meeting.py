"""The pipelines that are laid out, run while someone else commits: their deployment is not lost.

Times are those of a real run: the build begins, another commit lands in the GitOps repository, the bump
is made. Only `gh`, which says when the run was created, is a stand-in.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ci import gitlab_inputs, laid_out, steps, test_action
from tests.ci.test_github_steps import BASH, outputs
from tests.ci.test_gitlab_steps import GITLAB, SH
from tests.git_repositories import Bare, git

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
ENTRIES = "".join(f"  - name: shop/{name}\n    newTag: v0\n" for name in ("web", "api"))
BEFORE, BEGUN = "2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z"
DURING = "2026-06-01T12:01:00Z"
DIGEST = "sha256:" + "0a" * 32
SHA = "0123456789abcdef" * 2 + "01234567"
IMAGE = f"ghcr.io/org/web:sha-{SHA[:12]}@{DIGEST}"

Commit = Callable[[dict[str, bytes], str], str]


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "gitops.git")


@pytest.fixture
def commit(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> Commit:
    """A commit of someone else, at a time."""

    def at(files: dict[str, bytes], when: str) -> str:
        with monkeypatch.context() as patched:
            patched.setenv("GIT_COMMITTER_DATE", when)
            patched.setenv("GIT_AUTHOR_DATE", when)
            return bare.commit(files)

    return at


def of_github(tmp_path: Path, bare: Bare, during: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    """image.yml names the image, and bump-image.yml's action writes it, with the inputs of the caller."""
    root = laid_out.repository(tmp_path / "shop", "web")
    options = ("--app", "shop", "--gitops-repo", laid_out.GITOPS, "--registry", "ghcr.io/org")
    laid_out.lay_out(root, "github", *laid_out.TOOL["github"], *options)
    environ = {
        "GITHUB_OUTPUT": str(tmp_path / "names"),
        "GITHUB_REPOSITORY": "org/shop",
        "GITHUB_RUN_ID": "42",
        "GITHUB_SHA": SHA,
        "IMAGES": "ghcr.io/org/web",
    }
    on_path = steps.programs(tmp_path / "bin", gh=f"echo {BEGUN}")
    named = steps.run(steps.github("image.yml", "push", "Name the image"), BASH, root, on_path, environ)
    assert named.returncode == 0, named.stderr
    found = outputs(environ)
    during()
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "bootstrap").write_text(f'#!/bin/sh\nexec {sys.executable} -m bootstrap "$@"\n')
    (programs / "bootstrap").chmod(0o755)
    inputs = {
        "INPUT_IMAGE": f"shop/web={found['image']}:{found['tag']}@{DIGEST}",
        "INPUT_BUILT_AT": found["pushed-at"],
        "INPUT_REPOSITORY": bare.url,
    }
    return test_action.run(tmp_path, programs, **inputs)[0]


def of_gitlab(tmp_path: Path, bare: Bare, during: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    """The jobs `push` and `bump` of the pipeline that is laid out, one after the other."""
    inputs = {"app": "shop", "environment": "dev", "entry": "shop/web", "gitops-repository": bare.url}
    job = gitlab_inputs.filled(steps.FILES / "gitlab" / "bump-image.yml", inputs)["bump image"]
    variables = {name: str(value) for name, value in job["variables"].items()}
    during()
    environ = {
        **GITLAB,
        **variables,
        "CI_PIPELINE_CREATED_AT": BEGUN,
        "GITOPS_TOKEN": "a-token-that-nobody-may-see",
        "IMAGE_REFERENCE": IMAGE,
    }
    on_path = steps.programs(tmp_path / "bin")
    return steps.run("\n".join(job["script"]), SH, tmp_path, on_path, environ)


PIPELINES = pytest.mark.parametrize("pipeline", [of_github, of_gitlab])


@PIPELINES
@pytest.mark.parametrize(
    "other",
    [
        {"README.md": b"written while it was built\n"},
        {OVERLAY: f"images:\n{ENTRIES}".replace("api\n    newTag: v0", "api\n    newTag: v1").encode()},
    ],
    ids=["a person's page", "another service's bump"],
)
def test_a_commit_that_lands_during_the_build_loses_no_deploy(
    tmp_path: Path, bare: Bare, commit: Commit, pipeline, other: dict[str, bytes]
) -> None:
    commit({OVERLAY: f"images:\n{ENTRIES}".encode()}, BEFORE)
    ended = pipeline(tmp_path, bare, lambda: commit(other, DURING))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    files = bare.files()
    assert f"newName: ghcr.io/org/web\n    newTag: sha-{SHA[:12]}\n" in files[OVERLAY].decode()
    for path, content in other.items():
        if path != OVERLAY:
            assert files[path] == content
    if OVERLAY in other:
        assert b"name: shop/api\n    newTag: v1\n" in files[OVERLAY]
    assert git(bare.folder, "rev-list", "--count", "main") == "3"


@PIPELINES
def test_the_same_image_set_by_a_later_build_stays(
    tmp_path: Path, bare: Bare, commit: Commit, pipeline
) -> None:
    commit({OVERLAY: f"images:\n{ENTRIES}".encode()}, BEFORE)
    later = f"images:\n{ENTRIES}".replace("web\n    newTag: v0", "web\n    newTag: v9").encode()
    ended = pipeline(tmp_path, bare, lambda: commit({OVERLAY: later}, DURING))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert bare.files()[OVERLAY] == later
