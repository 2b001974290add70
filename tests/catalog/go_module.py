"""The files of a Go module, from the Go module proxy, checked against the checksum that the test names."""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.programs import go as toolchain
from tests.conftest import USER_ENVIRONMENT


@dataclass(frozen=True)
class Module:
    """A Go module of which a folder is read; `sum` is its h1 checksum."""

    path: str
    version: str
    sum: str
    folder: str


@contextmanager
def unpacked(module: Module) -> Iterator[Path]:
    """The module's folder, for as long as it is read; skips by name what cannot be fetched."""
    invocation = Invocation(stdout=io.StringIO(), stderr=io.StringIO(), environ=USER_ENVIRONMENT)
    with tempfile.TemporaryDirectory(prefix="go-module-") as name:
        folder = Path(name)
        go = toolchain.find(invocation, folder, lambda message: None)
        # The checksum below is ours, so that no other service needs to be reached.
        environ = {**toolchain.environ(invocation, folder), "GOSUMDB": "off", "GONOSUMDB": "*"}
        command = [str(go), "mod", "download", "-json", f"{module.path}@{module.version}"]
        done = subprocess.run(
            command, env=environ, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
        answer = json.loads(done.stdout or "{}")
        if "Dir" not in answer:
            pytest.skip(
                f"{module.path}@{module.version} cannot be fetched: {answer.get('Error', done.stderr)}"
            )
        assert answer["Sum"] == module.sum, f"{module.path}@{module.version} is not what it was"
        yield Path(answer["Dir"]) / module.folder
