"""What tests of several commands need."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from tests.commands.untrusted import Checked, Watched
from tests.conftest import Result, Run
from tests.repositories import OURS, write


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, and kustomize on PATH."""
    from bootstrap.repository.tools import kustomize

    program = Path(kustomize(Invocation()))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def watched() -> Iterator[Watched]:
    found = Watched()
    with found.server:
        yield found


@pytest.fixture
def checked(run: Run, tmp_path: Path) -> Checked:
    """`validate` of a good repository with these files in it."""

    def call(files: Mapping[str, str]) -> Result:
        return run("validate", str(write(tmp_path / "repository", OURS, files)), "--fail-on", "error")

    return call
