"""OpenPGP keys of a test, in a home of its own whose path is short enough for gpg's agent."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Keys:
    """gpg with its own home; `program` is what git is to call."""

    home: Path

    @property
    def program(self) -> Path:
        path = self.home / "gpg-of-this-test"
        path.write_text(f'#!/bin/sh\nexec gpg --homedir {self.home} --batch "$@"\n')
        path.chmod(0o755)
        return path

    def gpg(self, *arguments: str) -> str:
        command = ["gpg", "--homedir", str(self.home), "--batch", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def make(self, name: str, expires: str = "never") -> str:
        """A new key without a passphrase; its ID."""
        protection = ("--passphrase", "", "--pinentry-mode", "loopback")
        self.gpg(
            *protection, "--quick-generate-key", f"{name} <{name}@example.org>", "ed25519", "sign", expires
        )
        listed = self.gpg("--with-colons", "--list-keys", f"{name}@example.org")
        return next(line.split(":")[4] for line in listed.splitlines() if line.startswith("pub:"))

    def export(self, key: str, path: Path) -> Path:
        path.write_text(self.gpg("--armor", "--export", key))
        return path

    def configuration(self, key: str) -> str:
        """What git's configuration says to sign by that key."""
        return f"[user]\n\tsigningKey = {key}\n[gpg]\n\tprogram = {self.program}\n"


@contextmanager
def keys() -> Iterator[Keys]:
    """Skips by name without gpg."""
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not on this machine: sudo apt-get install gnupg")
    with tempfile.TemporaryDirectory(prefix="gpg-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o700)
        try:
            yield Keys(Path(home))
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], capture_output=True, check=False)
