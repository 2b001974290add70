"""A link, a submodule and a file that Git LFS keeps are named where an image is not found for their sake."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import write

OVERLAY = "images:\n- name: {name}\n  newName: ghcr.io/acme/{name}\n  newTag: v1\n"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'7' * 64}\nsize 80\n"


@pytest.fixture
def other(tmp_path: Path) -> str:
    """A repository that is taken up as a submodule."""
    root = write(tmp_path / "ext", {"overlays/dev/kustomization.yaml": OVERLAY.format(name="ext")})
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "First")
    return f"file://{root}"


@pytest.fixture
def repo(tmp_path: Path, other: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {"apps/web/overlays/dev/kustomization.yaml": OVERLAY.format(name="web")}
    root = write(tmp_path / "repo", files)
    (root / "apps/linked").symlink_to("web")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other, "apps/ext")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "First")
    origin = tmp_path / "origin.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(root), str(origin))
    git(origin, "config", "uploadpack.allowFilter", "true")
    git(root, "remote", "add", "origin", f"file://{origin}")
    git(root, "fetch", "--quiet")
    git(root, "branch", "--quiet", "--set-upstream-to", "origin/main")
    monkeypatch.chdir(root)
    return root


@pytest.fixture(params=["here", "pushed", "by URL"])
def how(request: pytest.FixtureRequest, repo: Path) -> list[str]:
    """Where the files come from."""
    url = git(repo, "remote", "get-url", "origin")
    return {"here": [], "pushed": ["--push"], "by URL": ["--push", "--repo", url]}[request.param]


@pytest.mark.parametrize("scope", [["--app", "ext", "--env", "dev"], ["--app", "ext"], []])
def test_a_submodule_is_named_and_its_files_stay(run: Run, repo: Path, other: str, how, scope):
    result = run("image", "set", "ext=:v2", *scope, *how)
    assert result.exit == ExitStatus.INPUT
    assert f"apps/ext is a submodule of {other}, which is not followed" in result.err
    assert git(repo / "apps/ext", "status", "--short") == ""


@pytest.mark.parametrize("scope", [["--app", "web", "--env", "dev"], []])
def test_an_image_that_is_nowhere_may_be_in_a_submodule_of_any_name(run: Run, repo: Path, how, scope):
    result = run("image", "set", "elsewhere=:v2", *scope, *how)
    assert result.exit == ExitStatus.INPUT
    assert "submodules are not searched: apps/ext" in result.err


def test_a_submodule_without_its_files_is_named_as_well(run: Run, repo: Path, tmp_path: Path, monkeypatch):
    git(tmp_path, "clone", "--quiet", git(repo, "remote", "get-url", "origin"), str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    result = run("image", "set", "ext=:v2", "--app", "ext", "--env", "dev")
    assert result.exit == ExitStatus.INPUT
    assert "apps/ext is a submodule of" in result.err


def test_in_the_submodule_itself_its_images_are_set(run: Run, repo: Path, monkeypatch):
    monkeypatch.chdir(repo / "apps/ext")
    assert run("image", "set", "ext=:v2", "--env", "dev").exit == 0
    assert git(repo / "apps/ext", "status", "--short") == "M overlays/dev/kustomization.yaml"


def test_a_link_is_named_with_what_it_leads_to(run: Run, repo: Path, how):
    result = run("image", "set", "web=:v2", "--app", "linked", "--env", "dev", *how)
    assert result.exit == ExitStatus.INPUT
    assert "apps/linked is a symbolic link to web, which is not followed" in result.err


def test_a_pointer_of_git_lfs_is_named(run: Run, repo: Path, how):
    path = repo / "apps/web/overlays/dev/kustomization.yaml"
    path.write_text(POINTER)
    git(repo, "commit", "--quiet", "--all", "-m", "LFS")
    git(repo, "push", "--quiet")
    result = run("image", "set", "web=:v2", "--app", "web", "--env", "dev", *how)
    assert result.exit == ExitStatus.INPUT
    assert "apps/web/overlays/dev/kustomization.yaml is a Git LFS pointer" in result.err
    assert path.read_text() == POINTER
