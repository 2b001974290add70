"""Pure: insert an entry after another, or remove one, within [] or {}; comments stay with their entries."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bootstrap.yamledit.text import Edit, begins_line, column, line_break, line_end
from bootstrap.yamledit.walk import Box

_COMMA = re.compile(r"\s*,?\s*")
_COMMENT = re.compile(r"\s*(?P<comma>,?)\s*#.*")


def added(text: str, box: Box, behind: int, entries: Sequence[str]) -> list[Edit]:
    """Insert `entries` (as they are to be written) after the entry of that number."""
    start, end = box.keys[behind].start, box.value_ends[behind]
    stop = line_end(text, end)
    comment = _COMMENT.fullmatch(text, end, stop)
    if comment is None:
        gap = " "
        if begins_line(text, start):
            gap = line_break(text, start) + " " * column(text, start)
        return [Edit(end, end, "".join(f",{gap}{entry}" for entry in entries))]
    # The rest of the line is a comment about the entry: new entries begin on the next line.
    eol, indent = line_break(text, end), " " * column(text, start)
    lines = f",{eol}{indent}".join(entries)
    edits = [] if comment["comma"] else [Edit(end, end, ",")]
    return [*edits, Edit(stop, stop, f"{eol}{indent}{lines}{comment['comma']}")]


def removal(text: str, box: Box, number: int, gone: Collection[int] = ()) -> Edit:
    """Remove the entry of that number and the comment after it; at least one entry is not in `gone`."""
    start, end = box.keys[number].start, box.value_ends[number]
    stop = line_end(text, end)
    comment = _COMMENT.fullmatch(text, end, stop)
    commented = number > 0 and _commented(text, box, number - 1, start)
    leads = all(before in gone for before in range(number))
    if not leads and not comment and not commented:
        return Edit(box.value_ends[number - 1], end, "")
    rest = comment or _COMMA.fullmatch(text, end, stop)
    last = number + 1 == len(box.keys)
    if begins_line(text, start) and rest and stop < len(text) and (commented or not last):
        return Edit(start - column(text, start), text.index("\n", stop) + 1, "")
    if last and not commented:
        return Edit(box.value_ends[number - 1], stop, "")
    if comment:  # what is below it belongs to what follows
        return Edit(start, stop, "")
    return Edit(start, end if last else box.keys[number + 1].start, "")


def _commented(text: str, box: Box, number: int, until: int) -> bool:
    """Whether there is a comment between an entry and an offset after it."""
    return "#" in text[box.value_ends[number] : until]
