"""What a few tests need of the operating system; without it they are skipped, saying what to install."""

from __future__ import annotations

import shutil

import pytest

NEEDS_SSH = pytest.mark.skipif(
    not (shutil.which("ssh") and shutil.which("ssh-keygen")),
    reason="OpenSSH's client is not on this machine: sudo apt-get install openssh-client",
)
