"""Pure: a table as lines of a given width. No word is broken in a cell, so that names can be copied."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

GAP = "  "
INDENT = "    "
NARROWEST = 24
"""Minimum width of the last cell; with less room it goes below its row."""


def lines(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """The header, then one line per row; `width` None: as wide as needed.

    If that is too wide, the last column is wrapped at spaces; if the others leave too little room for
    it, the columns that do not fit are shown below their row as `HEADER value`.
    """
    table = [list(headers), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(headers))]
    total = sum(widths) + len(GAP) * (len(widths) - 1)
    if width is None or total <= width:
        return [_line(row, widths) for row in table]
    before = total - widths[-1]
    longest = max(len(word) for row in table for word in (row[-1].split() or [""]))
    if width - before >= max(NARROWEST, min(longest, widths[-1])):
        return [line for row in table for line in _wrapped(row, widths, width, before)]
    return _below(table, widths, width)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()


def _wrapped(row: Sequence[str], widths: Sequence[int], width: int, before: int) -> list[str]:
    first, *more = _words(row[-1], width - before)
    start = [_line([*row[:-1], first], [*widths[:-1], 0])]
    return start + [" " * before + line for line in more]


def _below(table: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> list[str]:
    """As many columns as fit on the row's own line, the others below it; empty ones are omitted."""
    fits = 1
    while fits < len(widths) - 1 and sum(widths[: fits + 1]) + len(GAP) * fits <= width:
        fits += 1
    headers = table[0]
    found = [_line(headers[:fits], widths[:fits])]
    for row in table[1:]:
        found.append(_line(row[:fits], widths[:fits]))
        pairs = zip(headers[fits:], row[fits:], strict=True)
        named = [f"{header} {cell}" for header, cell in pairs if cell not in ("", "-")]
        found += [f"{INDENT}{line}" for line in _side_by_side(named, width - len(INDENT))]
    return found


def _side_by_side(texts: Sequence[str], width: int) -> list[str]:
    """As many texts on a line as fit; only one that is wider than a line is broken, at spaces."""
    found: list[str] = []
    for text in texts:
        if found and len(found[-1]) + len(GAP) + len(text) <= width:
            found[-1] += GAP + text
        else:
            found += _words(text, width)
    return found


def folded(text: str, width: int | None) -> list[str]:
    """A line of text as lines of at most `width` columns, broken at spaces; later ones are indented."""
    if width is None or len(text) <= width:
        return [text]
    start = len(text) - len(text.lstrip())
    first, *more = _words(text.lstrip(), width - start - len(INDENT))
    return [" " * start + first, *(" " * start + INDENT + line for line in more)]


def _words(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, longer only where one word is."""
    return textwrap.wrap(text, max(1, width), break_long_words=False, break_on_hyphens=False) or [""]
