"""What git refuses to read is one error, whether the repository has been read before or not."""

from __future__ import annotations

import os
from pathlib import Path

from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import write

MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: shop}\n"


def test_a_pipe_where_git_reads_is_the_same_error_in_the_second_run(run: Run, tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    for folder in (root, other):
        git(folder.parent, "init", "-q", str(folder))
        write(folder, {"clusters/default/one.yaml": MANIFEST})
    assert run("validate", str(root)).exit != 2
    for folder in (root, other):  # the one was read before, the other was not
        os.mkfifo(folder / ".gitattributes")
    known, unknown = run("validate", str(root)), run("validate", str(other))
    assert (known.exit, unknown.exit) == (2, 2)
    assert ".gitattributes is a FIFO" in known.err
    assert known.err.replace(str(root), str(other)) == unknown.err
