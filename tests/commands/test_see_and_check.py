"""The trace in docs/see-and-check.md is what the command prints of this repository (--update writes it)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bootstrap.layout import catalog
from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("cache")

PAGE = Path(__file__).parents[2] / "docs" / "see-and-check.md"
START = "```text\n$ bootstrap trace vote.example.com\n"


def test_trace_on_the_page_is_what_is_printed(run: Run, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    for path, content in catalog.load().items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    result = run("trace", "vote.example.com", "--repo", str(tmp_path))
    assert result.exit == 0
    printed = re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", result.out + result.err)
    before, start, rest = PAGE.read_text(encoding="utf-8").partition(START)
    shown, end, after = rest.partition("```\n")
    assert start
    assert end
    if pytestconfig.getoption("--update"):
        PAGE.write_text(f"{before}{start}{printed}{end}{after}", encoding="utf-8")
        shown = printed
    assert shown == printed, "pytest tests/commands/test_see_and_check.py --update"
