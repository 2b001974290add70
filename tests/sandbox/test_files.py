"""A sandbox's files: private, replaced in one step, and removed whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bootstrap.core.errors import SandboxError
from bootstrap.sandbox import files
from tests.conftest import Run

NOBODY = 65534


def as_another_user(action: object, folder: Path) -> int:
    """Run in a child without root's rights, to whom `folder` belongs; the child's exit status."""
    if os.geteuid() == 0:
        for place in (folder, *folder.rglob("*")):
            os.lchown(place, NOBODY, NOBODY)
        for parent in folder.parents:
            if parent.is_relative_to("/tmp") and parent != Path("/tmp"):  # noqa: S108 - pytest's own folders
                # Another user may go through, and write in the test's own folder alone.
                parent.chmod(0o777 if parent == folder.parent else parent.stat().st_mode | 0o011)
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        action()  # type: ignore[operator]
        os._exit(0)
    except SandboxError:
        os._exit(8)
    except BaseException:
        os._exit(1)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # of fork, since Python 3.12
def test_folders_that_not_even_their_owner_may_read_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    inner = folder / "tmp" / "_argocd-repo"
    (inner / "checkout").mkdir(parents=True)
    (inner / "checkout" / "file").write_text("x")
    (folder / "link").symlink_to(tmp_path)
    (inner / "checkout").chmod(0o300)
    inner.chmod(0o300)
    assert as_another_user(lambda: files.remove(folder), folder) == 0
    assert not folder.exists()
    assert tmp_path.exists()


def test_what_cannot_be_removed_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(SandboxError) as caught:
        files.remove(tmp_path / "not-there")
    assert caught.value.where == str(tmp_path / "not-there")


@pytest.mark.parametrize("name", ["sandbox.json", "processes/etcd.json"])
def test_sandbox_whose_records_are_damaged_can_be_purged(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("BOOTSTRAP_DATA_DIR", str(tmp_path))
    path = tmp_path / "sandboxes/broken" / name
    path.parent.mkdir(parents=True)
    path.write_text("{")
    if name == "sandbox.json":
        refused = run("sandbox", "down", "--name", "broken")
        assert refused.exit == 8
        assert "sandbox down --purge" in refused.err
    done = run("sandbox", "down", "--purge", "--name", "broken")
    assert done.exit == 0, done.err
    assert not (tmp_path / "sandboxes/broken").exists()
