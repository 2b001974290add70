"""What tests of several commands need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.commands.untrusted import Checked, Watched
from tests.conftest import Result, Run
from tests.repositories import OURS, write


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
