"""Pure: the fields of custom kinds, from their CustomResourceDefinitions, in builtin_kinds.py's form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from bootstrap.resources.index import dig, mapping, mappings, sequence
from bootstrap.validate.admission.schema_values import has_rules
from bootstrap.validate.rules.api import limits

METADATA = "#V1ObjectMeta"
_PLAIN = {"string": "str", "integer": "int", "boolean": "bool", "number": "float"}
_DEEPEST = 60


def of_definition(body: Mapping[str, Any]) -> dict[str, Any]:
    """The models and kinds of one definition; equal models share a name, which is a hash of their content."""
    models: dict[str, Any] = {}
    kinds, rules = {}, {}
    group, kind = dig(body, "spec", "group"), dig(body, "spec", "names", "kind")
    for version in mappings(dig(body, "spec", "versions")):
        schema = mapping(dig(version, "schema", "openAPIV3Schema"))
        if not schema.get("properties") or not version.get("served", True):
            continue
        properties = {
            **mapping(schema["properties"]),
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": None,
            "status": {},
        }
        root = _model({**schema, "type": "object"}, properties, models, 0)
        kinds[f"{group}/{version.get('name')}/{kind}"] = root.removeprefix("#")
        if has_rules(schema):
            rules[f"{group}/{version.get('name')}/{kind}"] = schema
    return {"models": models, "kinds": kinds, "rules": rules}


def argocd() -> dict[str, Any]:
    """The fields of Argo CD's own kinds in the pinned version, for repositories without its definitions.

    A test compares them with the definitions in the pinned manifest.
    """
    text = resources.files("bootstrap.validate").joinpath("argocd-fields.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _type(schema: Any, models: dict[str, Any], depth: int) -> Any:
    """A schema's type in the form of builtin_kinds.py, with its bounds."""
    if schema is None:
        return METADATA
    schema = mapping(schema)
    found = _unbounded(schema, models, depth)
    bounds = limits.of_schema(schema)
    return ["bounded", found, bounds] if bounds else found


def _unbounded(schema: Mapping[str, Any], models: dict[str, Any], depth: int) -> Any:
    if schema.get("x-kubernetes-int-or-string"):
        return "int|str"
    if schema.get("x-kubernetes-embedded-resource") or depth > _DEEPEST:
        return "any"
    kind = schema.get("type")
    properties = mapping(schema.get("properties"))
    if kind == "array":
        return ["list", _type(schema.get("items") or {}, models, depth + 1), *_keys(schema)]
    if properties:
        return _model(schema, properties, models, depth)
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return ["dict", _type(schema["additionalProperties"], models, depth + 1)]
    values = [value for value in sequence(schema.get("enum")) if isinstance(value, str)]
    if kind == "string" and values:
        return ["enum", values]
    return "date" if schema.get("format") == "date-time" else _PLAIN.get(str(kind), "any")


def _keys(schema: Mapping[str, Any]) -> list[Any]:
    """What no two items of a list may share: keys with their defaults, [] for a set; nothing for others."""
    if schema.get("x-kubernetes-list-type") == "set":
        return [[]]
    if schema.get("x-kubernetes-list-type") != "map":
        return []
    fields = mapping(mapping(schema.get("items")).get("properties"))
    names = [str(name) for name in sequence(schema.get("x-kubernetes-list-map-keys"))]
    return [[[name, mapping(fields.get(name)).get("default")] for name in names]]


def _model(
    schema: Mapping[str, Any], properties: Mapping[str, Any], models: dict[str, Any], depth: int
) -> str:
    model: dict[str, Any] = {
        "fields": {str(name): _type(field, models, depth + 1) for name, field in properties.items()},
        "required": [
            str(name)
            for name in sequence(schema.get("required"))
            if "default" not in mapping(properties.get(name)) and name not in ("metadata", "status")
        ],
    }
    if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("additionalProperties"):
        model["open"] = True
    name = hashlib.sha256(json.dumps(model, sort_keys=True).encode()).hexdigest()[:12]
    models[name] = model
    return f"#{name}"
