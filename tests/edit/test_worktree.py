"""Files on this machine: links are not followed, writes are whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.core import folder_lock
from bootstrap.core.errors import InputError, RefusedError
from bootstrap.edit import worktree
from bootstrap.edit.worktree import WorkTree, locate
from bootstrap.git.changes import FileChange
from tests.git_repositories import git
from tests.repositories import OURS, write


def test_plain_files_are_found_and_links_are_not_followed(tmp_path):
    outside = write(tmp_path / "outside", {"secret.yaml": "secret\n", "folder/a.yaml": "a\n"})
    root = write(tmp_path / "root", {"a.yaml": "a\n", "sub/b.yaml": "b\n", ".git/c.yaml": "c\n"})
    (root / "link.yaml").symlink_to(outside / "secret.yaml")
    (root / "linked").symlink_to(outside / "folder")
    os.mkfifo(root / "pipe.yaml")
    tree = WorkTree(root)
    assert list(tree.under("")) == ["a.yaml", "sub/b.yaml"]
    assert list(tree.under("sub")) == ["sub/b.yaml"]
    assert list(tree.under("a.yaml")) == ["a.yaml"]
    assert list(tree.under("linked")) == []
    assert tree.links == ["link.yaml"]
    assert tree.read("a.yaml") == b"a\n"
    for path in (
        "link.yaml",
        "linked/a.yaml",
        "pipe.yaml",
        "sub",
        "nope",
        "a.yaml/x",
        "../outside/secret.yaml",
    ):
        assert tree.read(path) is None, path


def test_a_write_replaces_the_file_and_keeps_its_mode(tmp_path):
    root = write(tmp_path, {"a.yaml": "old\n"})
    (root / "a.yaml").chmod(0o640)
    before = (root / "a.yaml").stat().st_ino
    WorkTree(root).write([FileChange("a.yaml", b"new\n", b"old\n")])
    assert (root / "a.yaml").read_bytes() == b"new\n"
    assert stat.S_IMODE((root / "a.yaml").stat().st_mode) == 0o640
    assert (root / "a.yaml").stat().st_ino != before
    assert [path.name for path in root.iterdir()] == ["a.yaml"]


def test_a_file_that_was_changed_meanwhile_is_left_and_so_are_the_others(tmp_path):
    root = write(tmp_path, {"a.yaml": "old\n", "b.yaml": "theirs\n"})
    changes = [FileChange("a.yaml", b"new\n", b"old\n"), FileChange("b.yaml", b"new\n", b"old\n")]
    with pytest.raises(RefusedError, match="changed meanwhile"):
        WorkTree(root).write(changes)
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {
        "a.yaml": b"old\n",
        "b.yaml": b"theirs\n",
    }


def test_a_folder_without_room_leaves_the_file_as_it_is(tmp_path, monkeypatch):
    root = write(tmp_path, {"a.yaml": "old\n"})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RefusedError, match="No space left"):
        WorkTree(root).write([FileChange("a.yaml", b"new\n", b"old\n")])
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {"a.yaml": b"old\n"}


ADD_ONE = """
import sys
from pathlib import Path
from bootstrap.git.changes import FileChange
from bootstrap.edit.worktree import WorkTree
tree = WorkTree(Path(sys.argv[1]))
for _ in range(5):
    with tree.locked():
        before = tree.read("n")
        tree.write([FileChange("n", str(int(before) + 1).encode(), before)])
