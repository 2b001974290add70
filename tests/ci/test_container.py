"""The Dockerfile reads only files that exist, and runs as an unprivileged user. It is not built here."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """Keyword and arguments, continued lines together, without comments."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]  # type: ignore[misc]


def test_the_last_user_is_not_root() -> None:
    last = [value for keyword, value in instructions() if keyword == "USER"][-1]
    uid, _, gid = last.partition(":")
    assert int(uid) > 0
    assert int(gid) > 0


def test_every_stage_has_a_base_that_can_be_given_by_digest() -> None:
    found = instructions()
    assert found[0][0] == "ARG"
    assert [value.split()[0] for keyword, value in found if keyword == "FROM"] == ["${BASE}", "${BASE}"]


def test_no_argument_or_variable_is_made_for_a_credential() -> None:
    names = [value.partition("=")[0] for keyword, value in instructions() if keyword in ("ARG", "ENV")]
    assert not [name for name in names if re.search("TOKEN|KEY|PASS|SECRET", name, re.IGNORECASE)]


def test_the_context_has_what_is_installed_and_no_more() -> None:
    """pip reads setup.cfg: every folder of package_dir, and what it names."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert lines[1] == "*"
    assert [name for name in kept if not (ROOT / name).exists()] == []
    configured = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    folders = set(re.findall(r"^    bootstrap\._catalog\.\w+ = (\w+)$", configured, re.MULTILINE))
    assert folders
    needed = {"bootstrap", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "constraints.txt", *folders}
    assert needed <= kept
    assert not [name for name in kept if fnmatch.fnmatch(name, "*test*") or name in (".git", "docs")]
