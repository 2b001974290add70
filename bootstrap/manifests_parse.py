"""Documents that must be parsed to know what they are: JSON, flow style, Lists, odd quoting.

Scalars are read as the API server's YAML reader does (sigs.k8s.io/yaml: YAML 1.1's words for true and
false, no dates, no sexagesimal numbers), because the items of a List are sent as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bootstrap.errors import InputError
from bootstrap.steps import ClusterObject

Place = tuple[str, int]
"""File (or URL) and line where a document begins."""

_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"))
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_INTEGER = re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Header:
    """What names an object; `namespace` is "" where the document names none."""

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
    """One YAML document as data, scalars as the API server reads them."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    where, line = place
    try:
        node = YAML(typ="safe", pure=True).compose(document.decode())
        return None if node is None else _data(node, {})
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{where}:{line + mark.line}:{mark.column + 1}" if mark else f"{where}:{line}"
        raise InputError(
            f"reading {where}", str(error.problem or error.context), "mend the YAML", at
        ) from error
    except YAMLError as error:
        found = str(error).splitlines()[0]
        raise InputError(f"reading {where}", found, "mend the YAML", f"{where}:{line}") from error


def _json(document: bytes) -> Iterator[tuple[bytes, Any]]:
    """The values of a stream of JSON; none when it is not JSON all through."""
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
        raise _not_an_object(place, "it has no metadata" if isinstance(value, dict) else "it is no mapping")
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
        f"a document is no Kubernetes object: {found}",
        "give it apiVersion, kind and metadata.name, as strings",
        f"{where}:{line}",
    )


def _data(node: Any, seen: dict[int, Any]) -> Any:
    """A composed node as data; an alias is the same data again."""
    if id(node) in seen:
        return seen[id(node)]
    if isinstance(node.value, str):
        return _scalar(node)
    if node.id == "sequence":
        items: list[Any] = []
        seen[id(node)] = items
        items.extend(_data(item, seen) for item in node.value)
        return items
    mapping: dict[str, Any] = {}
    seen[id(node)] = mapping
    merged: dict[str, Any] = {}
    for key, value in node.value:
        if key.value == "<<" and not key.style:
            merges = _data(value, seen)
            for merge in merges if isinstance(merges, list) else [merges]:
                merged = {**merge, **merged}
        else:
            mapping[_key(key)] = _data(value, seen)
    for name, value in merged.items():
        mapping.setdefault(name, value)
    return mapping


def _key(node: Any) -> str:
    value = _scalar(node)
    return value if isinstance(value, str) else json.dumps(value)


def _scalar(node: Any) -> Any:
    text: str = node.value
    if node.style or (_is_tagged(node) and str(node.tag) == "tag:yaml.org,2002:str"):
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


def _is_tagged(node: Any) -> bool:
    """Whether a tag (`!!str`) was written; the composer resolves one for every node."""
    mark = node.start_mark
    return bool(mark.buffer[mark.index : mark.index + 1] == "!")


def _integer(text: str) -> int:
    digits = text.replace("_", "").lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if digits[:2] in ("0x", "0b", "0o"):
        return sign * int(digits, 0)
    octal = digits.startswith("0") and not set(digits) & {"8", "9"}
    return sign * int(digits, 8 if octal else 10)
