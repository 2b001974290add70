"""Fields that Kubernetes' own kinds do not have, values of the wrong type, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from bootstrap.checks.rule import Path, Problem, Rule, Surroundings, at
from bootstrap.index import Index, Resource

UNKNOWN = Rule(
    "GB121",
    "unknown-field",
    "error",
    "An object has a field that its kind does not know: the API server refuses it, or drops it.",
    "correct the name or the indentation",
)
TYPE = Rule(
    "GB122",
    "wrong-type",
    "error",
    "A field's value has the wrong type: the API server refuses the object.",
    "write the value in the type that is asked for (text in quotes)",
)
REQUIRED = Rule(
    "GB123",
    "field-missing",
    "error",
    "A field that the kind requires is missing: the API server refuses the object.",
    "add the field",
)

_GROUPS = {
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
}
_FREE = {"V1CustomResourceDefinition"}
"""Not looked into: a definition is a schema itself, with keys of its own."""
_MADE = {"status", "creationTimestamp"}
"""What controllers write, and generators leave empty."""


def check(index: Index, around: Surroundings) -> Iterator[Problem]:
    """Every rule of this module."""
    schema = around.schema()
    if not schema:
        return
    for resource in index.resources:
        model = model_of(resource, schema)
        if model is not None:
            for rule, message, path in faults(resource.body, f"#{model}", schema, ()):
                yield at(rule, resource, f"{resource}: {message}", *path)


def model_of(resource: Resource, schema: Mapping[str, Any]) -> str | None:
    """The model of a built-in kind, as the client names it."""
    group, _, version = str(resource.body.get("apiVersion")).rpartition("/")
    if group not in _GROUPS:
        return None
    model = f"{version[:1].upper()}{version[1:]}{resource.short_kind}"
    return model if model in schema and "kind" in schema[model]["fields"] and model not in _FREE else None


Fault = tuple[Rule, str, Path]


def faults(value: Any, kind: Any, schema: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    """What is wrong with a value of a type (kube_schema.py names the types)."""
    if value is None or kind == "any":
        return
    if isinstance(kind, list):
        yield from _many(value, kind, schema, path)
    elif kind.startswith("#"):
        yield from _model(value, kind[1:], schema, path)
    elif not _fits(value, kind):
        yield TYPE, f"{_spell(path)} is {_word(value)}, not {_WORDS[kind]}", path


def _many(value: Any, kind: list[Any], schema: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    if kind[0] == "list" and isinstance(value, list):
        items: list[tuple[Any, Any]] = list(enumerate(value))
    elif kind[0] == "dict" and isinstance(value, dict):
        items = list(value.items())
    else:
        word = "list" if kind[0] == "list" else "mapping"
        yield TYPE, f"{_spell(path)} is {_word(value)}, not a {word}", path
        return
    for key, item in items:
        yield from faults(item, kind[1], schema, (*path, key))


def _model(value: Any, name: str, schema: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    fields = schema[name]["fields"] if name in schema else {}
    if not fields:
        return
    if not isinstance(value, dict):
        yield TYPE, f"{_spell(path)} is {_word(value)}, not a mapping", path
        return
    for key, item in value.items():
        if key in fields:
            if key not in _MADE:
                yield from faults(item, fields[key], schema, (*path, key))
        elif key not in _MADE:
            near = get_close_matches(str(key), fields, n=1, cutoff=0.7)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield UNKNOWN, f"{_spell((*path, key))} is no field of it{hint}", (*path, key)
    for key in schema[name]["required"]:
        if value.get(key) is None:
            yield REQUIRED, f"{_spell((*path, key))} is missing", path


_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "date": "a time",
    "quantity": "a quantity",
    "int|str": "a number or text",
}


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "bool"
    if isinstance(value, int):
        return kind in ("int", "float", "quantity", "int|str")
    if isinstance(value, float):
        return kind in ("float", "quantity")
    return isinstance(value, str) and kind in ("str", "date", "quantity", "int|str")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return f"{str(value).lower()} (not in quotes)"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


def _spell(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
