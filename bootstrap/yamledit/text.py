"""Pure: edits of a text, and where its lines begin and end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Edit(NamedTuple):
    """Text to put in place of [start, end)."""

    start: int
    end: int
    text: str


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made; two removals that overlap are one."""
    until = len(text)
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        end = edit.end if edit.text else max(edit.start, min(edit.end, until))
        text = text[: edit.start] + edit.text + text[end:]
        until = edit.start
    return text


def line_end(text: str, offset: int) -> int:
    """Where the line of `offset` ends, before its line break."""
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    return end - 1 if end > offset and text[end - 1] == "\r" else end


def line_break(text: str, offset: int) -> str:
    """The line break at the end of the line of `offset`, or the file's."""
    end = text.find("\n", offset)
    if end < 0:
        end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def column(text: str, offset: int) -> int:
    """Characters before `offset` on its line."""
    return offset - (text.rfind("\n", 0, offset) + 1)


def begins_line(text: str, offset: int) -> bool:
    """Whether only blanks precede `offset` on its line."""
    return not text[offset - column(text, offset) : offset].strip(" \t\ufeff")
