"""Fields that a kind does not have, values of the wrong type, and what is missing.

Built-in kinds by the OpenAPI of Kubernetes, custom ones by their definitions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.core.text import near, suggest
from bootstrap.resources.index import Index, Resource
from bootstrap.resources.pods import is_partial
from bootstrap.validate.rule import ClusterContext, Path, Problem, Rule, Severity, problem
from bootstrap.validate.rules.api import limits
from bootstrap.validate.rules.api.values import VALUES
from bootstrap.validate.rules.api.versions import GROUPS, REMOVALS

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
    "write the value in the required type: text in quotes, numbers, true and false without",
)
KIND = Rule(
    "GB126",
    "unknown-kind",
    "error",
    "An API group does not have the kind or version: the API server refuses the object.",
    "correct the kind and apiVersion",
)
VALUE = Rule(
    "GB127",
    "value-refused",
    "error",
    "A field has a value that the API server refuses.",
    "write one of the allowed values",
)
REQUIRED = Rule(
    "GB123",
    "field-missing",
    "error",
    "A field that the kind requires is missing: the API server refuses the object.",
    "add the field",
)

LIST_KEY = Rule(
    "GB134",
    "list-key-twice",
    "error",
    "Two items of a list share the key by which its definition tells them apart: the API server refuses the "
    "object.",
    "remove one of the two, or give it another key",
)

_FREE = {"V1CustomResourceDefinition"}
"""Not checked: a definition is itself a schema, with keys of its own."""
_MADE = {"status", "creationTimestamp"}
"""Fields that controllers write and generators leave empty."""
_SOPS = "sops"
"""The field that sops adds to an encrypted object, and removes before it is applied."""
_VARIABLE = re.compile(r"\$\{\w+(?::?[=-][^{}]*)?\}|\b(?:[A-Z]+_)?(?:REPLACE|PLACEHOLDER)(?:_[A-Z]+)*\b")
"""What Flux, envsubst or a person fills in before the object is applied: its type is unknown."""
_QUANTITY = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    schema = context.schema()
    models = schema.get("models") or {}
    if not models:
        return
    for resource in index.resources:
        key = f"{resource.body.get('apiVersion')}/{resource.body.get('kind')}"
        model = schema["kinds"].get(key)
        if model is None:
            yield from _unknown_kind(resource, schema["kinds"])
        elif model not in _FREE:
            for rule, message, path in faults(resource.body, f"#{model}", models, ()):
                if rule in (TYPE, VALUE) and not resource.application and _is_variable(resource.body, path):
                    continue
                merged = rule is REQUIRED and is_partial(resource)
                more = (
                    f"; applied, it changes the {resource.kind.partition('.')[0]} that is there"
                    if merged
                    else ""
                )
                level: Severity | None = "warning" if merged else None
                yield problem(rule, resource, f"{resource}: {message}{more}", *path, level=level)


def _is_variable(body: Mapping[str, Any], path: Path) -> bool:
    value: Any = body
    for part in path:
        value = value[part]
    return isinstance(value, str) and _VARIABLE.search(value) is not None


def _unknown_kind(resource: Resource, kinds: Mapping[str, Any]) -> Iterator[Problem]:
    """A kind that its group does not have: in a group of Kubernetes, or similar to a defined kind."""
    api_version, kind = str(resource.body.get("apiVersion")), str(resource.body.get("kind"))
    if (api_version, kind) in REMOVALS or (api_version, kind) == ("v1", "List"):
        return
    group, _, version = api_version.rpartition("/")
    if not group and version != "v1" and "metadata" not in resource.body:
        return  # a program's own settings that only look similar, such as those of Talos
    here = [known.rsplit("/", 2) for known in kinds if _group(known) == group]
    versions = sorted({known[-2] for known in here if known[-1] == kind})
    said = suggest(near(kind, (known[-1] for known in here), cutoff=0.8))
    place = "kind"
    if versions:
        if group in GROUPS and re.search("alpha|beta", version):
            return  # served by some releases
        place, hint = "apiVersion", f"; it has {', '.join(versions)}"
    elif said:
        hint = f"; {said}"
    elif group in GROUPS:
        elsewhere = sorted(known.rpartition("/")[0] for known in kinds if known.endswith(f"/{kind}"))
        if not (group or elsewhere or version == "v1" or resource.application):
            return  # an installer's settings, with metadata too: OpenShift's AgentConfig
        place, hint = "apiVersion", f"; {kind} is in {', '.join(elsewhere)}" if elsewhere else ""
    else:
        return
    message = f"{resource}: {api_version} has no kind {kind}{hint}"
    yield problem(KIND, resource, message, place)


def _group(known: str) -> str:
    return "/".join(known.split("/")[:-2])


Fault = tuple[Rule, str, Path]


def faults(value: Any, kind: Any, schema: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    """What is wrong with a value of a type (builtin_kinds.py lists the types)."""
    if value is None or kind == "any":
        return
    if isinstance(kind, list) and kind[0] == "enum":
        yield from _chosen(value, kind[1], path)
    elif isinstance(kind, list) and kind[0] == "bounded":
        yield from faults(value, kind[1], schema, path)
        for message in limits.faults(value, kind[2]):
            yield VALUE, f"{_spell(path)} {message}", path
    elif isinstance(kind, list):
        yield from _many(value, kind, schema, path)
    elif kind.startswith("#"):
        yield from _model(value, kind[1:], schema, path)
    elif not _fits(value, kind):
        yield TYPE, f"{_spell(path)} is {_word(value)}, not {_WORDS[kind]}", path
    elif kind == "quantity" and isinstance(value, str) and not _QUANTITY.fullmatch(value):
        yield VALUE, f"{_spell(path)} is {value!r}, which is not a quantity such as 100m or 64Mi", path


def _chosen(value: Any, allowed: list[Any], path: Path) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield TYPE, f"{_spell(path)} is {_word(value)}, not text", path
    elif value not in allowed:
        hint = suggest(near(value, allowed)) or f"allowed: {', '.join(allowed[:8])}"
        yield VALUE, f"{_spell(path)} is {value!r}; {hint}", path


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
    if len(kind) > 2:
        yield from _twice([item for _, item in items], kind[2], path)


def _twice(items: list[Any], keys: list[list[Any]], path: Path) -> Iterator[Fault]:
    """Two items of a list whose definition says that they have to differ (x-kubernetes-list-type)."""
    seen: dict[str, int] = {}
    for number, item in enumerate(items):
        if keys and not isinstance(item, dict):
            continue
        own = {name: item.get(name, default) for name, default in keys} if keys else item
        text = json.dumps(own, sort_keys=True, default=str)
        if text in seen:
            what = ", ".join(f"{name} {value}" for name, value in own.items()) if keys else str(item)
            message = f"{_spell(path)}[{seen[text]}] and {_spell((*path, number))} both have {what}"
            yield LIST_KEY, message if keys else f"{_spell(path)} has {what} twice", (*path, number)
        seen.setdefault(text, number)


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
                if allowed := VALUES.get((name, key)):
                    yield from _allowed(item, allowed, (*path, key))
        elif key not in _MADE and (path or key != _SOPS) and not schema[name].get("open"):
            said = suggest(near(str(key), fields, cutoff=0.7))
            hint = f"; {said}" if said else ""
            yield UNKNOWN, f"unknown field {_spell((*path, key))}{hint}", (*path, key)
    for key in schema[name]["required"]:
        if value.get(key) is None:
            yield REQUIRED, f"{_spell((*path, key))} is missing", path


_DEFAULTED = frozenset(
    {"type", "imagePullPolicy", "protocol", "sessionAffinity", "concurrencyPolicy", "podManagementPolicy"}
    | {"reclaimPolicy"}
)
"""Fields whose empty text the API server treats as unset, and fills in."""


def _allowed(value: Any, allowed: list[str] | range, path: Path) -> Iterator[Fault]:
    """The values of a field of a built-in kind, of each item if it is a list."""
    for item, place in (
        [(one, (*path, number)) for number, one in enumerate(value)]
        if isinstance(value, list)
        else [(value, path)]
    ):
        if isinstance(allowed, range):
            if isinstance(item, int) and not isinstance(item, bool) and item not in allowed:
                most = "more" if allowed[-1] == 2**31 - 1 else str(allowed[-1])
                said = f"{allowed[0]} or {most}" if most == "more" else f"{allowed[0]} to {most}"
                yield VALUE, f"{_spell(place)} is {item}, not {said}", place
        elif isinstance(item, str) and (item or path[-1] not in _DEFAULTED):
            yield from _chosen(item, allowed, place)


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
