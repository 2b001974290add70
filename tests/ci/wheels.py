"""The wheels that the action installs, on this machine: reading an index takes a job longer than installing.

Each is one that `requirements.txt` names by its sha256; they are kept in the programs' cache.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.conftest import USER_ENVIRONMENT, programs_cache

ROOT = Path(__file__).parents[2]
REQUIRED = (ROOT / "requirements.txt", ROOT / "requirements-cel.txt")


def _folder() -> Path:
    python = [
        "python3",
        "-I",
        "-c",
        "import sys, sysconfig; print(sys.version_info[:2], sysconfig.get_platform())",
    ]
    tags = subprocess.run(python, env=USER_ENVIRONMENT, capture_output=True, check=True).stdout
    key = hashlib.sha256(b"".join([tags, *(path.read_bytes() for path in REQUIRED)]))
    return programs_cache() / f"wheels-{key.hexdigest()[:16]}"


def fetched() -> Path:
    """The folder of wheels; without it the test fails and says what to run."""
    if not _folder().is_dir():
        pytest.fail("the wheels that the action installs are not here: make test-programs", pytrace=False)
    return _folder()


def fetch() -> Path:
    """Fetch them, once for the two files and Python's version; fails when that cannot be done."""
    folder = _folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="wheels-") as parent:
        made, venv = Path(parent) / "made", Path(parent) / "venv"
        made.mkdir()
        subprocess.run(["python3", "-I", "-m", "venv", venv], env=USER_ENVIRONMENT, check=True)
        pip = [
            venv / "bin" / "python",
            "-I",
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ]
        pip += ["--require-hashes", "--only-binary", ":all:", "--dest", made]
        for path in REQUIRED:
            ended = subprocess.run(
                [*pip, "--requirement", path],
                env=USER_ENVIRONMENT,
                capture_output=True,
                text=True,
                check=False,
            )
            # CEL's library has no wheel for some systems; the action installs the rest there.
            assert ended.returncode == 0 or path == REQUIRED[1], ended.stderr
        try:
            made.rename(folder)
        except OSError:  # another session was faster
            assert folder.is_dir()
    return folder


def settings() -> dict[str, str]:
    """pip's settings for a job: these wheels, and no index."""
    return {"PIP_FIND_LINKS": str(fetched()), "PIP_NO_INDEX": "1"}
