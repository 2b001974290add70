"""Pure: set, add, rename and remove keys of one mapping, in block or flow style; every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

from bootstrap.errors import InputError
from bootstrap.splice_scalars import reads_as_text, written
from bootstrap.splice_walk import Box, Key, Place, Span, Walk, decode, encode, walk

# What tools write for a long value: `>-`, and the value on the next line.
_BLOCK_OF_ONE_LINE = re.compile(r"[|>]-[^\S\n]*(#[^\n]*)?\r?\n[ ]*(?P<text>\S[^\n]*)")


class Edit(NamedTuple):
    """Text to put in place of [start, end)."""

    start: int
    end: int
    text: str


def set_keys(
    text: bytes, mapping: Place, wanted: Mapping[str, str | None], order: Sequence[str], where: str
) -> bytes:
    """The text with keys of a mapping set to strings, or (None) removed.

    A key that goes makes room for one that comes: its line is kept. Others are added behind the key
    that stands before them in `order`. Raises InputError when a key is there twice, or its value is
    a block of text, or an alias repeats it elsewhere.
    """
    file = walk(decode(text, where), where)
    what = ", ".join(wanted)
    box = file.boxes.get(mapping)
    if box is None or not box.mapping:
        _refuse(what, "it is no mapping", "write it out", where)
    edits = _edits(file, mapping, box, wanted, order, where)
    if not edits:
        return text
    return apply(text, file, edits, {(*mapping, key): value for key, value in wanted.items()}, where)


def apply(
    before: bytes, file: Walk, edits: Sequence[Edit], wanted: Mapping[Place, str | None], where: str
) -> bytes:
    """Splice, read again, and compare: exactly `wanted` (None: not there) may differ."""
    result = file.text
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        result = result[: edit.start] + edit.text + result[edit.end :]
    what = ", ".join(str(place[-1]) for place in wanted)
    try:
        after = walk(result, where)
    except InputError:
        _refuse(what, "the edit would have broken the file", "write that part in a simpler form", where)
    got = {span.path: span for span in after.spans if span.path in wanted}
    as_wanted = all(
        (place not in got if value is None else place in got and says(got[place], value))
        for place, value in wanted.items()
    )
    if not as_wanted or file.outline(wanted) != after.outline(wanted):
        found = "the edit would have changed something else"
        _refuse(what, found, "write that part in a simpler form by hand", where)
    return encode(before, result)


def says(span: Span, value: str) -> bool:
    """Whether the scalar is this string already, and not a number or the like that is spelled so."""
    return span.value == value and (span.style is not None or reads_as_text(value))


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


def stands_alone(text: str, offset: int) -> bool:
    """Whether only blanks stand before `offset` on its line."""
    return not text[offset - column(text, offset) : offset].strip(" \t\ufeff")


def _edits(
    file: Walk,
    mapping: Place,
    box: Box,
    wanted: Mapping[str, str | None],
    order: Sequence[str],
    where: str,
) -> list[Edit]:
    keys = {key.name: number for number, key in enumerate(box.keys)}
    spans = {span.path[-1]: span for span in file.spans if span.path[:-1] == mapping}
    for key in wanted:
        at = f"{where}:{file.text.count(chr(10), 0, box.keys[keys[key]].start) + 1}" if key in keys else where
        if sum(found.name == key for found in box.keys) > 1:
            _refuse(key, "the key is there twice", "remove one of them", at)
        if key in keys and key not in spans:
            _refuse(key, "the value is no text", "write the value on its key's line", at)
    gone = [key for key, value in wanted.items() if value is None and key in keys]
    new = [key for key in order if wanted.get(key) is not None and key not in keys]
    edits: list[Edit] = []
    for key, value in wanted.items():
        if value is not None and key in keys and not says(spans[key], value):
            edits.append(value_edit(file, spans[key], value, where))
    for old, key in zip(gone, new, strict=False):
        found = box.keys[keys[old]]
        edits.append(Edit(found.start, found.end, written(key, _quotes(found.style), box.flow)))
        edits.append(value_edit(file, spans[old], wanted[key] or "", where))
    if (gone or new) and box.shared:
        hint = "write the mapping out where it shall differ"
        _refuse(
            ", ".join([*gone, *new]),
            f"other places share the mapping by the alias *{box.shared}",
            hint,
            where,
        )
    edits += [_removal(file.text, box, keys[old], where) for old in gone[len(new) :]]
    renamed = dict(zip(new, gone, strict=False))
    added: dict[int, list[str]] = {}
    for key in new[len(gone) :]:
        earlier = [renamed.get(name, name) for name in order[: order.index(key)]]
        behind = next((keys[name] for name in reversed(earlier) if name in keys), len(box.keys) - 1)
        added.setdefault(behind, []).append(key)
    for behind, names in added.items():
        edits.append(_addition(file.text, box, behind, {name: wanted[name] or "" for name in names}))
    return edits


def value_edit(file: Walk, span: Span, value: str, where: str) -> Edit:
    at = f"{where}:{span.line}:{span.column}"
    if span.shared:
        hint = "write the value out where it shall differ, or change it by hand for all"
        _refuse(str(span.path[-1]), f"other places share the value by the alias *{span.shared}", hint, at)
    block = _BLOCK_OF_ONE_LINE.fullmatch(file.text, span.start, span.end)
    if block and value == value.strip() and value.isprintable():
        return Edit(*block.span("text"), value)
    if span.style not in (None, "'", '"'):
        _refuse(str(span.path[-1]), "the value is a block of text", "write it on its key's line", at)
    gap = " " if span.start == span.end else ""  # after the colon of a key without a value
    return Edit(span.start, span.end, gap + written(value, span.style, span.flow))


def _removal(text: str, box: Box, number: int, where: str) -> Edit:
    key, end = box.keys[number], box.value_ends[number]
    last = number + 1 == len(box.keys)
    if len(box.keys) == 1:
        _refuse(str(key.name), "it is the mapping's only key", "remove the mapping by hand", where)
    if box.flow:
        if number > 0:
            return Edit(box.value_ends[number - 1], end, "")
        return Edit(key.start, box.keys[1].start, "")
    stop = line_end(text, end)
    if stands_alone(text, key.start):
        start = key.start - column(text, key.start)
        following = text.find("\n", stop)
        if following < 0:  # the last line, without a line break: the one before loses its own
            start -= len(line_break(text, start - 1)) if start else 0
            return Edit(start, len(text), "")
        return Edit(start, following + 1, "")
    if last:
        _refuse(str(key.name), "it shares its line with something else", "write it on its own line", where)
    after = box.keys[number + 1].start
    if text[stop:after].strip():  # comments between this key and the next: they stay
        return Edit(len(text[: key.start].rstrip(" ")), stop, "")
    return Edit(key.start, after, "")


def _addition(text: str, box: Box, behind: int, values: Mapping[str, str]) -> Edit:
    key, end = box.keys[behind], box.value_ends[behind]
    style = _quotes(key.style)
    if box.flow:
        alone = stands_alone(text, key.start)
        gap = line_break(text, key.start) + " " * column(text, key.start) if alone else " "
        pairs = [
            f"{written(name, style, True)}: {written(value, style, True)}" for name, value in values.items()
        ]
        return Edit(end, end, "".join(f",{gap}{pair}" for pair in pairs))
    stop, eol = line_end(text, end), line_break(text, end)
    indent = " " * column(text, box.start)
    lines = [
        f"{indent}{written(name, style, False)}: {written(value, None, False)}"
        for name, value in values.items()
    ]
    return Edit(stop, stop, "".join(eol + line for line in lines))


def _quotes(style: str | None) -> str | None:
    return style if style in ("'", '"') else None


def pair_keys(keys: Sequence[Key]) -> str | None:
    """The quotes that a mapping's keys stand in."""
    return _quotes(keys[-1].style) if keys else None


def _refuse(what: str, found: str, hint: str, where: str) -> NoReturn:
    raise InputError(f"changing {what}", found, hint, where)
