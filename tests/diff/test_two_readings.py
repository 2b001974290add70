"""The second revision is read by what differs from the first, and shows what a reading from nothing shows."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.core import scratch
from bootstrap.repository import read as reading
from bootstrap.repository.discover import YAML
from tests.conftest import Run
from tests.repositories import OURS, write

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: {a: b}\n"


def git(root: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "--all", ".")
    git(root, "commit", "--allow-empty", "-m", "change")


@pytest.fixture
def root(tmp_path: Path, cache: Path) -> Path:
    root = write(tmp_path / "repo", OURS)
    git(root, "init", "-b", "main")
    commit(root)
    return root


def edit(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))


def tag(root: Path) -> None:
    edit(root, OVERLAY, "1.2.3", "1.2.4")


def base(root: Path) -> None:
    edit(root, "apps/shop/base/kustomization.yaml", "MODE=fast", "MODE=slow")


def a_file_more(root: Path) -> None:
    edit(root, "apps/shop/base/kustomization.yaml", "  - shop.yaml\n", "  - shop.yaml\n  - more.yaml\n")
    (root / "apps/shop/base/more.yaml").write_text(PLAIN)


def a_file_less(root: Path) -> None:
    (root / "apps/shop/base/shop.yaml").unlink()


def moved(root: Path) -> None:
    git(root, "mv", "apps/shop/overlays/dev", "apps/shop/overlays/test")
    edit(root, "apps/shop/applications/dev/application.yaml", "overlays/dev", "overlays/test")


def a_cluster_line(root: Path) -> None:
    edit(root, "clusters/one/kustomization.yaml", "  # - ../../apps", "  - ../../apps")


def broken(root: Path) -> None:
    (root / OVERLAY).write_text("resources: [../../nowhere]\n")


def a_link(root: Path) -> None:
    target = root / "apps/shop/base/shop.yaml"
    target.rename(root / "shop.yaml")
    target.symlink_to("../../../shop.yaml")


def a_link_that_leads_out(root: Path) -> None:
    (root / "apps/shop/base/shop.yaml").unlink()
    (root / "apps/shop/base/shop.yaml").symlink_to("/etc/hostname")


CHANGES = (tag, base, a_file_more, a_file_less, moved, a_cluster_line, broken, a_link, a_link_that_leads_out)


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
def test_what_differs_is_the_same_from_nothing(run: Run, root: Path, change: Callable[[Path], None]) -> None:

    change(root)
    commit(root)
    for revisions in ("HEAD~1..HEAD", "HEAD..HEAD~1", "HEAD~1"):
        from_nothing = run("diff", str(root), "--rev", revisions, "--no-cache", "-o", "json")
        assert from_nothing.exit in (0, 1), from_nothing.err
        for _ in range(2):
            again = run("diff", str(root), "--rev", revisions, "-o", "json")
            assert (again.exit, again.out) == (from_nothing.exit, from_nothing.out), revisions


def test_only_what_differs_is_read_a_second_time(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag(root)
    commit(root)
    looked_at: list[str] = []
    inspect = reading.inspect
    monkeypatch.setattr(
        reading, "inspect", lambda files, path: looked_at.append(path) or inspect(files, path)
    )
    assert run("diff", str(root), "--rev", "HEAD~1..HEAD").exit == 1
    every = sorted(path for path in OURS if path.endswith(YAML))
    assert sorted(looked_at) == sorted([*every, OVERLAY])


def test_revisions_are_written_to_memory_where_there_is_room(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag(root)
    commit(root)
    places: list[str | None] = []
    take = scratch.take
    monkeypatch.setattr(
        scratch,
        "take",
        lambda purpose, within=None: (
            (places.append(within) if purpose == "diff" else None) or take(purpose, within)
        ),
    )
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(scratch, "_MEMORY", memory)
    assert run("diff", str(root), "--rev", "HEAD~1..HEAD").exit == 1
    assert places == [None], "a folder on a disk is no memory"
    monkeypatch.setattr(scratch, "_is_memory", lambda place: True)
    places.clear()
    assert run("diff", str(root), "--rev", "HEAD~1..HEAD").exit == 1
    assert places == [str(memory)]
    assert list(memory.iterdir()) == [], "nothing is left"
    for name, value in (("TMPDIR", str(tmp_path)), ("TMPDIR", "")):
        monkeypatch.setenv(name, value)
        assert scratch.in_memory([4096]) == (None if value else str(memory))
    assert scratch.in_memory([]) is scratch.in_memory([scratch.MOST_IN_MEMORY + 1]) is None
    link = tmp_path / "link"
    link.symlink_to(memory)
    monkeypatch.setattr(scratch, "_MEMORY", link)
    assert scratch.in_memory([4096]) is None, "a link may lead anywhere"


@pytest.mark.skipif(not os.path.ismount(str(scratch._MEMORY)), reason="this machine has none")
def test_a_real_one_is_seen_as_memory(tmp_path: Path) -> None:
    assert scratch._is_memory(scratch._MEMORY)
    assert not scratch._is_memory(tmp_path)
