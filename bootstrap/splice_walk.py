"""Pure: where the scalars of a YAML file stand, from the parser's events alone.

Nothing is composed or constructed: aliases are not expanded, so a file that would explode does not.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from bootstrap.errors import InputError

Place = tuple[str | int, ...]
"""Document (by number; those without content do not count), then keys and indexes."""

# Anchor, tag, and comments after them, before the scalar itself.
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+(?:#[^\n]*\n\s*)*)+")
_EMPTY_ITEM = "-"
_BOM = "\ufeff"


@dataclass(frozen=True)
class Span:
    """A scalar that is a value.

    `start` and `end` are offsets in the text without its BOM; `line` and `column` count from 1.
    `style` is None for plain, or one of `'`, `"`, `|`, `>`; `flow` says it stands within [] or {}.
    `shared` names the anchor through which an alias repeats the scalar, or something around it;
    for an alias itself, the anchor that it names.
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


@dataclass
class _Frame:
    path: Place
    keyed: bool
    flow: bool
    shared: str | None
    key: str | None = None
    key_end: int = 0
    waits_for_value: bool = False
    index: int = -1


@dataclass
class Walk:
    """What one pass over a file found.

    `flows` has the offsets of sequences in brackets; `key_lines` the line (from 0) of each key of a
    document's top mapping.
    """

    text: str
    spans: list[Span] = field(default_factory=list)
    flows: dict[Place, tuple[int, int]] = field(default_factory=dict)
    key_lines: dict[Place, int] = field(default_factory=dict)
    _outline: list[tuple[Place, tuple[Any, ...]]] = field(default_factory=list)

    def outline(self, but: Container[Place]) -> list[tuple[Place, tuple[Any, ...]]]:
        """Everything that the file says, to compare; without what stands at or below `but`."""
        return [
            (path, said)
            for path, said in self._outline
            if not any(path[:length] in but for length in range(1, len(path) + 1))
        ]


def walk(text: str, where: str) -> Walk:
    """Read a file; raises InputError, with file:line:column, for what is no YAML."""
    events = _events(text, where)
    found, frames, document = Walk(text), list[_Frame](), -1
    aliased: set[str] = set()
    for number, event in enumerate(events):
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            aliased = _aliased(events, number)
            if not _is_empty(events, number + 1):
                document += 1
            frames = [_Frame((), keyed=False, flow=False, shared=None, index=document - 1)]
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            frame = frames.pop()
            if kind == "SequenceEndEvent" and frame.flow and frame.path in found.flows:
                found.flows[frame.path] = (found.flows[frame.path][0], event.end_mark.index)
            found._outline.append((frame.path, (kind,)))
        elif kind in ("ScalarEvent", "AliasEvent", "MappingStartEvent", "SequenceStartEvent"):
            _node(found, frames, event, kind, aliased)
    return found


def _node(found: Walk, frames: list[_Frame], event: Any, kind: str, aliased: set[str]) -> None:
    """One scalar, alias or opening of a collection, as a key, a value or an item."""
    parent = frames[-1]
    if parent.keyed and not parent.waits_for_value:
        parent.waits_for_value = True
        parent.key = event.value if kind == "ScalarEvent" else f"?{event.start_mark.index}"
        parent.key_end = event.end_mark.index
        path: Place = (*parent.path, parent.key or "")
        if len(parent.path) == 1:
            found.key_lines.setdefault(path, event.start_mark.line)
        found._outline.append((path, ("key", kind, event.anchor, getattr(event, "value", None))))
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            frames.append(_Frame((*path, "?"), kind == "MappingStartEvent", True, None))
        return
    if parent.keyed:
        parent.waits_for_value = False
        path = (*parent.path, parent.key or "")
    else:
        parent.index += 1
        path = (*parent.path, parent.index)
    shared = parent.shared or (event.anchor if event.anchor in aliased else None)
    tag = str(event.tag) if getattr(event, "tag", None) else None
    found._outline.append((path, (kind, event.anchor, tag, getattr(event, "value", None))))
    if kind in ("ScalarEvent", "AliasEvent"):
        found.spans.append(_span(found.text, parent, path, event, kind, shared))
        return
    flow = parent.flow or bool(event.flow_style)
    frames.append(_Frame(path, kind == "MappingStartEvent", flow, shared))
    if event.flow_style and kind == "SequenceStartEvent":
        found.flows[path] = (event.start_mark.index, 0)


def _span(text: str, parent: _Frame, path: Place, event: Any, kind: str, shared: str | None) -> Span:
    start, end = event.start_mark.index, event.end_mark.index
    style = getattr(event, "style", None) or None
    if kind == "ScalarEvent" and style is None and event.value == "":
        # The parser sets an empty value where the next thing begins; ours belongs after the colon.
        colon = re.compile(r"\s*:").match(text, parent.key_end) if parent.keyed else None
        start = end = colon.end() if colon and start == end else end
        style = None if colon else _EMPTY_ITEM
    elif properties := _PROPERTIES.match(text, start, end):
        start = properties.end()
    line = text.count("\n", 0, start) + 1 if start != event.start_mark.index else event.start_mark.line + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    value = event.value if kind == "ScalarEvent" else ""
    return Span(
        path,
        value,
        start,
        end,
        line,
        column,
        style,
        parent.flow,
        shared if kind == "ScalarEvent" else event.anchor,
    )


def _events(text: str, where: str) -> list[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return list(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        found = str(error.problem or error.context or "it is no YAML")
        raise InputError(f"reading {where}", found, "mend the YAML", place) from error
    except (YAMLError, RecursionError) as error:
        raise InputError(f"reading {where}", str(error).splitlines()[0], "mend the YAML", where) from error


def _aliased(events: list[Any], start: int) -> set[str]:
    """The anchors that the document which begins at `start` repeats by an alias."""
    names = set()
    for event in events[start + 1 :]:
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            break
        if kind == "AliasEvent":
            names.add(event.anchor)
    return names


def _is_empty(events: list[Any], number: int) -> bool:
    """Whether the document whose content begins at `number` says nothing (null, {} or [])."""
    first, second = events[number], events[number + 1]
    if type(first).__name__ == "ScalarEvent":
        return first.style in (None, "") and first.value in ("", "~", "null")
    return type(first).__name__[:-10] == type(second).__name__[:-8] and type(second).__name__.endswith(
        "EndEvent"
    )


def decode(text: bytes, where: str) -> str:
    """The file as text, without its BOM; InputError when it is not UTF-8."""
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
