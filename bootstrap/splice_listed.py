"""Pure: switch an entry of a kustomization's `resources:` on or off, a comment standing for off."""

from __future__ import annotations

import re

from bootstrap.errors import InputError
from bootstrap.splice_scalars import written
from bootstrap.splice_walk import Box, Place, Span, Walk, decode, encode, walk

_RESOURCES: Place = (0, "resources")


def set_listed(text: bytes, entry: str, on: bool, where: str = "kustomization.yaml") -> bytes:
    """Switch an entry of a kustomization's `resources:` on or off.

    Off is the same line as a comment, `# - entry`. An entry that is in neither form is added at the
    end of the list. The text comes back as it is when nothing has to change.
    """
    before = walk(decode(text, where), where)
    listed = [span for span in _resources(before) if span.value == entry]
    if bool(listed) == on:
        return text
    box = before.boxes.get(_RESOURCES)
    if box is not None and box.flow:
        result = _set_in_brackets(before, box, entry, on, where)
    elif on:
        result = _switch_on(before, entry)
    else:
        result = _switch_off(before, {span.line - 1 for span in listed})
    after = walk(result, where)
    others = [[span.value for span in _resources(file) if span.value != entry] for file in (before, after)]
    is_on = any(span.value == entry for span in _resources(after))
    if others[0] != others[1] or is_on != on or before.outline([_RESOURCES]) != after.outline([_RESOURCES]):
        found = "the edit would have changed something else"
        hint = "write that part in a simpler form by hand"
        raise InputError(f"changing {entry} in resources", found, hint, where)
    return encode(text, result)


def _resources(file: Walk) -> list[Span]:
    return [span for span in file.spans if span.path[:2] == _RESOURCES and len(span.path) == 3]


def _switch_off(file: Walk, numbers: set[int]) -> str:
    lines = file.text.split("\n")
    for number in numbers:
        lines[number] = re.sub(r"^(\s*)-", r"\1# -", lines[number])
    return "\n".join(lines)


def _switch_on(file: Walk, entry: str) -> str:
    lines = file.text.split("\n")
    end = "\r" if lines[0].endswith("\r") else ""
    key = file.key(_RESOURCES)
    if key is None:
        while lines and not lines[-1].strip():
            lines.pop()
        return "\n".join([*lines, f"resources:{end}", f"  - {entry}{end}", ""])
    first = file.text.count("\n", 0, key.start) + 1
    last = next((n for n in range(first, len(lines)) if re.match(r"[^\s#-]|---", lines[n])), len(lines))
    items = _resources(file)
    indent = re.match(r"\s*", lines[items[0].line - 1])[0] if items else None  # type: ignore[index]
    off = re.compile(rf"(?P<indent>\s*)#\s*-(?P<item>\s+(['\"]?){re.escape(entry)}\3(\s+#.*)?\s*)")
    for number in range(first, last):
        if found := off.fullmatch(lines[number]):
            lines[number] = f"{found['indent'] if indent is None else indent}-{found['item']}"
            return "\n".join(lines)
    places = [n for n in range(first, last) if re.match(r"\s*(#\s*)?-\s", lines[n])]
    place = places[-1] + 1 if places else first
    if place == len(lines):  # the list ends the file, which has no final line break
        lines[-1] += end
        return "\n".join([*lines, f"{'  ' if indent is None else indent}- {entry}"])
    lines.insert(place, f"{'  ' if indent is None else indent}- {entry}{end}")
    return "\n".join(lines)


def _set_in_brackets(file: Walk, box: Box, entry: str, on: bool, where: str) -> str:
    if not on:
        found, hint = "the list stands in brackets", "write it with one `- entry` a line, then run again"
        raise InputError(f"switching {entry} off", found, hint, where)
    head = file.text[: box.end - 1].rstrip()
    comma = "" if head.endswith(("[", ",")) else ", "
    return head + comma + written(entry, None, flow=True) + file.text[box.end - 1 :]