"""


def test_writers_on_one_machine_do_not_lose_each_others_changes(tmp_path):
    write(tmp_path, {"n": "0"})
    running = [subprocess.Popen([sys.executable, "-c", ADD_ONE, str(tmp_path)]) for _ in range(4)]
    assert [process.wait(timeout=180) for process in running] == [0] * 4
    assert (tmp_path / "n").read_text() == "20"


def test_a_path_is_taken_within_the_work_tree_around_it(tmp_path):
    root = write(tmp_path / "repo", {".git/HEAD": "", "apps/a/k.yaml": "", "top.yaml": ""})
    assert locate(".", root) == (root, "")
    assert locate("apps/a", root) == (root, "apps/a")
    assert locate("k.yaml", root / "apps" / "a") == (root, "apps/a/k.yaml")
    assert locate("../..", root / "apps" / "a") == (root, "")
    assert locate(str(root / "apps"), Path("/")) == (root, "apps")
    alone = write(tmp_path / "alone", {"x/k.yaml": ""})
    assert locate("x", alone) == (alone / "x", "")
    assert locate("x/k.yaml", alone) == (alone / "x", "k.yaml")


def test_a_path_that_leads_elsewhere_is_refused(tmp_path):
    outside = write(tmp_path / "outside", {"k.yaml": ""})
    root = write(tmp_path / "repo", {".git/HEAD": "", "real/k.yaml": ""})
    (root / "link.yaml").symlink_to(root / "real" / "k.yaml")
    (root / "out").symlink_to(outside)
    (root / "in").symlink_to(root / "real")
    with pytest.raises(InputError, match="does not exist"):
        locate("nope", root)
    with pytest.raises(InputError, match="is a symbolic link"):
        locate("link.yaml", root)
    with pytest.raises(InputError, match="leads out of the repository"):
        locate("out", root)
    with pytest.raises(InputError, match="leads out of the repository"):
        locate("out/k.yaml", root)
    assert locate("in", root) == (root, "real")


def test_new_files_get_their_folders_and_removed_ones_take_theirs_along(tmp_path):
    root = write(tmp_path, {"keep/a.yaml": "a\n"})
    tree = WorkTree(root)
    tree.write([FileChange("apps/shop/base/b.yaml", b"b\n"), FileChange("keep/c.yaml", b"c\n")])
    assert (root / "apps/shop/base/b.yaml").read_bytes() == b"b\n"
    plain = root / "plain"
    plain.touch()
    assert (root / "keep/c.yaml").stat().st_mode == plain.stat().st_mode
    plain.unlink()
    tree.write([FileChange("apps/shop/base/b.yaml", None, b"b\n"), FileChange("keep/c.yaml", None, b"c\n")])
    assert [str(path.relative_to(root)) for path in sorted(root.rglob("*"))] == ["keep", "keep/a.yaml"]


def test_a_new_file_does_not_replace_what_is_there(tmp_path):
    root = write(tmp_path, {"a.yaml": "a\n"})
    (root / "link.yaml").symlink_to(root / "a.yaml")
    (root / "folder").symlink_to(tmp_path)
    for path in ("a.yaml", "link.yaml", "folder/b.yaml"):
        with pytest.raises(RefusedError):
            WorkTree(root).write([FileChange("new.yaml", b"n\n"), FileChange(path, b"new\n")])
    assert sorted(path.name for path in root.iterdir()) == ["a.yaml", "folder", "link.yaml"]
    assert (root / "a.yaml").read_bytes() == b"a\n"


HOLD = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_lock_that_another_process_holds_is_reported_after_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_lock, "PATIENCE", 0.2)
    monkeypatch.setattr(folder_lock, "QUIET", 0.0)
    root = write(tmp_path, {"a.yaml": "a\n"})
    said = []
    command = [sys.executable, "-c", HOLD, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(RefusedError, match="another process") as told,
            WorkTree(root).locked(said.append),
        ):
            raise AssertionError("the lock was given twice")
        other.stdin.close()
    assert str(root) in told.value.hint
    assert "for another process" in said[0]
    with WorkTree(root).locked():
        pass


def test_the_command_says_what_it_waits_for(tmp_path):
    """Without --verbose: who waits does not know yet that there is something to look for."""
    root = write(tmp_path, OURS)
    command = [sys.executable, "-c", HOLD, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        told = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "bootstrap",
                "image",
                "set",
                "registry.example.com/web=:2",
                "--app",
                "shop",
                "--env",
                "dev",
            ],
            cwd=root,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert f"another process that locks {root}" in told.stderr.readline()
            other.stdin.close()
            told.communicate(timeout=120)
        finally:
            told.kill()
    assert told.returncode == 0
    assert "newTag: 2" in (root / "apps/shop/overlays/dev/kustomization.yaml").read_text().replace('"', "")


KILLED = """
import os, signal, sys
from pathlib import Path
from bootstrap.git.changes import FileChange
from bootstrap.edit.worktree import WorkTree
tree = WorkTree(Path(sys.argv[1]))
first = Path.replace
def killed(self, target):
    os.kill(os.getpid(), signal.SIGKILL)
Path.replace = killed
with tree.locked():
    tree.write([FileChange(f"apps/{n}.yaml", b"new", b"old") for n in range(3)])
"""


def test_killed_write_leaves_nothing_that_git_would_add_and_the_next_one_sweeps(tmp_path):
    root = write(tmp_path, {f"apps/{n}.yaml": "old" for n in range(3)})
    git(root, "init", "--quiet")
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "first")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(root)], check=False)
    assert ended.returncode == -9
    assert git(root, "status", "--porcelain", "--untracked-files=all") == ""
    drafts = root / ".git" / worktree.DRAFTS
    assert len(list(drafts.iterdir())) == 3
    with WorkTree(root).locked():
        WorkTree(root).write([FileChange("apps/0.yaml", b"new", b"old")])
    assert list(drafts.iterdir()) == []
    assert git(root, "status", "--porcelain") == "M apps/0.yaml"


def test_linked_work_tree_has_its_drafts_in_gits_own_folder_too(tmp_path):
    main = write(tmp_path / "main", {"apps/0.yaml": "old", "apps/1.yaml": "old", "apps/2.yaml": "old"})
    git(main, "init", "--quiet")
    git(main, "add", "-A")
    git(main, "commit", "--quiet", "-m", "first")
    git(main, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "linked")], check=False)
    assert ended.returncode == -9
    assert git(tmp_path / "linked", "status", "--porcelain", "--untracked-files=all") == ""
    drafts = main / ".git" / "worktrees" / "linked" / worktree.DRAFTS
    assert len(list(drafts.iterdir())) == 3
    with WorkTree(tmp_path / "linked").locked():
        pass
    assert list(drafts.iterdir()) == []


@pytest.mark.parametrize("content", [b"gitdir: /nonexistent", b"\xff", b"", b"gitdir: "])
def test_git_file_that_names_nothing_keeps_no_one_from_writing(tmp_path, content):
    root = write(tmp_path, {"a.yaml": "old"})
    (root / ".git").write_bytes(content)
    with WorkTree(root).locked():
        WorkTree(root).write([FileChange("a.yaml", b"new", b"old")])
    assert (root / "a.yaml").read_bytes() == b"new"


def test_folder_of_a_written_file_is_on_the_disk_too(tmp_path, monkeypatch):
    root = write(tmp_path, {"apps/a.yaml": "old\n"})
    synced, real = [], os.fsync

    def noted(handle):
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", noted)
    WorkTree(root).write([FileChange("apps/a.yaml", b"new\n", b"old\n")])
    assert synced[-1] == str(root / "apps")
