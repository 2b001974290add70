"""Pure: remove an item from a sequence of mappings, and with the last item the sequence's key."""

from __future__ import annotations

from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.yamledit import flow
from bootstrap.yamledit.keys import changed_more
from bootstrap.yamledit.text import Edit, column, line_break, line_end, spliced
from bootstrap.yamledit.walk import Box, Place, Walk, decode, encode, walk


def drop_item(text: bytes, item: Place, where: str) -> bytes:
    """The text without the item at (document, key, number); comments around it stay.

    Raises InputError when an alias repeats it elsewhere, or it cannot be removed alone.
    """
    file = walk(decode(text, where), where)
    sequence, number = item[:-1], int(item[-1])
    tried = f"removing from {sequence[-1]}"
    top, box, inner = file.boxes.get(sequence[:-1]), file.boxes.get(sequence), file.boxes.get(item)
    if top is None or box is None or inner is None or box.mapping:
        raise InputError(tried, "it does not exist", "look at the file again", where)
    shared = inner.shared or box.shared
    if shared or (inner.anchors and not shared and _is_repeated(file, inner)):
        found = f"other places share it through the alias *{shared or inner.anchors[-1]}"
        raise InputError(tried, found, "write it out there first", where)
    alone = len(box.keys) == 1
    if alone and len(top.keys) > 1:
        place = next(n for n, key in enumerate(top.keys) if key.name == sequence[-1])
        edit, without = _of(file, top, place), sequence
    elif alone:
        edit, without = _emptied(file, top, box), sequence
    else:
        edit, without = _of(file, box, number), item
    result = spliced(file.text, [edit])
    try:
        after = walk(result, where)
    except InputError as error:
        raise changed_more(file, tried, where) from error
    left = file.outline([without])
    if without == item:
        left = [(_moved(place, item), said) for place, said in left]
    got = after.outline([sequence]) if alone else after.outline([])
    if left != got or (alone and file.boxes[sequence].keys and _has_items(after, sequence)):
        raise changed_more(file, tried, where)
    return encode(text, result)


def _of(file: Walk, box: Box, number: int) -> Edit:
    """The lines of an entry of a mapping or sequence, or, within brackets, its part of a line."""
    text = file.text
    if box.flow:
        return flow.removal(text, box, number, {number})
    begin = box.keys[number].start
    if not box.mapping:
        begin = text.rindex("-", 0, begin + 1) if text[begin] != "-" else begin
    start, stop = begin - column(text, begin), line_end(text, box.value_ends[number])
    if text[start:begin].strip():
        raise changed_more(file, "removing an entry", "")
    following = text.find("\n", stop)
    if following < 0:  # the last line has no line break: the line before loses its own
        return Edit(start - (len(line_break(text, start - 1)) if start else 0), len(text), "")
    return Edit(start, following + 1, "")


def _emptied(file: Walk, top: Box, box: Box) -> Edit:
    """An empty list in place of the file's only content."""
    if box.flow:
        return Edit(box.start, box.end, "[]")
    key = top.keys[0]
    colon = file.text.index(":", key.end) + 1
    return Edit(colon, box.value_ends[-1], " []")


def _moved(place: Place, item: Place) -> Place:
    """Where something in the same sequence is once the item is removed."""
    length = len(item)
    if len(place) < length or place[: length - 1] != item[:-1]:
        return place
    number: Any = place[length - 1]
    if not isinstance(number, int) or number < int(item[-1]):
        return place
    return (*place[: length - 1], number - 1, *place[length:])


def _has_items(file: Walk, sequence: Place) -> bool:
    box = file.boxes.get(sequence)
    return box is not None and bool(box.keys)


def _is_repeated(file: Walk, box: Box) -> bool:
    return any(span.shared in box.anchors for span in file.spans if span.shared)
