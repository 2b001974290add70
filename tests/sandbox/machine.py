"""A machine with next to nothing on it: an empty cache, no releases, PATH with what a test puts there."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.programs import cache as program_cache
from bootstrap.programs.pinned import Pinned


def ignore(_: str) -> None:
    """For reports that a test is not about."""


def tools(folder: Path) -> Path:
    """A folder for PATH with Go, if the machine has it; without, a build gets it from PyPI."""
    folder.mkdir(parents=True)
    if go := shutil.which("go"):
        (folder / "go").symlink_to(go)
    return folder


def invocation(cache: Path, path: Path, **environ: str) -> Invocation:
    """With `cache` and PATH; releases are switched off."""
    given = {"BOOTSTRAP_CACHE_DIR": str(cache), "BOOTSTRAP_RELEASES_URL": "off", "PATH": str(path)}
    return Invocation(
        stdin=io.StringIO(),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
        environ={**os.environ, **given, **environ},
    )


def script(folder: Path, name: str, says: str) -> Path:
    """A program that prints one thing, whatever it is asked."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def place(invocation: Invocation, pinned: Pinned) -> Path:
    """Put a program into the cache, as a run would have."""
    with (
        program_cache.locked([pinned], invocation, ignore),
        program_cache.workspace(pinned, invocation) as work,
    ):
        program = script(work, pinned.file_name, "the one in the cache")
        return program_cache.place(pinned, program, "built", invocation).path
