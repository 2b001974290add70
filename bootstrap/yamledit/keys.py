"""Pure: set, add, rename and remove keys of one mapping, in block or flow style; every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NoReturn

from bootstrap.core.errors import InputError
from bootstrap.yamledit import flow
from bootstrap.yamledit.quoting import reads_as_text, written
from bootstrap.yamledit.text import Edit, begins_line, column, line_break, line_end, spliced
from bootstrap.yamledit.walk import Box, Key, Place, Span, Walk, decode, encode, walk

# What tools write for a long value: `>-`, and the value on the next line.
_BLOCK_OF_ONE_LINE = re.compile(r"[|>]-[^\S\n]*(#[^\n]*)?\r?\n[ ]*(?P<text>\S[^\n]*)")


_CORE = "tag:yaml.org,2002:"


def set_keys(
    text: bytes,
    mapping: Place,
    wanted: Mapping[str, str | None],
    order: Sequence[str],
    where: str,
    styles: Mapping[str, str | None] = MappingProxyType({}),
) -> bytes:
    """The text with keys of a mapping set to strings, or (None) removed.

    An added key takes the line of a removed one. Others are added after the key that precedes them in
    `order`. `styles` names the quotes (None: none) of values that are not to keep those they have. Raises
    InputError when a key appears twice, its value is a block scalar, or an alias repeats it elsewhere.
    """
    file = walk(decode(text, where), where)
    what = ", ".join(wanted)
    box = file.boxes.get(mapping)
    if box is None or not box.mapping:
        _refuse(what, "it is not a mapping", "write it as a mapping", where)
    edits = _edits(file, mapping, box, wanted, order, where, styles)
    if not edits:
        return text
    return apply(text, file, edits, {(*mapping, key): value for key, value in wanted.items()}, where)


def apply(
    before: bytes, file: Walk, edits: Sequence[Edit], wanted: Mapping[Place, str | None], where: str
) -> bytes:
    """Splice, read again, and compare: exactly `wanted` (None: removed) may differ."""
    result = spliced(file.text, edits)
    what = ", ".join(str(place[-1]) for place in wanted)
    try:
        after = walk(result, where)
    except InputError:
        _refuse(what, "the edit would have broken the file", "write that part in a simpler form", where)
    got = {span.path: span for span in after.spans if span.path in wanted}
    as_wanted = all(
        (place not in got if value is None else place in got and is_string(got[place], value))
        for place, value in wanted.items()
    )
    if not as_wanted or file.outline(wanted) != after.outline(wanted):
        raise changed_more(file, f"changing {what}", where)
    return encode(before, result)


def changed_more(file: Walk, tried: str, where: str) -> InputError:
    """The error for an edit that would change more than was asked for, with the reason if it is known."""
    if span := file.unended:
        name = next((part for part in reversed(span.path) if isinstance(part, str)), "the text")
        found = f"the block scalar of {name} ends the file without a line break, and would get one"
        return InputError(tried, found, "end the file with a line break", f"{where}:{span.line}")
    found = "the edit would have changed something else"
    return InputError(tried, found, "write that part in a simpler form by hand", where)


def is_string(span: Span, value: str) -> bool:
    """Whether the scalar already is this string, and not, for example, a number spelled that way."""
    is_text = span.style is not None or span.tag == f"{_CORE}str" or reads_as_text(value)
    return span.value == value and is_text and not _is_other_kind(span)


def _is_other_kind(span: Span) -> bool:
    """Whether YAML's own tag in front, such as `!!int`, makes the scalar something other than a string."""
    return (span.tag or "").startswith(_CORE) and span.tag != f"{_CORE}str"


def _edits(
    file: Walk,
    mapping: Place,
    box: Box,
    wanted: Mapping[str, str | None],
    order: Sequence[str],
    where: str,
    styles: Mapping[str, str | None],
) -> list[Edit]:
    keys = {key.name: number for number, key in enumerate(box.keys)}
    spans = {span.path[-1]: span for span in file.spans if span.path[:-1] == mapping}
    for key in wanted:
        at = f"{where}:{file.text.count(chr(10), 0, box.keys[keys[key]].start) + 1}" if key in keys else where
        if sum(found.name == key for found in box.keys) > 1:
            _refuse(key, "the key appears twice", "remove one of them", at)
        if key in keys and key not in spans:
            _refuse(key, "the value is not a string", "write the value on its key's line", at)
    gone = [key for key, value in wanted.items() if value is None and key in keys]
    new = [key for key in order if wanted.get(key) is not None and key not in keys]
    edits: list[Edit] = []
    for key, value in wanted.items():
        if value is not None and key in keys and not is_string(spans[key], value):
            edits.append(value_edit(file, spans[key], value, where, styles.get(key, spans[key].style)))
    for old, key in zip(gone, new, strict=False):
        found = box.keys[keys[old]]
        edits.append(Edit(found.start, found.end, written(key, _quotes(found.style), box.flow)))
        edits.append(
            value_edit(file, spans[old], wanted[key] or "", where, styles.get(key, spans[old].style))
        )
    for key in gone:
        _refuse_dangling(file, mapping, box.keys[keys[key]], spans[key], where)
    if (gone or new) and box.shared:
        hint = "write the mapping out where it is to differ"
        _refuse(
            ", ".join([*gone, *new]),
            f"other places share the mapping through the alias *{box.shared}",
            hint,
            where,
        )
    leave = {keys[old] for old in gone[len(new) :]}
    edits += [_removal(file.text, box, number, leave, where) for number in sorted(leave)]
    renamed = dict(zip(new, gone, strict=False))
    added: dict[int, list[str]] = {}
    for key in new[len(gone) :]:
        earlier = [renamed.get(name, name) for name in order[: order.index(key)]]
        behind = next((keys[name] for name in reversed(earlier) if name in keys), len(box.keys) - 1)
        added.setdefault(behind, []).append(key)
    for behind, names in added.items():
        edits += _addition(file.text, box, behind, {name: wanted[name] or "" for name in names}, styles)
    return edits


