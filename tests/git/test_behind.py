"""How far a commit is behind its branch: counted in a clone, by what its remote says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.git.behind import Clone, clone_at
from tests.git_repositories import Bare, git


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "gitops.git")


def cloned(bare: Bare, tmp_path: Path) -> Clone:
    git(tmp_path, "clone", "--quiet", str(bare.folder), "clone")
    found = clone_at(tmp_path / "clone", Invocation())
    assert found is not None
    return found


def test_commits_that_are_missing_are_counted(bare: Bare, tmp_path: Path) -> None:
    commits = [bare.commit({"a": text}) for text in (b"1", b"2", b"3")]
    git(bare.folder, "tag", "v1", commits[1])
    clone = cloned(bare, tmp_path)
    url = str(bare.folder)
    assert [clone.behind(url, "main", commit) for commit in commits] == [2, 1, 0]
    assert clone.behind(url, "HEAD", commits[0]) == 2
    assert clone.behind(url, "v1", commits[0]) == 1
    assert not clone.stale


def test_what_the_clone_does_not_know_is_not_guessed(bare: Bare, tmp_path: Path) -> None:
    first = bare.commit({"a": b"1"})
    clone = cloned(bare, tmp_path)
    bare.commit({"a": b"2"})  # not fetched
    url = str(bare.folder)
    assert clone.behind(url, "main", first) is None
    assert clone.behind(url, "gone", first) is None
    assert clone.behind("https://git.example.com/another.git", "main", first) is None
    assert clone.behind(url, "main", "") is None


def test_without_its_remote_what_was_fetched_counts_and_that_is_reported(bare: Bare, tmp_path: Path) -> None:
    commits = [bare.commit({"a": text}) for text in (b"1", b"2")]
    clone = cloned(bare, tmp_path)
    bare.folder.rename(tmp_path / "moved.git")
    assert clone.behind(str(bare.folder), "main", commits[0]) == 1
    assert clone.stale


def test_folder_in_no_repository_is_not_a_clone(tmp_path: Path) -> None:
    assert clone_at(tmp_path, Invocation()) is None


@pytest.mark.parametrize("depth", [None, 1])
def test_commit_that_overtook_is_known_as_a_descendant_without_moving_a_ref(
    bare: Bare, tmp_path: Path, depth: int | None
) -> None:
    """A CI job's clone has the commit that it was started for, and nothing before or after it."""
    ours = bare.commit({"a": b"2"})
    shallow = ("--depth=1",) if depth else ()
    git(tmp_path, "clone", "--quiet", *shallow, bare.url, "overtaken")
    bare.commit({"a": b"3"})
    newest = bare.commit({"a": b"4"})
    other = bare.commit({"b": b"1"}, branch="unrelated")
    folder = tmp_path / "overtaken"
    before = git(folder, "for-each-ref")
    clone = clone_at(folder, Invocation())
    assert clone is not None
    assert clone.descends(newest, ours)
    assert not clone.descends(ours, newest)
    assert not clone.descends(other, ours)
    assert not clone.descends("f" * 40, ours)
    assert git(folder, "for-each-ref") == before
    assert not (folder / ".git" / "FETCH_HEAD").exists() or not (folder / ".git" / "FETCH_HEAD").read_text()
