"""The fields of Kubernetes' own kinds, from the kubernetes client, in a form that is quick to read."""

from __future__ import annotations

import datetime
import typing
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from bootstrap.index_store import Store

QUANTITIES = {
    "allocatable",
    "averageValue",
    "capacity",
    "default",
    "defaultRequest",
    "divisor",
    "hard",
    "limits",
    "max",
    "maxLimitRequestRatio",
    "min",
    "requests",
    "sizeLimit",
    "used",
}
"""Fields that hold quantities (`1`, `100m`): text for the client, numbers too for the API server."""


def load(store: Store) -> Mapping[str, Any]:
    """Model → {"fields": {name: type}, "required": [names]}; made once for each version of the client.

    A type is str, int, float, bool, date, quantity, any, `int|str`, `#Model`, ["list", type] or
    ["dict", type].
    """
    key = f"schema:2:{version('kubernetes')}"
    known = store.get(key)
    if known is None:
        known = _read()
        store.put(key, known)
    found: Mapping[str, Any] = known
    return found


def _read() -> dict[str, Any]:
    from kubernetes.client import models

    found = {}
    for name in dir(models):
        fields = getattr(getattr(models, name), "model_fields", None)
        if isinstance(fields, dict):
            found[name] = {
                "fields": {
                    _name(field, info): _type(_name(field, info), info.annotation)
                    for field, info in fields.items()
                },
                "required": [_name(field, info) for field, info in fields.items() if info.is_required()],
            }
    return found


def _name(field: str, info: Any) -> str:
    return str(info.serialization_alias or info.alias or field)


def _type(name: str, annotation: Any) -> Any:
    """A field's type in our words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(name, arguments[0])
    if origin is typing.Union:
        kinds = sorted({str(_type(name, one)) for one in arguments if one is not type(None)})
        alone = [one for one in arguments if one is not type(None)]
        return _type(name, alone[0]) if len(kinds) == 1 else "int|str" if kinds == ["int", "str"] else "any"
    if origin is list:
        return ["list", _type(name, arguments[0])]
    if origin is dict:
        return ["dict", _type(name, arguments[1])]
    if annotation is str:
        return "quantity" if name in QUANTITIES else "str"
    plain = {int: "int", float: "float", bool: "bool", datetime.datetime: "date"}
    if annotation in plain:
        return plain[annotation]
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return f"#{annotation.__name__}"
    return "any"
