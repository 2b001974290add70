"""What tests of several commands need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, and kustomize on PATH."""
    from bootstrap.repository.tools import kustomize

    program = Path(kustomize(Invocation()))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(folder))
    return folder
