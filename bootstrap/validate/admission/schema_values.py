"""Pure: an object as the rules of its definition see it: defaults applied, fields under CEL's names, typed.

As the API server does it (apiextensions-apiserver: schema/defaulting and schema/cel).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from bootstrap.resources.index import mapping, mappings
from bootstrap.validate.rule import Path

RULES = "x-kubernetes-validations"
_ACCESSIBLE = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_WORDS = "true false null in as break const continue else for function if import let loop package namespace"
_RESERVED = {*_WORDS.split(), "return", "var", "void", "while"}
_DEEPEST = 60
_TAGGED = {"date-time": "timestamp", "date": "timestamp", "duration": "duration", "byte": "bytes"}
"""Formats that are of another type than text in CEL."""


class Misfit(Exception):
    """A value of another type than its schema's: the API server refuses it before it evaluates any rule."""


@dataclass(frozen=True)
class Placed:
    """A rule and the value that it is about: where, the value as CEL sees it, and its type."""

    path: Path
    rule: Mapping[str, Any]
    value: Any
    type: str


def has_rules(schema: Any) -> bool:
    """Whether there is a rule anywhere in it."""
    if isinstance(schema, dict):
        return RULES in schema or any(map(has_rules, schema.values()))
    return isinstance(schema, list) and any(map(has_rules, schema))


def defaulted(schema: Mapping[str, Any], value: Any, depth: int = 0) -> Any:
    """A copy with the defaults of the schema, and without nulls where none are allowed."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, dict):
        properties, more = mapping(schema.get("properties")), schema.get("additionalProperties")
        made = {}
        for key, item in value.items():
            inner = properties.get(key, more if isinstance(more, dict) else None)
            if item is None and isinstance(inner, dict) and not inner.get("nullable"):
                continue
            made[key] = defaulted(inner, item, depth + 1) if isinstance(inner, dict) else item
        for key, inner in properties.items():
            if isinstance(inner, dict) and key not in made and "default" in inner:
                made[key] = defaulted(inner, copy.deepcopy(inner["default"]), depth + 1)
        return made
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict):
        return [defaulted(items, item, depth + 1) for item in value]
    return value


def placed(schema: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[Placed]:
    """Every rule of a definition with the value that it is about. Raises Misfit."""
    value = defaulted(schema, body)
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        **mapping(schema.get("properties")),
    }
    metadata = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
    }
    whole = {**schema, "type": "object", "properties": {**properties, "metadata": metadata}}
    yield from _placed(whole, value, (), 0)


def _placed(schema: Mapping[str, Any], value: Any, path: Path, depth: int) -> Iterator[Placed]:
    if value is None or depth > _DEEPEST:
        return
    rules = mappings(schema.get(RULES))
    if rules:
        seen = seen_by_rules(schema, value)
        kind = _TAGGED.get(str(schema.get("format")), "dyn") if schema.get("type") == "string" else "dyn"
        for rule in rules:
            yield Placed(path, rule, _untagged(seen) if kind != "dyn" else seen, kind)
    if isinstance(value, dict):
        properties, more = mapping(schema.get("properties")), schema.get("additionalProperties")
        for key, item in value.items():
            inner = properties.get(key, more)
            if isinstance(inner, dict):
                yield from _placed(inner, item, (*path, str(key)), depth + 1)
    elif isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        for number, item in enumerate(value):
            yield from _placed(items, item, (*path, number), depth + 1)


def seen_by_rules(schema: Mapping[str, Any], value: Any) -> Any:
    """A value as CEL sees it. Raises Misfit."""
    if value is None:
        return None
    if schema.get("x-kubernetes-int-or-string"):
        return value
    kind = schema.get("type")
    if kind == "object" or (kind is None and isinstance(value, dict)):
        return _object(schema, value)
    if kind == "array":
        if not isinstance(value, list):
            raise Misfit
        items = mapping(schema.get("items"))
        return [seen_by_rules(items, item) for item in value]
    return _scalar(kind, schema.get("format"), value)


def _object(schema: Mapping[str, Any], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Misfit
    properties, more = mapping(schema.get("properties")), schema.get("additionalProperties")
    if isinstance(more, dict) and not properties:
        return {str(key): seen_by_rules(more, item) for key, item in value.items()}
    if schema.get("x-kubernetes-embedded-resource"):
        texts = {"type": "string"}
        named = {"type": "object", "properties": {"name": texts, "generateName": texts}}
        properties = {"apiVersion": texts, "kind": texts, "metadata": named, **properties}
    return {
        name: seen_by_rules(mapping(inner), value[key])
        for key, inner in properties.items()
        if key in value and (name := field_name(str(key)))
    }


_FITS: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,), "integer": (int,), "number": (int, float), "string": (str,),
}  # fmt: skip


def _scalar(kind: Any, form: Any, value: Any) -> Any:
    if kind not in _FITS:
        return value
    fits = isinstance(value, _FITS[kind]) and (kind == "boolean") == isinstance(value, bool)
    if not fits:
        raise Misfit
    if kind == "number":
        return float(value)
    return {f"~{_TAGGED[form]}": _read(form, value)} if kind == "string" and form in _TAGGED else value


def _untagged(value: Any) -> Any:
    return next(iter(value.values())) if isinstance(value, dict) else value


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def _read(form: str, value: str) -> Any:
    """Seconds since 1970, or seconds, or bytes; Misfit for what the format does not allow."""
    if form == "byte":
        return value.encode()
    if form == "duration":
        sign, text = (-1, value[1:]) if value.startswith("-") else (1, value)
        if _PART.sub("", text) or not text:
            raise Misfit
        return sign * sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    try:
        read = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value))
    except ValueError as error:
        raise Misfit from error
    return (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).timestamp()


def field_name(name: str) -> str:
    """A field's name in an expression; "" if no expression can name it."""
    if not _ACCESSIBLE.fullmatch(name):
        return ""
    if name in _RESERVED:
        return f"__{name}__"
    escaped = name.replace("__", "__underscores__").replace(".", "__dot__")
    return escaped.replace("-", "__dash__").replace("/", "__slash__")
