"""A repository's own Git files that git would wait for, or read without an end: one error each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus, GitError
from bootstrap.git import auth, command
from bootstrap.git import run as runner
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import OURS, write

pytestmark = pytest.mark.usefixtures("cache")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


WAITED_FOR: dict[str, Callable[[Path], object]] = {
    "a FIFO": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "larger than 64 MB": huge,
}


@pytest.mark.parametrize("what", WAITED_FOR)
@pytest.mark.parametrize("name", ["HEAD", "config", "info/exclude", "refs/heads/other", "../.gitignore"])
def test_git_that_would_not_end_is_one_error(run: Run, tmp_path: Path, what: str, name: str) -> None:
    root = write(tmp_path / "repository", OURS)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    path = root / ".git" / name
    path.unlink(missing_ok=True)
    WAITED_FOR[what](path)
    for words in (("image", "list", str(root)), ("validate", str(root)), ("diff", str(root))):
        result = run(*words)
        assert result.exit == ExitStatus.INPUT, words
        assert f"{path.name} is {what}" in result.err
        assert str(path.parent.resolve() / path.name) in result.err
        assert result.err.count("error:") == 1


def test_git_that_waits_for_what_its_configuration_names_is_ended_with_one_error(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A FIFO that is included, and one in place of an object: nobody can tell before git reads them."""
    root = write(tmp_path / "repository", OURS)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr(command, "ASK_SECONDS", 1.0)
    monkeypatch.setattr(runner, "ANSWER_SECONDS", 1.0)
    environ = dict(auth.plain_environment(os.environ))
    objects = runner.Objects(root, environ)
    found = git(root, "rev-parse", "HEAD").strip()
    assert objects.get(found)
    objects.close()
    kept = root / ".git" / "objects" / found[:2] / found[2:]
    content = kept.read_bytes()
    kept.unlink()
    os.mkfifo(kept)
    objects = runner.Objects(root, environ)
    with pytest.raises(GitError, match="did not end within 1 s"):
        objects.get(found)
    objects.close()
    kept.unlink()
    kept.write_bytes(content)
    with (root / ".git" / "config").open("a") as config:
        config.write(f"[include]\n\tpath = {tmp_path}/fifo\n")
    with pytest.raises(GitError, match="did not end within 1 s"):
        runner.run(("rev-parse", "HEAD"), root, environ, timeout=1)
    result = run("validate", str(root))
    assert "did not end within 1 s" in result.err
    assert result.exit == ExitStatus.GIT
