"""Pure: change scalars of a YAML file in place; every other byte stays.

The parser only says where things are. The new text is spliced in, and the result is read
again: if anything other than what was intended differs, the result is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bootstrap.core.errors import InputError
from bootstrap.yamledit.blocks import add_text, comment, drop_text, put
from bootstrap.yamledit.drop import drop_item
from bootstrap.yamledit.items import add_item
from bootstrap.yamledit.keys import apply, is_string, set_keys, value_edit
from bootstrap.yamledit.listed import drop_listed, set_listed
from bootstrap.yamledit.rename import rename
from bootstrap.yamledit.walk import EMPTY_ITEM, Place, Span, Walk, decode, walk

__all__ = [
    "Match",
    "Path",
    "Span",
    "add_item",
    "add_text",
    "comment",
    "drop_item",
    "drop_listed",
    "drop_text",
    "put",
    "rename",
    "replace_scalar",
    "replace_scalars",
    "set_keys",
    "set_listed",
    "spans",
]

Match = tuple[str, str]
"""(key, value): the one item of a sequence of mappings whose `key` is `value`."""
Path = Sequence[str | int | Match]
"""Document (by number; those without content do not count), then keys, indexes and matches."""


def spans(text: bytes, where: str = "YAML") -> list[Span]:
    """Every scalar that is a value, in order; InputError, with file:line:column, for invalid YAML."""
    return walk(decode(text, where), where).spans


def replace_scalar(text: bytes, path: Path, value: str, where: str = "YAML") -> bytes:
    """The text with one scalar set to the string `value`; see `replace_scalars`."""
    return replace_scalars(text, {tuple(path): value}, where)


def replace_scalars(
    text: bytes,
    edits: Mapping[tuple[str | int | Match, ...], str],
    where: str = "YAML",
    styles: Mapping[Place, str | None] = MappingProxyType({}),
) -> bytes:
    """The text with scalars set to strings; their style, and everything around them, stays.

    A value that YAML would not read as a string is quoted; `styles` names other quotes (None: none) by
    place. Raises InputError when a path does not exist, appears twice, is not a scalar, or is shared with
    other places through an alias.
    """
    file = walk(decode(text, where), where)
    chosen = {_find(file, path, where): value for path, value in edits.items()}
    changed = {span: value for span, value in chosen.items() if not is_string(span, value)}
    if not changed:
        return text
    spliced = [
        value_edit(file, span, value, where, styles.get(span.path, span.style))
        for span, value in changed.items()
    ]
    return apply(text, file, spliced, {span.path: value for span, value in changed.items()}, where)


def _find(file: Walk, path: Path, where: str) -> Span:
    tried = f"changing {_spell(path)}"
    place = _resolve(file, path, tried, where)
    found = [span for span in file.spans if span.path == place]
    if not found:
        raise InputError(tried, "the file has no such value", "check the path, or add the value", where)
    at = f"{where}:{found[-1].line}:{found[-1].column}"
    if len(found) > 1:
        raise InputError(tried, "the key appears twice", "remove one of them", at)
    if found[0].shared:
        hint = "write the value out where it is to differ, or change it by hand for all"
        raise InputError(
            tried, f"other places share the value through the alias *{found[0].shared}", hint, at
        )
    if found[0].style == EMPTY_ITEM:
        raise InputError(tried, "the item is empty", "write the value after its dash", at)
    return found[0]


def _resolve(file: Walk, path: Path, tried: str, where: str) -> Place:
    """The path with every match replaced by the index of the matching item."""
    place: Place = ()
    for part in path:
        if not isinstance(part, tuple):
            place = (*place, part)
            continue
        key, value = part
        size = len(place)
        indexes = {
            span.path[size]
            for span in file.spans
            if len(span.path) == size + 2
            and span.path[:size] == place
            and span.path[-1] == key
            and span.value == value
        }
        if len(indexes) != 1:
            count = f"{len(indexes)} items have" if indexes else "no item has"
            raise InputError(tried, f"{count} {key} {value}", "check the path", where)
        place = (*place, indexes.pop())
    return place


def _spell(path: Path) -> str:
    return ".".join(f"[{part[0]}={part[1]}]" if isinstance(part, tuple) else str(part) for part in path[1:])
