"""Pure: an image in a file of any kind, found by the text before it."""

from __future__ import annotations

import re
from typing import NamedTuple

from bootstrap.core.errors import InputError
from bootstrap.yamledit.walk import decode, encode

_VALUE = re.compile(r"(?P<gap>[ \t]*[\"'`]?)(?P<value>[^\s\"'`,;<>|()\[\]{}]+)")


class Found(NamedTuple):
    """A value, its offsets in the text without the byte order mark, and its line, counted from 1."""

    value: str
    start: int
    end: int
    line: int


def find(content: bytes, after: str, where: str, tried: str) -> Found:
    """The value after the text `after`, up to a space, quote, comma or bracket.

    InputError when that text is missing or appears more than once, or when nothing follows it.
    """
    text = decode(content, where)
    starts = [found.end() for found in re.finditer(re.escape(after), text)]
    if not starts:
        raise InputError(tried, f"{after!r} is not in the file", "give text that is in the file", where)
    if len(starts) > 1:
        lines = ", ".join(str(text.count("\n", 0, start) + 1) for start in starts[:8])
        hint = "give more of the text before the image"
        raise InputError(tried, f"{after!r} appears {len(starts)} times, in lines {lines}", hint, where)
    line = text.count("\n", 0, starts[0]) + 1
    value = _VALUE.match(text, starts[0])
    if value is None:
        found = f"nothing follows {after!r}"
        raise InputError(tried, found, "write the image there by hand once", f"{where}:{line}")
    return Found(value["value"], *value.span("value"), line)


def edited(content: bytes, after: str, new: str, where: str) -> bytes:
    """The file with that value set; every other byte stays. InputError when it would not read as wanted."""
    tried = f"changing {where}"
    found = find(content, after, where, tried)
    text = decode(content, where)
    result = encode(content, f"{text[: found.start]}{new}{text[found.end :]}")
    if find(result, after, where, tried).value != new:
        raise InputError(tried, f"{new} would not be read back", "change it by hand", f"{where}:{found.line}")
    return result
