"""Documents that must be parsed to know what they are: JSON, flow style, Lists, odd quoting.

The parser is libyaml, of which the API server's own reader is a port (where PyYAML was built without it,
its Python twin is used, which is slower). Scalars are read as that reader does (sigs.k8s.io/yaml: YAML
1.1's words for true and false, no dates, no sexagesimal numbers), because a List's items are sent as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.manifests.objects import ClusterObject
from bootstrap.manifests.scalars import LARGEST, SMALLEST, in_range

Place = tuple[str, int]
"""File (or URL) and line where a document begins."""

MAX_DEPTH = 200
"""Levels of nesting; no Kubernetes object is nested deeper."""
_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"))
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_SPECIAL = frozenset("0123456789+-.~nNyYtTfFoO")
"""What a plain scalar that is not a string can begin with."""
_INTEGER = re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_STRING_TAG = "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class Header:
    """The identity of an object; `namespace` is "" where the document names none."""

    api_version: str
    kind: str
    namespace: str
    name: str


def objects(document: bytes, place: Place) -> Iterator[ClusterObject]:
    """The object of one document, or the items of a List; one document of JSON may hold several objects."""
    values = list(_json(document)) or [(document, parse(document, place))]
    for text, value in values:
        if value is None:
            continue
        if isinstance(value, dict) and str(value.get("kind", "")).endswith("List") and "items" in value:
            for item in value["items"] or ():
                yield _object(json.dumps(item, ensure_ascii=False).encode(), item, place)
        else:
            yield _object(text, value, place)


def parse(document: bytes, place: Place) -> Any:
    """One YAML document as data, scalars as the API server reads them. InputError with the place."""
    import yaml

    where, line = place
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(yaml.parse(document.decode(), Loader=loader)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{where}:{line + mark.line}:{mark.column + 1}" if mark else f"{where}:{line}"
        raise InputError(
            f"reading {where}", str(error.problem or error.context), "fix the YAML", at
        ) from error
    except _Unfit as error:
        at = f"{where}:{line + error.mark.line}:{error.mark.column + 1}"
        raise InputError(f"reading {where}", str(error), "fix the YAML", at) from error
    except yaml.YAMLError as error:
        found = str(error).splitlines()[0]
        raise InputError(f"reading {where}", found, "fix the YAML", f"{where}:{line}") from error


def _json(document: bytes) -> Iterator[tuple[bytes, Any]]:
    """The values of a stream of JSON; none unless all of it is JSON."""
    text = document.decode().strip()
    if not text.startswith("{"):
        return
    decoder, found, position = json.JSONDecoder(), [], 0
    try:
        while position < len(text):
            value, end = decoder.raw_decode(text, position)
            found.append((text[position:end].encode(), value))
            position = end + len(text[end:]) - len(text[end:].lstrip())
    except ValueError:
        return
    yield from found


def _object(text: bytes, value: Any, place: Place) -> ClusterObject:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    if not isinstance(metadata, dict):
        raise _not_an_object(
            place, "it has no metadata" if isinstance(value, dict) else "it is not a mapping"
        )
    fields = {
        "apiVersion": value.get("apiVersion"),
        "kind": value.get("kind"),
        "metadata.name": metadata.get("name"),
        "metadata.namespace": metadata.get("namespace") or "",
    }
    for name, found in fields.items():
        if not isinstance(found, str) or (not found and name != "metadata.namespace"):
            missing = found is None or found == ""
            raise _not_an_object(place, f"{name} is {'missing' if missing else f'{found!r}, not a string'}")
    api_version, kind, name, namespace = (str(found) for found in fields.values())
    return ClusterObject(api_version, kind, namespace, name, text)


def _not_an_object(place: Place, found: str) -> InputError:
    where, line = place
    return InputError(
        f"reading {where}",
        f"a document is not a Kubernetes object: {found}",
        "set apiVersion, kind and metadata.name, as strings",
        f"{where}:{line}",
    )


class _Unfit(Exception):
    """YAML that cannot be represented as JSON, and where."""

    def __init__(self, problem: str, event: Any) -> None:
        super().__init__(problem)
        self.mark = event.start_mark


class _Builder:
    """Data from a parser's events; an alias is the same data again."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, Any] = {}

    def document(self) -> Any:
        """The first document; None when there is none."""
        found = None
        for event in self._events:
            kind = type(event).__name__
            if kind in ("ScalarEvent", "MappingStartEvent", "SequenceStartEvent", "AliasEvent"):
                found = self._node(event, kind, 0)
        return found

    def _node(self, event: Any, kind: str, depth: int) -> Any:
        if kind == "AliasEvent":
            if event.anchor not in self._anchors:
                raise _Unfit(f"alias *{event.anchor} has no anchor", event)
            return self._anchors[event.anchor]
        if depth > MAX_DEPTH:
            raise _Unfit(f"it is nested deeper than {MAX_DEPTH} levels", event)
        value: Any = None
        if kind == "ScalarEvent":
            value = _scalar(event.value, event.style, event.tag)
        elif kind == "SequenceStartEvent":
            value = []
        else:
            value = {}
        if event.anchor:
            self._anchors[event.anchor] = value
        if kind == "SequenceStartEvent":
            for item, item_kind in self._until("SequenceEndEvent"):
                value.append(self._node(item, item_kind, depth + 1))
        elif kind == "MappingStartEvent":
            self._mapping(value, depth)
        return value

    def _mapping(self, mapping: dict[str, Any], depth: int) -> None:
        merged: dict[str, Any] = {}
        for key, key_kind in self._until("MappingEndEvent"):
            is_merge = key_kind == "ScalarEvent" and key.value == "<<" and not key.style
            name = "" if is_merge else self._key(key, key_kind, depth)
            event = next(self._events)
            value = self._node(event, type(event).__name__, depth + 1)
            if not is_merge:
                mapping[name] = value
                continue
            for merge in value if isinstance(value, list) else [value]:
                if not isinstance(merge, dict):
                    raise _Unfit("<< needs a mapping", key)
                merged = {**merge, **merged}
        for name, value in merged.items():
            mapping.setdefault(name, value)

    def _key(self, event: Any, kind: str, depth: int) -> str:
        value = self._node(event, kind, depth + 1)
        if isinstance(value, dict | list):
            raise _Unfit("a key is not a scalar", event)
        return value if isinstance(value, str) else json.dumps(value)

    def _until(self, end: str) -> Iterator[tuple[Any, str]]:
        for event in self._events:
            kind = type(event).__name__
            if kind == end:
                return
            yield event, kind


def _scalar(text: str, style: str | None, tag: str | None) -> Any:
    if style or tag == _STRING_TAG or (text and text[0] not in _SPECIAL):
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text) and any(character.isdigit() for character in text):
        return float(text)
    return text


def _integer(text: str) -> Any:
    digits = text.replace("_", "").lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    based = digits[:2] in ("0x", "0b", "0o")
    octal = digits.startswith("0") and not set(digits) & {"8", "9"}
    try:
        value = sign * int(digits, 0 if based else 8 if octal else 10)
    except ValueError:  # more digits than Python reads
        value = LARGEST + 1
    if SMALLEST <= value <= LARGEST:
        return value
    return text if based or octal else in_range(text.replace("_", ""), text)
