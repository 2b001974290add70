"""Pure: set a key to any data in block style, or add a text to a list; every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.yamledit import flow
from bootstrap.yamledit.keys import apply, changed_more
from bootstrap.yamledit.quoting import reads_as_text, written
from bootstrap.yamledit.text import Edit, column, line_break, line_end
from bootstrap.yamledit.walk import Place, decode, encode, walk


def put(text: bytes, place: Place, value: Any, where: str, behind: str | None = None) -> bytes:
    """The text with the key that `place` ends in set to `value` (made of mappings, lists and scalars).

    An existing key is replaced in place; a new one follows the key `behind`, or is added at the
    end of the mapping. Raises InputError when the mapping does not exist, is in flow style or is shared.
    """
    file = walk(decode(text, where), where)
    name, box = str(place[-1]), file.boxes.get(place[:-1])
    tried = f"setting {name}"
    if box is None or not box.mapping or box.flow or box.shared:
        raise InputError(
            tried, "its parent is not a separate block mapping", "write the parent in block style", where
        )
    names = [str(key.name) for key in box.keys]
    indent = " " * column(file.text, box.keys[0].start)
    eol = line_break(file.text, box.start)
    lines = _dumped({name: value})
    if name in names:
        number = names.index(name)
        edit = Edit(box.keys[number].start, box.value_ends[number], f"{eol}{indent}".join(lines))
    else:
        number = names.index(behind) if behind in names else len(names) - 1
        stop = line_end(file.text, box.value_ends[number])
        edit = Edit(stop, stop, "".join(f"{eol}{indent}{line}" for line in lines))
    result = file.text[: edit.start] + edit.text + file.text[edit.end :]
    after = walk(result, where)
    if file.outline([place]) != after.outline([place]) or _data(result, place) != value:
        raise changed_more(file, tried, where)
    return encode(text, result)


def add_text(text: bytes, sequence: Place, value: str, where: str) -> bytes:
    """The text with `value` at the end of a list of strings; unchanged when the list has it.

    Raises InputError when there is no such list, it is empty, or an alias repeats it.
    """
    file = walk(decode(text, where), where)
    box = file.boxes.get(sequence)
    if box is None or box.mapping or box.shared or not box.keys:
        found = "there is no list with at least one item, or an alias repeats it elsewhere"
        raise InputError(f"adding to {sequence[-1]}", found, "write one item by hand", where)
    if any(span.value == value for span in file.spans if span.path[:-1] == sequence):
        return text
    end = box.value_ends[-1]
    if box.flow:
        edits = flow.added(file.text, box, len(box.keys) - 1, [written(value, None, True)])
    else:
        start = box.keys[-1].start
        indent = re.match(r"[ ]*", file.text[start - column(file.text, start) :])[0]  # type: ignore[index]
        stop = line_end(file.text, end)
        edits = [Edit(stop, stop, f"{line_break(file.text, stop)}{indent}- {written(value, None, False)}")]
    return apply(text, file, edits, {(*sequence, len(box.keys)): value}, where)


def drop_text(text: bytes, sequence: Place, value: str, where: str) -> bytes:
    """The text without the line of `value` in a list of strings; unchanged when there is no such line."""
    file = walk(decode(text, where), where)
    box = file.boxes.get(sequence)
    lines = {span.line - 1 for span in file.spans if span.path[:-1] == sequence and span.value == value}
    if box is None or box.flow or not lines or len(lines) == len(box.keys):
        return text
    kept = [line for number, line in enumerate(file.text.split("\n")) if number not in lines]
    result = "\n".join(kept)
    if file.outline([sequence]) != walk(result, where).outline([sequence]):
        raise InputError(
            f"removing from {sequence[-1]}", "there is more on the line", "remove it by hand", where
        )
    return encode(text, result)


def comment(text: bytes, place: Place, note: str, where: str) -> bytes:
    """The text with a comment at the end of the line of a scalar, or of a key before a block.

    Unchanged when the line already ends in that comment. Raises InputError when it would change more.
    """
    file = walk(decode(text, where), where)
    span = next((span for span in file.spans if span.path == place), None)
    stop = line_end(file.text, span.end if span else getattr(file.key(place), "end", 0))
    if file.text[:stop].rpartition("\n")[2].rstrip().endswith(f"# {note.strip()}"):
        return text
    gap = "  " if note.startswith(" ") else " "
    result = f"{file.text[:stop].rstrip(' ')}{gap}# {note.strip()}{file.text[stop:]}"
    if file.outline(()) != walk(result, where).outline(()):
        raise InputError(f"commenting {place[-1]}", "there is more on the line", "comment it by hand", where)
    return encode(text, result)


def _dumped(data: Mapping[str, Any]) -> list[str]:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    stream = StringIO()
    yaml.dump(_quoted(data), stream)
    return stream.getvalue().rstrip("\n").split("\n")


def _quoted(value: Any) -> Any:
    """The same data, with strings in quotes that some YAML reader would not read as strings."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, Mapping):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_quoted(item) for item in value]
    if isinstance(value, str) and not reads_as_text(value):
        return DoubleQuotedScalarString(value)
    return value


def _data(text: str, place: Place) -> Any:
    from ruamel.yaml import YAML

    found: Any = [item for item in YAML(typ="safe", pure=True).load_all(StringIO(text)) if item]
    for part in place:
        found = found[part]
    return found
