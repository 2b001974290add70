"""`image list` and `app list` on a terminal: what identifies an image is whole, and every line fits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.clones import clone
from tests.conftest import Run
from tests.terminal import running

DIGEST = "sha256:7102d3b952ec84e3541ee12e7217e320c52aed60b13501c3158f46376a907466"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laid-out repository as the current folder; the catalog pins the images of its app by digest."""
    monkeypatch.chdir(clone(tmp_path))


def drawn(columns: int, *arguments: str) -> list[str]:
    """What a terminal of so many columns shows, line by line."""
    with running(*arguments, environ={}, size=(24, columns)) as terminal:
        assert terminal.ended() == 0, terminal.drawn
    return [line.rstrip() for line in STYLE.sub("", terminal.drawn.decode()).splitlines()]


@pytest.mark.parametrize("columns", [80, 100])
def test_image_list_fits_a_terminal_and_breaks_no_name(columns: int) -> None:
    lines = drawn(columns, "image", "list", "--app", "voting-app")
    assert max(map(len, lines)) <= columns
    words = " ".join(lines).split()
    assert f"dockersamples/examplevotingapp_vote:after@{DIGEST[:19]}" in words
    assert any(
        re.fullmatch(r"apps/voting-app/overlays/production/kustomization\.yaml:\d+", word) for word in words
    )


@pytest.mark.parametrize("columns", [80, 100])
def test_app_list_fits_a_terminal_and_breaks_no_name(columns: int) -> None:
    lines = drawn(columns, "app", "list")
    assert max(map(len, lines)) <= columns
    words = " ".join(lines).split()
    assert f"dockersamples/examplevotingapp_vote:after@{DIGEST[:19]}," in words
    assert {"vote.example.com,", "result.example.com", "vote.staging.example.com,"} <= set(words)


def test_a_table_shortens_digests_and_json_has_them_whole(run: Run) -> None:
    for command in ("image", "app"):
        text, data = run(command, "list").out, run(command, "list", "-o", "json").out
        assert DIGEST[:19] in text
        assert DIGEST[:20] not in text
        assert DIGEST in json.dumps(json.loads(data))