def value_edit(file: Walk, span: Span, value: str, where: str, style: str | None) -> Edit:
    """Put `value` in place of a scalar, in the quotes of `style`."""
    at = f"{where}:{span.line}:{span.column}"
    if span.shared:
        hint = "write the value out where it is to differ, or change it by hand for all"
        _refuse(
            str(span.path[-1]), f"other places share the value through the alias *{span.shared}", hint, at
        )
    block = _BLOCK_OF_ONE_LINE.fullmatch(file.text, span.start, span.end)
    if block and value == value.strip() and value.isprintable():
        return Edit(*block.span("text"), value)
    if _is_other_kind(span):
        hint = "remove the tag, so that it is a string"
        _refuse(str(span.path[-1]), f"the value has the tag {_short(span.tag)}, and would keep it", hint, at)
    if span.style not in (None, "'", '"'):
        _refuse(str(span.path[-1]), "the value is a block scalar", "write it on its key's line", at)
    gap = " " if span.start == span.end else ""  # after the colon of a key without a value
    return Edit(span.start, span.end, gap + written(value, style, span.flow))


def _refuse_dangling(file: Walk, mapping: Place, key: Key, span: Span, where: str) -> None:
    """InputError for removing a pair whose key or value an alias repeats elsewhere."""
    is_alias = file.text.startswith("*", span.start)
    anchor = key.anchor if (mapping[0], key.anchor) in file.aliased else None if is_alias else span.shared
    if anchor:
        found = f"other places repeat it through the alias *{anchor}"
        hint = "write the value out where it is to differ, or change it by hand for all"
        _refuse(str(key.name), found, hint, f"{where}:{span.line}:{span.column}")


def _short(tag: str | None) -> str:
    return (tag or "").replace(_CORE, "!!")


def _removal(text: str, box: Box, number: int, gone: set[int], where: str) -> Edit:
    key, end = box.keys[number], box.value_ends[number]
    last = number + 1 == len(box.keys)
    if len(box.keys) == len(gone):
        _refuse(str(key.name), "it is the mapping's only key", "remove the mapping by hand", where)
    if box.flow:
        return flow.removal(text, box, number, gone)
    stop = line_end(text, end)
    if begins_line(text, key.start):
        start = key.start - column(text, key.start)
        following = text.find("\n", stop)
        if following < 0:  # the last line has no line break: the line before loses its own
            start -= len(line_break(text, start - 1)) if start else 0
            return Edit(start, len(text), "")
        return Edit(start, following + 1, "")
    if last:
        _refuse(str(key.name), "it shares its line with something else", "write it on its own line", where)
    after = box.keys[number + 1].start
    if text[stop:after].strip():  # comments between this key and the next stay
        return Edit(len(text[: key.start].rstrip(" ")), stop, "")
    return Edit(key.start, after, "")


def _addition(
    text: str, box: Box, behind: int, values: Mapping[str, str], styles: Mapping[str, str | None]
) -> list[Edit]:
    key, end = box.keys[behind], box.value_ends[behind]
    style = _quotes(key.style)
    if box.flow:
        pairs = [
            f"{written(name, style, True)}: {written(value, styles.get(name, style), True)}"
            for name, value in values.items()
        ]
        return flow.added(text, box, behind, pairs)
    stop, eol = line_end(text, end), line_break(text, end)
    indent = " " * column(text, box.start)
    lines = [
        f"{indent}{written(name, style, False)}: {written(value, styles.get(name), False)}"
        for name, value in values.items()
    ]
    return [Edit(stop, stop, "".join(eol + line for line in lines))]


def _quotes(style: str | None) -> str | None:
    return style if style in ("'", '"') else None


def pair_keys(keys: Sequence[Key]) -> str | None:
    """The quotes of a mapping's keys."""
    return _quotes(keys[-1].style) if keys else None


def _refuse(what: str, found: str, hint: str, where: str) -> NoReturn:
    raise InputError(f"changing {what}", found, hint, where)
