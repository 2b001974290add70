"""Revisions of a clone that has not the content of every file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git.revisions import extract
from tests.repositories import write

SMALL = "kind: ConfigMap\n"


def git(folder: Path, *arguments: str) -> None:
    command = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments)
    subprocess.run(command, check=True, capture_output=True)


def partial(tmp_path: Path, large: str) -> Path:
    """A clone without what is larger than 1 kB, whose host cannot be reached any more."""
    source = write(tmp_path / "source", {"apps/a.yaml": SMALL, large: "x" * 5000})
    git(source, "init", "-q", "-b", "main")
    git(source, "config", "uploadpack.allowFilter", "true")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "first")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:limit=1k", f"file://{source}", str(clone))
    git(clone, "remote", "set-url", "origin", str(tmp_path / "gone"))
    return clone


@pytest.mark.parametrize("large", ["docs/logo [2].png", "docs/a.gif"])
def test_a_picture_that_a_partial_clone_left_out_is_not_needed(large: str, tmp_path: Path) -> None:
    clone = partial(tmp_path, large)
    extract(clone, "HEAD", tmp_path / "out", Invocation())
    found = {str(one.relative_to(tmp_path / "out")) for one in (tmp_path / "out").rglob("*") if one.is_file()}
    assert found == {"apps/a.yaml"}
    assert (tmp_path / "out/apps/a.yaml").read_text() == SMALL


def test_a_manifest_that_a_partial_clone_left_out_is_named(tmp_path: Path) -> None:
    clone = partial(tmp_path, "apps/definitions.yaml")
    with pytest.raises(InputError) as caught:
        extract(clone, "HEAD", tmp_path / "out", Invocation())
    assert "does not have apps/definitions.yaml of HEAD" in caught.value.found
    assert "git fetch --refetch --no-filter origin" in str(caught.value.hint)
