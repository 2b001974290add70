"""docs/json.md, compared with what a command has printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEXT = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The text below the heading that has these words, with the headings below it."""
    parts = re.split(r"^(## .*)$", TEXT, flags=re.MULTILINE)
    found = [text for title, text in zip(parts[1::2], parts[2::2], strict=True) if heading in title]
    assert found, heading
    return "\n".join(found)


def undocumented(heading: str, answer: Any, *others: str) -> set[str]:
    """The fields of an answer, at any depth, that neither its section names nor the `others` it refers to."""
    text = "\n".join(section(one) for one in (heading, *others))
    return {name for name in _fields(answer) if f"`{name}`" not in text}


def _fields(answer: Any) -> Iterator[str]:
    if isinstance(answer, list):
        for one in answer:
            yield from _fields(one)
    if isinstance(answer, dict):
        yield from answer
        for one in answer.values():
            yield from _fields(one)
