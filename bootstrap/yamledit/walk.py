"""Pure: where the keys, values and items of a YAML file are, from the parser's events alone.

Nothing is composed or constructed: aliases are not expanded, so an alias bomb is harmless.
The parser is libyaml, which kustomize's and Kubernetes' own readers are ports of; where PyYAML was
built without it, its Python twin is used, which is slower.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple

from bootstrap.core.errors import InputError
from bootstrap.yamledit.events import CHOMPING, block_end, events, is_empty

Place = tuple[str | int, ...]
"""Document (by number; those without content do not count), then keys and indexes."""

MAX_DEPTH = 200
"""Levels of nesting. No configuration is nested deeper, and the size of paths grows with its square."""

LARGE = 250_000
"""Characters from which on only the last file's result is cached."""

# Anchor, tag and the comments after them, in front of the scalar itself.
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+(?:#[^\n]*\n\s*)*)+")
_ODD_BREAKS = re.compile("[\x85\u2028\u2029]|\r(?!\n)")
EMPTY_ITEM = "-"
_BOM = "\ufeff"


class Span(NamedTuple):
    """A scalar that is a value.

    `start` and `end` are offsets in the text without its BOM; `line` and `column` count from 1.
    `style` is None for plain, or one of `'`, `"`, `|`, `>`; `flow`: it is within [] or {}.
    `shared` names the anchor through which an alias repeats the scalar, or what encloses it;
    for an alias, the anchor that it names (`value` is then the anchor's scalar).
    `tag` is written in front of it, such as `!!int`.
    """

    path: Place
    value: str
    start: int
    end: int
    line: int
    column: int
    style: str | None = None
    flow: bool = False
    shared: str | None = None
    tag: str | None = None


class Key(NamedTuple):
    """A key of a mapping, or a dash of a sequence (`name` is then the index): offsets in the text.

    An alias as a key has the name that its anchor's scalar has; `?0` and so on are keys that are not scalars.
    `anchor` is the key's own.
    """

    name: str | int
    start: int
    end: int
    style: str | None
    anchor: str | None = None


class Box:
    """A collection: its keys or items, and where their values end (comments after them excluded).

    `shared` names the anchor through which an alias repeats it, or what encloses it.
    """

    __slots__ = ("anchors", "end", "flow", "keys", "mapping", "shared", "start", "value_ends")

    def __init__(self, mapping: bool, flow: bool, start: int, anchors: tuple[str, ...]) -> None:
        self.mapping = mapping
        self.flow = flow
        self.start = start
        self.end = start
        self.anchors = anchors
        self.shared: str | None = None
        self.keys: list[Key] = []
        self.value_ends: list[int] = []


class _Frame:
    """A collection that is being read."""

    __slots__ = ("anchors", "box", "flow", "index", "key", "keyed", "path", "waits_for_value")

    def __init__(
        self, path: Place, box: Box | None, flow: bool, anchors: tuple[str, ...], index: int = -1
    ) -> None:
        self.path = path
        self.box = box
        self.keyed = box is not None and box.mapping
        self.flow = flow
        self.anchors = anchors
        self.key: Key | None = None
        self.waits_for_value = False
        self.index = index


class Walk:
    """The result of one pass over a file: `spans` in order, and every collection by its place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: list[Span] = []
        self.boxes: dict[Place, Box] = {}
        self.aliased: set[tuple[str | int, str | None]] = set()
        """The anchors that an alias repeats, with the number of their document."""
        self._outline: list[tuple[Place, tuple[Any, ...]]] = []
        self._odd = _ODD_BREAKS.search(text) is not None

    def outline(self, ignoring: Collection[Place]) -> list[tuple[Place, tuple[Any, ...]]]:
        """Everything in the file, to compare; without what is at or below `ignoring`."""
        outline = self._outline
        for length in {len(place) for place in ignoring}:
            outline = [entry for entry in outline if entry[0][:length] not in ignoring]
        return outline

    @property
    def unended(self) -> Span | None:
        """The block scalar that ends the file without a line break; a line after it would give it one."""
        span = self.spans[-1] if self.spans else None
        if span is None or span.style not in ("|", ">") or self.text.endswith("\n"):
            return None
        stripped = CHOMPING.match(self.text, span.start)
        behind = self.text[span.end :].strip()
        return None if behind or (stripped and "-" in stripped[0]) else span

    def key(self, place: Place) -> Key | None:
        """The key that a place ends in (None: the mapping has none)."""
        box = self.boxes.get(place[:-1])
        return next((key for key in box.keys if key.name == place[-1]), None) if box else None

    def line_of(self, offset: int, known: int) -> int:
        """The line of an offset, from 0; `known` is the parser's, which counts other line breaks too."""
        return self.text.count("\n", 0, offset) if self._odd else known


def walk(text: str, where: str) -> Walk:
    """Read a file; raises InputError, with file:line:column, for invalid YAML.

    The last results are cached, as an edit reads one text several times; they are never modified.
    """
    return (_small if len(text) < LARGE else _large)(text, where)


@lru_cache(maxsize=8)
def _small(text: str, where: str) -> Walk:
    return _walk(text, where)


@lru_cache(maxsize=1)
def _large(text: str, where: str) -> Walk:
    return _walk(text, where)


def _walk(text: str, where: str) -> Walk:
    found = Walk(text)
    reading = _Reading(found, where)
    for event in events(text, where):
        reading.take(event)
    reading.end_document()
    return found


class _Reading:
    """The state of one pass."""

    def __init__(self, found: Walk, where: str) -> None:
        self.found = found
        self.where = where
        self.frames: list[_Frame] = []
        self.document = 0
        self.leaf_end = 0
        self._start = (0, 0)
        self._anchors: dict[str, str] = {}
        self._aliased: set[str] = set()
        self._anchored: list[tuple[int, tuple[str, ...]]] = []
        self._boxes: list[Box] = []

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind in ("ScalarEvent", "AliasEvent", "MappingStartEvent", "SequenceStartEvent"):
            self._node(event, kind)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._close(event, kind)
        elif kind == "DocumentStartEvent":
            self.end_document()
            self.frames = [_Frame((), None, False, (), self.document - 1)]

    def end_document(self) -> None:
        """Work out what needs the whole document: which anchors are repeated, and whether it is empty."""
        found, (spans, outline) = self.found, self._start
        found.aliased |= {(self.document, anchor) for anchor in self._aliased}
        for number, anchors in self._anchored:
            shared = next((anchor for anchor in anchors if anchor in self._aliased), None)
            if shared is not None:
                found.spans[number] = found.spans[number]._replace(shared=shared)
        for box in self._boxes if self._aliased else ():
            box.shared = next((anchor for anchor in box.anchors if anchor in self._aliased), None)
        if len(found._outline) > outline and not is_empty(found._outline[outline:]):
            self.document += 1
        elif len(found._outline) > outline:
            del found.spans[spans:], found._outline[outline:]
            for place in [place for place in found.boxes if place[0] == self.document]:
                del found.boxes[place]
        self._start = (len(found.spans), len(found._outline))
        self._anchors, self._aliased, self._anchored, self._boxes = {}, set(), [], []

    def _node(self, event: Any, kind: str) -> None:
        """One scalar, alias or opening of a collection, as a key, a value or an item."""
        parent = self.frames[-1]
        if parent.keyed and not parent.waits_for_value:
            self._key(parent, event, kind)
            return
        key = parent.key
        if parent.keyed:
            assert key is not None  # noqa: S101 - a mapping's value comes after its key
            parent.waits_for_value = False
            path: Place = (*parent.path, key.name)
        else:
            parent.index += 1
            path = (*parent.path, parent.index)
            if parent.box is not None:
                parent.box.keys.append(
                    Key(parent.index, event.start_mark.index, event.start_mark.index, None)
                )
        tag = str(event.tag) if getattr(event, "tag", None) else None
        plain = not getattr(event, "style", None)
        self.found._outline.append((path, (kind, event.anchor, tag, getattr(event, "value", None), plain)))
        if kind in ("ScalarEvent", "AliasEvent"):
            self._scalar(parent, path, event, kind)
            return
        if len(path) > MAX_DEPTH:
            hint = "exclude the file: it is not configuration"
            raise InputError(
                f"reading {self.where}", f"it is nested more than {MAX_DEPTH} levels deep", hint, self.where
            )
        flow = parent.flow or bool(event.flow_style)
        anchors = (*parent.anchors, event.anchor) if event.anchor else parent.anchors
        box = Box(kind == "MappingStartEvent", bool(event.flow_style), event.start_mark.index, anchors)
        self.found.boxes.setdefault(path, box)
        if anchors:
            self._boxes.append(box)
        self.frames.append(_Frame(path, box, flow, anchors))

    def _key(self, parent: _Frame, event: Any, kind: str) -> None:
        parent.waits_for_value = True
        start = event.start_mark.index
        name = f"?{len(parent.box.keys) if parent.box is not None else 0}"
        anchor = event.anchor
        if kind == "ScalarEvent":
            name = event.value
            if anchor:
                self._anchors[anchor] = name
        elif kind == "AliasEvent":
            name = self._anchors.get(anchor, name)
            self._aliased.add(anchor)
            anchor = None
        if kind == "ScalarEvent" and (properties := _PROPERTIES.match(self.found.text, start)):
            start = properties.end()
        parent.key = Key(name, start, event.end_mark.index, getattr(event, "style", None) or None, anchor)
        self.leaf_end = event.end_mark.index
        if parent.box is not None:
            parent.box.keys.append(parent.key)
        path = (*parent.path, name)
        self.found._outline.append((path, ("key", kind, event.anchor, getattr(event, "value", None))))
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            box = Box(kind == "MappingStartEvent", True, start, ())
            self.frames.append(_Frame((*path, "?"), box, True, ()))

    def _scalar(self, parent: _Frame, path: Place, event: Any, kind: str) -> None:
        found, text = self.found, self.found.text
        start, end = event.start_mark.index, event.end_mark.index
        style = getattr(event, "style", None) or None
        shared = None
        if kind == "AliasEvent":
            self._aliased.add(event.anchor)
            value, shared = self._anchors.get(event.anchor, ""), event.anchor
        else:
            value = event.value
            if event.anchor:
                self._anchors[event.anchor] = value
            if parent.anchors or event.anchor:
                anchors = (*parent.anchors, event.anchor) if event.anchor else parent.anchors
                self._anchored.append((len(found.spans), anchors))
            if style is None and value == "":
                # The parser puts an empty value where the next token begins; ours belongs after the colon.
                colon = re.compile(r"\s*:").match(text, parent.key.end) if parent.key else None
                start = end = colon.end() if colon and start == end else end
                style = None if colon else EMPTY_ITEM
            elif properties := _PROPERTIES.match(text, start, end):
                start = properties.end()
        if style in ("|", ">"):
            end = block_end(text, start, end)
        line = found.line_of(start, event.start_mark.line)
        if start != event.start_mark.index:
            line = text.count("\n", 0, start)
        column = start - text.rfind("\n", 0, start)
        tag = str(event.tag) if getattr(event, "tag", None) else None
        found.spans.append(Span(path, value, start, end, line + 1, column, style, parent.flow, shared, tag))
        self._ended(parent, end)

    def _close(self, event: Any, kind: str) -> None:
        frame = self.frames.pop()
        self.found._outline.append((frame.path, (kind,)))
        if frame.box is not None:
            frame.box.end = event.end_mark.index if frame.box.flow else self.leaf_end
            self._ended(self.frames[-1], frame.box.end)

    def _ended(self, parent: _Frame, end: int) -> None:
        self.leaf_end = max(self.leaf_end, end)
        if parent.box is not None and len(parent.box.value_ends) < len(parent.box.keys):
            parent.box.value_ends.append(self.leaf_end)


def decode(text: bytes, where: str) -> str:
    """The file as text, without its BOM; InputError when it is not UTF-8."""
    if b"\0" in text[:4]:
        found = "it is in UTF-16 or UTF-32"
        raise InputError(f"reading {where}", found, "save the file as UTF-8", where)
    try:
        return text.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        place = f"{where}:{text.count(bytes([10]), 0, error.start) + 1}"
        found = f"byte {error.start} is not UTF-8"
        raise InputError(f"reading {where}", found, "save the file as UTF-8", place) from error


def encode(before: bytes, result: str) -> bytes:
    """The text as a file, with the BOM that `before` has."""
    bom = _BOM.encode()
    return (bom if before.startswith(bom) else b"") + result.encode("utf-8")
