"""Pure: where an image is that the search does not find, and how bootstrap.yaml would declare it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from bootstrap.core.errors import InputError
from bootstrap.core.names import RECORD
from bootstrap.edit.files import Files
from bootstrap.image import declared, shapes
from bootstrap.image import paths as images_layout
from bootstrap.image.place import ImagePlace, Reading
from bootstrap.image.places import find as places_of
from bootstrap.image.places import is_yaml
from bootstrap.image.search import JSON, MAX_BYTES, Scope
from bootstrap.oci.reference import canonical, familiar, last_component
from bootstrap.yamledit.walk import Place, Span, decode, walk

_MOST = 4
_KNOWN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Stray(NamedTuple):
    """A text: where it is, what to do, and the lines that declare it (none: it cannot be declared)."""

    found: str
    hint: str
    lines: tuple[str, ...]


def word(name: str) -> str:
    """What a file must contain to have the name."""
    return last_component(name).partition(":")[0]


def find(name: str, scope: Scope, files: Files) -> list[Stray]:
    """Every occurrence of the image in the repository, the scope's files first."""
    pattern = _pattern(name)
    found: list[Stray] = []
    for path in files.under(""):
        content = files.read(path) if word(name) else None
        if content is None or word(name).encode() not in content or len(content) > MAX_BYTES:
            continue
        if path.rpartition("/")[2] == RECORD or _is_elsewhere(path, scope):
            continue
        try:
            text = decode(content, path)
        except InputError:
            continue
        for stray in _in_file(path, content, text, pattern, name, scope):
            number = len([one for one in found if one.lines]) + 1
            found.append(_numbered(stray, number))
            if len(found) > _MOST:
                return found
    return found


def _is_elsewhere(path: str, scope: Scope) -> bool:
    """Whether a file belongs to another app or environment than the requested ones."""
    home = images_layout.home_of(path)
    if scope.environment is not None and home.environment not in (None, scope.environment):
        return True
    own = images_layout.app_folders(home.app or "")
    is_told = any(path.startswith(f"{folder}/") for folder in own)
    return scope.app is not None and is_told and home.app != scope.app


def _pattern(name: str) -> re.Pattern[str]:
    """The name as a repository, followed by a tag, a digest or the end of the text."""
    names = "|".join(re.escape(one) for one in dict.fromkeys((name, familiar(name), canonical(name))))
    if "/" in name:
        return re.compile(rf"(?<![\w./:-])(?P<image>{names})(?=[:@\"'`\s,;)\]}}|<]|$)", re.MULTILINE)
    return re.compile(rf"(?<![\w.:-])(?P<image>(?:[\w.:-]+/)*(?:{names}))(?=[:@][\w.])", re.MULTILINE)


def _in_file(
    path: str, content: bytes, text: str, pattern: re.Pattern[str], name: str, scope: Scope
) -> Iterator[Stray]:
    hits = list(pattern.finditer(text))
    if not hits:
        return
    reading, known = _read(path, content)
    done: set[int] = set()
    for hit in hits:
        line = text.count("\n", 0, hit.start()) + 1
        if line in done:
            continue
        done.add(line)
        here = [one for one in known if one.line == line]
        place = next((one for one in here if hit["image"] in one.text), here[0] if here else None)
        if place is not None and place.reference is None:
            found = f"it is at {path}:{line}, but a part of it is filled in from elsewhere: {place.text}"
            yield Stray(found, "set the value that is filled in there", ())
            continue
        if place is not None:
            where = f" ({scope})" if str(scope) else ""
            narrowed = [
                option for option, value in (("--app", scope.app), ("--env", scope.environment)) if value
            ]
            hint = f"name {path} as PATH{', without ' + ' and '.join(narrowed) if narrowed else ''}"
            yield Stray(f"it is at {path}:{line}, outside the searched files{where}", hint, ())
            continue
        span = _around(reading, hit.start()) if reading is not None else None
        if reading is not None and span is None:
            continue  # in a comment, or in a key
        lines = _lines(path, content, text, hit, reading, span, name)
        yield Stray(f"it is at {path}:{line}, which image set does not edit", "", lines)


def _read(path: str, content: bytes) -> tuple[Reading | None, list[ImagePlace]]:
    """A YAML or JSON file by its scalars, and the places in it that can be edited."""
    if not (is_yaml(path) or path.endswith(JSON)):
        return None, []
    try:
        return Reading(path, walk(decode(content, path), path)), places_of(path, content)
    except InputError:
        return None, []


def _around(reading: Reading, offset: int) -> Span | None:
    return next((span for span in reading.file.spans if span.start <= offset < span.end), None)


def _lines(
    path: str,
    content: bytes,
    text: str,
    hit: re.Match[str],
    reading: Reading | None,
    span: Span | None,
    name: str,
) -> tuple[str, ...]:
    """An entry of bootstrap.yaml that leads to this text; it is tried before it is suggested."""
    head = (f"  - name: {last_component(hit['image']).partition(':')[0]}", f"    file: {_scalar(path)}")
    tries: list[tuple[str, ...]] = []
    if reading is not None and span is not None:
        own = span.path[1:]
        kind, called = reading.kind(span.path[0]), reading.text(span.path[0], "metadata", "name")
        parts = shapes.versions_next_to(reading, span.path)
        paths = [f"    path: {_path(own)}"]
        if parts and hit.end() == span.start + len(hit["image"]) and span.value == hit["image"]:
            paths = [f"    repository: {_path(own)}"]
            paths += [f"    {part}: {_path((*own[:-1], key))}" for part, key in parts.items()]
        tries.append((*head, *paths))
        if kind:
            wanted = _scalar(f"{kind}/{called}" if called else kind)
            tries.append((*head, f"    object: {wanted}", *paths))
    start = text.rfind("\n", 0, hit.start()) + 1
    before = text[start : hit.start()].lstrip()
    for after in dict.fromkeys((before.split(" ")[-1], before)):
        if after.strip():
            tries.append((*head, f"    after: {json.dumps(after, ensure_ascii=False)}"))
    line = text.count("\n", 0, hit.start()) + 1
    return next((lines for lines in tries if _leads(lines, content, name, line)), ())


def _leads(lines: tuple[str, ...], content: bytes, name: str, line: int) -> bool:
    """Whether the entry leads to this line, and to the image."""
    try:
        (entry,) = declared.parse("\n".join(["images:", *lines, ""]).encode())
        place = declared.place(entry, content)
    except InputError:
        return False
    reference = place.reference
    if reference is None or place.doubt is not None or place.line != line:
        return False
    same = canonical(reference.repository) == canonical(name)
    return same or ("/" not in name and last_component(reference.repository) == name)


def _numbered(stray: Stray, number: int) -> Stray:
    """Names of several entries differ, so that each can be used."""
    if number == 1 or not stray.lines:
        return stray
    return stray._replace(lines=(f"{stray.lines[0]}-{number}", *stray.lines[1:]))


def _path(place: Place) -> str:
    """A path as in bootstrap.yaml: with dots, or as a list if a key is not a plain word."""
    if all(isinstance(part, int) or _KNOWN.fullmatch(part) for part in place):
        return ".".join(map(str, place))
    return json.dumps(list(place), ensure_ascii=False)


def _scalar(text: str) -> str:
    return text if re.fullmatch(r"[\w./-]*[\w]", text) and not text[0].isdigit() else json.dumps(text)
