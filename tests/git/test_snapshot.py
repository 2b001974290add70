"""A work tree as a commit: everything that is in it, and nothing of it is touched."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.core.errors import InputError
from bootstrap.git import auth
from bootstrap.git.run import Calls
from bootstrap.git.snapshot import Snapshots, top_of
from tests.git_repositories import git

Open = Callable[[Path], Snapshots]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / 'a "quoted" place'
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name, text in (("kept.yaml", "kept\n"), ("apps/edited.yaml", "one\n"), ("gone.yaml", "x\n")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / ".gitignore").write_text("*.secret\n")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "First")
    return folder


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    def made(folder: Path) -> Snapshots:
        private = tmp_path / f"private-{len(list(tmp_path.iterdir()))}"
        private.mkdir()
        return Snapshots(Calls(folder, auth.plain_environment(os.environ), str(folder)), private)

    return made


def state(folder: Path) -> tuple[str, ...]:
    """What a user sees, and every object of the repository."""
    asked = (
        ("status", "--porcelain"),
        ("for-each-ref",),
        ("ls-files", "--stage"),
        ("cat-file", "--batch-all-objects", "--batch-check"),
    )
    return tuple(git(folder, *arguments) for arguments in asked)


def test_what_is_not_committed_is_in_it_and_what_is_ignored_is_not(tree: Path, opened: Open) -> None:
    (tree / "apps" / "edited.yaml").write_text("two\n")
    (tree / "gone.yaml").unlink()
    (tree / "new.yaml").write_text("new\n")
    (tree / "key.secret").write_text("never\n")
    (tree / "kept.yaml").write_text("staged\n")
    git(tree, "add", "kept.yaml")
    before = state(tree)
    snapshots = opened(tree)
    found = snapshots.take()
    assert found.changed == ("apps/edited.yaml", "gone.yaml", "kept.yaml", "new.yaml")
    assert found.head == git(tree, "rev-parse", "HEAD")
    listed = snapshots.calls.run("ls-tree", "-r", "--name-only", found.commit).text.split()
    assert listed == [".gitignore", "apps/edited.yaml", "kept.yaml", "new.yaml"]
    assert snapshots.calls.run("show", f"{found.commit}:apps/edited.yaml").text == "two"
    assert snapshots.made_by_people(found.commit) == found.head
    assert state(tree) == before


def test_a_clean_work_tree_is_its_commit(tree: Path, opened: Open) -> None:
    found = opened(tree).take()
    assert (found.commit, found.changed) == (git(tree, "rev-parse", "HEAD"), ())


def test_each_look_sees_what_was_changed_since(tree: Path, opened: Open) -> None:
    snapshots = opened(tree)
    first = snapshots.take()
    (tree / "apps" / "edited.yaml").write_text("six\n")  # as long as before
    second = snapshots.take()
    assert second.changed == ("apps/edited.yaml",)
    assert not snapshots.is_at(first.commit, second)
    assert snapshots.is_at(second.commit, snapshots.take())
    git(tree, "commit", "--quiet", "-am", "Second")
    third = snapshots.take()
    assert (third.tree, third.changed) == (second.tree, ())


def test_what_a_sparse_checkout_leaves_out_stays_in_it(tree: Path, opened: Open) -> None:
    git(tree, "sparse-checkout", "set", "--no-cone", "/kept.yaml")
    assert not (tree / "gone.yaml").exists()
    assert opened(tree).take().changed == ()


def test_a_work_tree_that_stands_for_nothing_is_refused(tree: Path, opened: Open, tmp_path: Path) -> None:
    git(tree, "checkout", "--quiet", "-b", "other")
    (tree / "kept.yaml").write_text("theirs\n")
    git(tree, "commit", "--quiet", "-am", "Theirs")
    git(tree, "checkout", "--quiet", "main")
    (tree / "kept.yaml").write_text("ours\n")
    git(tree, "commit", "--quiet", "-am", "Ours")
    git(tree, "merge", "other", check=False)
    with pytest.raises(InputError, match=r"kept\.yaml has a merge conflict"):
        opened(tree).take()
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    with pytest.raises(InputError, match="it has no commit yet"):
        opened(empty).take()


def test_the_top_is_found_from_any_folder_inside(tree: Path, tmp_path: Path) -> None:
    environ = auth.plain_environment(os.environ)
    assert top_of(tree / "apps", environ) == tree
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(InputError, match="is not in a Git work tree"):
        top_of(outside, {**environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)})
