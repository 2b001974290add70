"""docs/security.md: every line of its tables names an existing test."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| ---")]


@functools.cache
def names() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))
    return found


def test_every_line_of_the_threat_model_names_a_test() -> None:
    heads = [line for line in ROWS if line.rstrip().endswith("| test |")]
    assert len(heads) == PAGE.count("| test |\n")
    lines = [line for line in ROWS if line not in heads]
    assert len(lines) > 30
    assert [line for line in lines if not re.search(r"`test_\w+`", line)] == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", PAGE))))
def test_every_test_that_it_names_is_there(name: str) -> None:
    assert name in names()
