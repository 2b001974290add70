"""Pure: switch an entry of a kustomization's list on or off (a comment is off), or remove it."""

from __future__ import annotations

import re

from bootstrap.core.errors import InputError
from bootstrap.yamledit import flow
from bootstrap.yamledit.quoting import written
from bootstrap.yamledit.text import spliced
from bootstrap.yamledit.walk import Box, Place, Span, Walk, decode, encode, walk

RESOURCES = "resources"


def set_listed(
    text: bytes, entry: str, on: bool, where: str = "kustomization.yaml", listed_in: str = RESOURCES
) -> bytes:
    """Switch an entry of one of a kustomization's lists on or off.

    Off is the same line as a comment, `# - entry`. An entry in neither form is added at the
    end of the list. The text is returned as it is when nothing has to change.
    """
    place: Place = (0, listed_in)
    before = walk(decode(text, where), where)
    listed = [span for span in _items(before, place) if span.value == entry]
    if bool(listed) == on:
        return text
    box = before.boxes.get(place)
    if box is not None and box.flow:
        result = _set_in_brackets(before, box, entry, on, where)
    elif on:
        result = _switch_on(before, place, entry)
    else:
        result = _switch_off(before, {span.line - 1 for span in listed})
    _check(before, result, place, entry, on, where)
    return encode(text, result)


def drop_listed(text: bytes, entry: str, where: str = "kustomization.yaml") -> bytes:
    """The text without the lines that name an entry of `resources:`, whether on or commented out."""
    off = set_listed(text, entry, False, where)
    before = walk(decode(off, where), where)
    line = re.compile(rf"\s*#\s*-\s+(['\"]?){re.escape(entry)}\1(\s+#.*)?\s*")
    result = "\n".join(found for found in before.text.split("\n") if not line.fullmatch(found))
    _check(before, result, (0, RESOURCES), entry, False, where)
    return encode(text, result)


def _check(before: Walk, result: str, place: Place, entry: str, on: bool, where: str) -> None:
    """Read the result: only the entry may differ."""
    after = walk(result, where)
    others = [[span.value for span in _items(file, place) if span.value != entry] for file in (before, after)]
    is_on = any(span.value == entry for span in _items(after, place))
    if others[0] != others[1] or is_on != on or before.outline([place]) != after.outline([place]):
        found = "the edit would have changed something else"
        hint = "write that part in a simpler form by hand"
        raise InputError(f"changing {entry} in {place[-1]}", found, hint, where)


def _items(file: Walk, place: Place) -> list[Span]:
    return [span for span in file.spans if span.path[:2] == place and len(span.path) == 3]


def _switch_off(file: Walk, numbers: set[int]) -> str:
    lines = file.text.split("\n")
    for number in numbers:
        lines[number] = re.sub(r"^(\s*)-", r"\1# -", lines[number])
    return "\n".join(lines)


def _switch_on(file: Walk, place: Place, entry: str) -> str:
    lines = file.text.split("\n")
    end = "\r" if lines[0].endswith("\r") else ""
    key = file.key(place)
    if key is None:
        while lines and not lines[-1].strip():
            lines.pop()
        return "\n".join([*lines, f"{place[-1]}:{end}", f"  - {entry}{end}", ""])
    first = file.text.count("\n", 0, key.start) + 1
    last = next((n for n in range(first, len(lines)) if re.match(r"[^\s#-]|---", lines[n])), len(lines))
    items = _items(file, place)
    indent = re.match(r"\s*", lines[items[0].line - 1])[0] if items else None  # type: ignore[index]
    off = re.compile(rf"(?P<indent>\s*)#\s*-(?P<item>\s+(['\"]?){re.escape(entry)}\3(\s+#.*)?\s*)")
    for number in range(first, last):
        if found := off.fullmatch(lines[number]):
            lines[number] = f"{found['indent'] if indent is None else indent}-{found['item']}"
            return "\n".join(lines)
    places = [n for n in range(first, last) if re.match(r"\s*(#\s*)?-\s", lines[n])]
    at = places[-1] + 1 if places else first
    if at == len(lines):  # the list ends the file, which has no final line break
        lines[-1] += end
        return "\n".join([*lines, f"{'  ' if indent is None else indent}- {entry}"])
    lines.insert(at, f"{'  ' if indent is None else indent}- {entry}{end}")
    return "\n".join(lines)


def _set_in_brackets(file: Walk, box: Box, entry: str, on: bool, where: str) -> str:
    if not on:
        found, hint = "the list is in brackets", "write one `- entry` per line, then run again"
        raise InputError(f"switching {entry} off", found, hint, where)
    item = written(entry, None, flow=True)
    result = file.text
    if not box.keys:
        return f"{result[: box.end - 1].rstrip(' ')}{item}{result[box.end - 1 :]}"
    return spliced(result, flow.added(result, box, len(box.keys) - 1, [item]))
