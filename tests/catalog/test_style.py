"""How the catalog is written: what a reader of one file may take for granted in the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.catalog.infrastructure import ROOT

FOLDERS = ("apps", "clusters", "infrastructure", "bootstrap/app/starters")
FILES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).rglob("*.y*ml") if path.suffix in (".yaml", ".yml")
)
GIVEN = ("infrastructure/argocd/manifests/",)
"""What others wrote, committed as it was fetched."""
OURS = [
    pytest.param(path, id=str(path.relative_to(ROOT)))
    for path in FILES
    if not any(str(path.relative_to(ROOT)).startswith(folder) for folder in GIVEN)
]
COLUMNS = 120
RETRY = {"limit": -1, "refresh": True, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "2m"}}


def _applications() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in FILES:
        text = path.read_text()
        if re.search(r"^kind: Application$", text, re.MULTILINE):
            for document in yaml.safe_load_all(text):
                if document and document.get("kind") == "Application":
                    yield str(path.relative_to(ROOT)), document


def test_every_application_is_tried_again_in_the_same_way() -> None:
    blocks = {path: body["spec"]["syncPolicy"]["retry"] for path, body in _applications()}
    assert len(blocks) > 25
    assert {path: block for path, block in blocks.items() if block != RETRY} == {}


@pytest.mark.parametrize("path", OURS)
def test_two_blanks_stand_before_a_comment_behind_a_value(path: Path) -> None:
    text = path.read_text()
    scalars = [
        (token.start_mark.index, token.end_mark.index)
        for token in yaml.scan(text)
        if isinstance(token, yaml.ScalarToken)
    ]
    for line in re.finditer(r"^.*$", text, re.MULTILINE):
        if line[0].lstrip().startswith("#"):
            continue
        marks = [line.start() + found.start() for found in re.finditer(r"(?<=\s)#", line[0])]
        comments = [at for at in marks if not any(start <= at < end for start, end in scalars)]
        if comments:
            assert text[comments[0] - 2 : comments[0]] == "  ", line[0]


@pytest.mark.parametrize("path", OURS)
def test_nothing_is_written_once_and_meant_elsewhere(path: Path) -> None:
    """An anchor hides a value from who reads the place where it is used, and from tools that edit it."""
    kinds = {type(token).__name__ for token in yaml.scan(path.read_text())}
    assert not kinds & {"AnchorToken", "AliasToken"}


@pytest.mark.parametrize("path", OURS)
def test_a_line_ends_by_the_hundred_and_twentieth_column(path: Path) -> None:
    """One word alone (a path, an expression without a blank) may be longer: it cannot be broken."""
    long = [line for line in path.read_text().splitlines() if len(line) > COLUMNS and not _is_one_word(line)]
    assert not long


def _is_one_word(line: str) -> bool:
    """Whether nothing but its key, the dash of a list or the sign of a comment precedes one word."""
    return re.fullmatch(r" *(?:[-#] )*(?:[\w./-]+: )?\S+", line) is not None


def test_a_placeholder_is_a_word_in_capitals() -> None:
    """What an overlay's settings replace is seen at once, and is the same word in every file."""
    values = re.compile(
        r"^ *(?:- )?(?:host|hostname|ingressClassName|gatewayClassName|cert-manager\.io/cluster-issuer): "
        r"(.+)$"
        r"|^ *(?:- )?(?:hosts|hostnames): \[(.+)\]$",
        re.MULTILINE,
    )
    found = {
        (str(path.relative_to(ROOT)), word)
        for folder in ("apps", "bootstrap/app/starters")
        for component in ("gateway", "ingress")
        for path in (ROOT / folder).glob(f"**/components/{component}/*.yaml")
        for one, several in values.findall(path.read_text())
        for word in re.split(r", ", one or several)
    }
    assert len(found) > 15
    assert {item for item in found if not re.fullmatch(r"[A-Z]+(_[A-Z]+)*", item[1])} == set()
