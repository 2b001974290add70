"""What a run gets from its environment: streams, variables, folders, clock."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from bootstrap.core import on_path

COMPLETE = "_BOOTSTRAP_COMPLETE"
"""The variable that a shell's completion script sets to ask for candidates."""


@dataclass
class Invocation:
    """Passed into every command, so that nothing below reads the process's globals.

    `secrets` collects every credential that the run has read; `output` redacts them all. `notices` are
    what the owner of the files must know after the run, `remarks` what only --quiet leaves out;
    `main` prints each once at the end.
    """

    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Callable[[], float] = time.time
    secrets: set[str] = field(default_factory=set)
    notices: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        path = self.environ.get("PATH")
        if path is not None and path != (safe := on_path.absolute(path)):  # git is found by it, too
            self.environ = {**self.environ, "PATH": safe}

    @property
    def home(self) -> Path:
        return Path(self.environ.get("HOME") or Path.home())

    @property
    def cache_dir(self) -> Path:
        """Downloads and built programs; may be deleted at any time (BOOTSTRAP_CACHE_DIR, XDG)."""
        return self._dir("BOOTSTRAP_CACHE_DIR", "XDG_CACHE_HOME", ".cache")

    @property
    def data_dir(self) -> Path:
        """The sandboxes' state (BOOTSTRAP_DATA_DIR, XDG)."""
        return self._dir("BOOTSTRAP_DATA_DIR", "XDG_DATA_HOME", ".local/share")

    @property
    def state_dir(self) -> Path:
        """Logs of unexpected errors (BOOTSTRAP_STATE_DIR, XDG)."""
        return self._dir("BOOTSTRAP_STATE_DIR", "XDG_STATE_HOME", ".local/state")

    @property
    def interactive(self) -> bool:
        """Questions are possible: standard input and standard error are terminals."""
        return self.stdin.isatty() and self.stderr.isatty()

    def keep_secret(self, *values: str | None) -> None:
        """Remember credentials, so that they are never printed."""
        self.secrets.update(value for value in values if value and len(value) >= 4)

    def _dir(self, ours: str, xdg: str, default: str) -> Path:
        if chosen := self.environ.get(ours):
            return Path(chosen).absolute()  # programs run in folders of their own
        return Path(self.environ.get(xdg) or self.home / default) / "gitops-bootstrap"
