"""Pure: add a mapping to a sequence, or the sequence itself if there is none; every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bootstrap.core.errors import InputError
from bootstrap.yamledit import flow
from bootstrap.yamledit.keys import apply, pair_keys
from bootstrap.yamledit.quoting import written
from bootstrap.yamledit.text import Edit, column, line_break, line_end
from bootstrap.yamledit.walk import Box, Place, Span, Walk, decode, walk

_MARKER = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)


def add_item(text: bytes, sequence: Place, item: Mapping[str, str], where: str) -> bytes:
    """The text with `item` (keys and strings) at the end of the sequence at (document, key).

    Raises InputError when the document is not a mapping, or an alias repeats the sequence elsewhere.
    """
    file = walk(decode(text, where), where)
    tried = f"adding to {sequence[-1]}"
    top, box = file.boxes.get(sequence[:-1]), file.boxes.get(sequence)
    if top is None or not top.mapping:
        raise InputError(tried, "the file is not a mapping", "write it as a mapping", where)
    if sum(key.name == sequence[-1] for key in top.keys) > 1:
        raise InputError(tried, "the key appears twice", "remove one of them", where)
    if box is not None and (box.mapping or box.shared):
        found = (
            "it is not a list"
            if box.mapping
            else f"other places share the list through the alias *{box.shared}"
        )
        raise InputError(tried, found, "write it out as a separate list", where)
    if box is None or not box.keys:
        edits = _first(file, top, box, sequence, item, where)
        place: Place = (*sequence, 0)
        wanted: dict[Place, str | None] = {sequence: None}
    else:
        place = (*sequence, len(box.keys))
        _check_items(file, sequence, box, tried, where)
        edits = _in_brackets(file, sequence, box, item) if box.flow else [_in_block(file.text, box, item)]
        wanted = {place: None}
    result = apply(text, file, edits, wanted, where)
    after = walk(decode(result, where), where)
    got = {span.path[-1]: span.value for span in after.spans if span.path[:-1] == place}
    if got != dict(item):
        found = "the edit would have changed something else"
        raise InputError(tried, found, "add it by hand", where)
    return result


def _in_block(text: str, box: Box, item: Mapping[str, str]) -> Edit:
    end = box.value_ends[-1]
    start = int(box.keys[-1].start)
    prefix = text[start - column(text, start) : start]
    if "-" in prefix:
        dash = prefix.rindex("-")
        indent, gap = prefix[:dash], prefix[dash + 1 :]
    else:  # the item begins on the line below its dash
        dashes = re.findall(r"^([ ]*)-[ ]*(?:#.*)?$", text[box.start - column(text, box.start) : start], re.M)
        indent, gap = (dashes[-1] if dashes else " " * column(text, box.start)), " "
    stop, eol = line_end(text, end), line_break(text, end)
    return Edit(stop, stop, "".join(eol + line for line in _lines(item, indent, gap)))


def _lines(item: Mapping[str, str], indent: str, gap: str = " ") -> list[str]:
    pairs = [f"{key}: {written(value, None, False)}" for key, value in item.items()]
    rest = indent + " " * (1 + len(gap))
    return [f"{indent}-{gap}{pairs[0]}", *(f"{rest}{pair}" for pair in pairs[1:])]


def _check_items(file: Walk, sequence: Place, box: Box, tried: str, where: str) -> None:
    """InputError for a list with an item that is not a mapping: adding one would not make it valid."""
    for number, key in enumerate(box.keys):
        item = file.boxes.get((*sequence, number))
        if item is None or not item.mapping:
            line = file.text.count("\n", 0, key.start) + 1
            hint = f"write it as {sequence[-1]}: [{{name: …}}]"
            raise InputError(tried, "an item of the list is not a mapping", hint, f"{where}:{line}")


def _in_brackets(file: Walk, sequence: Place, box: Box, item: Mapping[str, str]) -> list[Edit]:
    number = len(box.keys) - 1
    last = file.boxes.get((*sequence, number))
    quotes = pair_keys(last.keys) if last and last.mapping else None
    return flow.added(file.text, box, number, [_flow(item, quotes)])


def _flow(item: Mapping[str, str], quotes: str | None) -> str:
    pairs = [f"{written(key, quotes, True)}: {written(value, quotes, True)}" for key, value in item.items()]
    return "{" + ", ".join(pairs) + "}"


def _first(
    file: Walk, top: Box, box: Box | None, sequence: Place, item: Mapping[str, str], where: str
) -> list[Edit]:
    """The first item of a sequence that is empty, null or missing."""
    text, key = file.text, file.key(sequence)
    name = str(sequence[-1])
    if top.flow:
        quotes = pair_keys(top.keys)
        if box is not None:
            return [Edit(box.start, box.end, f"[{_flow(item, quotes)}]")]
        if key is not None or not top.keys:
            raise InputError(f"adding to {name}", "it is not a list", "write it as a list", where)
        pair = f"{written(name, quotes, True)}: [{_flow(item, quotes)}]"
        return flow.added(text, top, len(top.keys) - 1, [pair])
    indent = " " * column(text, top.start) + _usual_indent(file, sequence)
    if key is None:
        return [_at_the_end(file, top, name, _lines(item, indent))]
    edits: list[Edit] = []
    if box is not None:
        edits.append(Edit(len(text[: box.start].rstrip(" ")), box.end, ""))
    elif not _is_null(file, sequence):
        raise InputError(f"adding to {name}", "it is not a list", "write it as a list", where)
    else:
        span = next(span for span in file.spans if span.path == sequence)
        edits.append(Edit(len(text[: span.start].rstrip(" ")), span.end, ""))
    stop = line_end(text, box.end if box is not None else key.end)
    eol = line_break(text, stop)
    return [*edits, Edit(stop, stop, "".join(eol + line for line in _lines(item, indent)))]


def _is_null(file: Walk, place: Place) -> bool:
    found: list[Span] = [span for span in file.spans if span.path == place]
    return [(span.value in ("", "~", "null"), span.style, span.shared) for span in found] == [
        (True, None, None)
    ]


def _usual_indent(file: Walk, sequence: Place) -> str:
    """The indentation of the file's other lists relative to their keys."""
    for place, box in file.boxes.items():
        if len(place) == 2 and place[0] == sequence[0] and not box.mapping and not box.flow and box.keys:
            start = box.keys[0].start
            prefix = file.text[start - column(file.text, start) : start]
            if "-" in prefix:
                return prefix[: prefix.index("-")]
    return "  "


def _at_the_end(file: Walk, top: Box, name: str, lines: list[str]) -> Edit:
    """After the document's last line that is not blank; comments count.

    If a block scalar ends the file without a line break, then before the last key: the scalar would gain one.
    """
    text, indent = file.text, " " * column(file.text, top.start)
    lines = [f"{indent}{name}:", *lines]
    if file.unended and file.unended.end == top.end:
        if len(top.keys) == 1:
            start = top.keys[0].start - column(text, top.keys[0].start)
            return Edit(start, start, "".join(line + line_break(text, start) for line in lines))
        stop = line_end(text, top.value_ends[-2])
        return Edit(stop, stop, "".join(line_break(text, stop) + line for line in lines))
    marker = _MARKER.search(text, top.end)
    end = marker.start() if marker else len(text)
    stop = max(len(text[:end].rstrip()), top.end)
    eol = line_break(text, stop)
    return Edit(stop, stop, "".join(eol + line for line in lines))
