"""What the API server refuses in the data of ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Resource, mapping
from bootstrap.validate.rule import Path

Fault = tuple[str, Path]

_DATA_KEY = re.compile(r"(?!\.$|\.\.$|\.\.[^.])[-._a-zA-Z0-9]{1,253}")
_PLACEHOLDER = re.compile(r"\$\{|\{\{|\$\(|<[\w -]+>")
_SOPS = "ENC["


def config_map(resource: Resource) -> Iterator[Fault]:
    """What is wrong with a ConfigMap's keys and values."""
    data, binary = mapping(resource.body.get("data")), mapping(resource.body.get("binaryData"))
    yield from _keys(data, "data")
    yield from _keys(binary, "binaryData")
    for key in sorted(set(map(str, data)) & set(map(str, binary))):
        yield f"{key} is in data and in binaryData", ("binaryData", key)
    yield from _base64(binary, "binaryData")


_OF_TYPE = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def secret(resource: Resource) -> Iterator[Fault]:
    """What is wrong with a Secret's keys, values and type."""
    data, text = mapping(resource.body.get("data")), mapping(resource.body.get("stringData"))
    yield from _keys(data, "data")
    yield from _keys(text, "stringData")
    if "sops" not in resource.body:
        yield from _base64(data, "data")
    for key in _OF_TYPE.get(str(resource.body.get("type")), ()):
        if key not in data and key not in text:
            yield f"a Secret of type {resource.body['type']} needs the key {key}", ("type",)


def _keys(data: Mapping[Any, Any], field: str) -> Iterator[Fault]:
    for key in data:
        if isinstance(key, str) and not _DATA_KEY.fullmatch(key) and not _PLACEHOLDER.search(key):
            yield f"{key!r} is not a key: letters, digits, dashes, dots and underscores", (field, key)


def _base64(data: Mapping[Any, Any], field: str) -> Iterator[Fault]:
    for key, value in data.items():
        if not isinstance(value, str) or value.startswith(_SOPS) or re.search(r"[<>${}]", value):
            continue
        try:
            base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            yield f"the value of {key} is not base64", (field, key)
