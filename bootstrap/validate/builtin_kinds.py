"""The fields of Kubernetes' own kinds, from the kubernetes client, in a form that is quick to read."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from bootstrap.repository.store import Store

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

_GROUPS = {
    "apps": "apps",
    "autoscaling": "autoscaling",
    "batch": "batch",
    "core": "",
    "flowcontrol_apiserver": "flowcontrol.apiserver.k8s.io",
    "internal_apiserver": "internal.apiserver.k8s.io",
    "policy": "policy",
    "rbac_authorization": "rbac.authorization.k8s.io",
}
"""How the client spells a group → the group; others are `<spelling>.k8s.io`."""
_CREATE = re.compile(r"^    (?:async )?def create_(?:namespaced_)?([a-z_]+?)\(", re.MULTILINE)


@cache
def client() -> str:
    """Which client is installed: where, and since when. Its version takes 15 ms to find out."""
    found = PathFinder.find_spec("kubernetes")
    if found is None or found.origin is None:
        return ""
    return f"{found.origin} {Path(found.origin).stat().st_mtime_ns}"


def newest() -> tuple[int, int]:
    """The release that the client was made of: client 36 is of Kubernetes 1.36."""
    from importlib.metadata import version

    return 1, int(version("kubernetes").partition(".")[0])


def load(store: Store) -> Mapping[str, Any]:
    """What Kubernetes serves; made once for each version of the client.

    `models`: model → {"fields": {name: type}, "required": [names]}; `kinds`: `apiVersion/Kind` → model.
    A type is str, int, float, bool, date, quantity, any, `int|str`, `#Model`, ["list", type],
    ["dict", type] or ["enum", [values]].
    """
    key = f"schema:4:{client()}"
    known = store.get(key)
    if known is None:
        models = _models()
        known = {"models": models, "kinds": dict(_kinds(models))}
        store.put(key, known)
    found: Mapping[str, Any] = known
    return found


def _models() -> dict[str, Any]:
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


def _kinds(models: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every kind that can be created: the client has a method for each, named by group and version.

    The modules are read, not imported: together they take seconds.
    """
    from kubernetes import client

    by_spelling = {name.lower(): name for name in models}
    for path in sorted(Path(client.__file__).parent.joinpath("api").glob("*_api.py")):
        match = re.fullmatch(r"(\w+?)_(v\d\w*)_api", path.stem)
        if match is None:
            continue
        group, version_name = _GROUPS.get(match[1], f"{match[1]}.k8s.io"), match[2]
        api_version = f"{group}/{version_name}" if group else version_name
        for spelled in set(_CREATE.findall(path.read_text("utf-8"))):
            plain = spelled.replace("_", "")
            for start in (version_name, match[1].replace("_", "") + version_name):
                if model := by_spelling.get(f"{start}{plain}"):
                    yield f"{api_version}/{model[len(start) :]}", model


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
    import datetime

    plain = {int: "int", float: "float", bool: "bool", datetime.datetime: "date"}
    if annotation in plain:
        return plain[annotation]
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return f"#{annotation.__name__}"
    return "any"
