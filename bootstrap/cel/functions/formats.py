"""`format`: the formats that Kubernetes names, such as dns1123Label, and what is wrong with a text."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from bootstrap.cel.functions.urls import is_url
from bootstrap.cel.functions.values import of, tagged

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"


def _by(pattern: str, most: int, prefix: bool = False) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        whole = f"{text[:-1]}a" if prefix and text.endswith("-") else text
        return len(text) <= most and re.fullmatch(pattern, whole) is not None

    return fits


def _qualified(text: str) -> bool:
    prefix, slash, name = text.rpartition("/")
    return (not slash or FORMATS["dns1123Subdomain"](prefix)) and _by(_NAME, 63)(name)


def _bytes(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _datetime(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([zZ]|[+-]\d\d:\d\d)", text):
        return False
    try:
        datetime.fromisoformat(f"{text[:10]}T{text[11:19]}")
    except ValueError:
        return False
    return True


FORMATS: dict[str, Callable[[str], bool]] = {
    "dns1123Label": _by(_LABEL, 63),
    "dns1123Subdomain": _by(rf"{_LABEL}(\.{_LABEL})*", 253),
    "dns1035Label": _by(_LABEL_1035, 63),
    "dns1123LabelPrefix": _by(_LABEL, 63, prefix=True),
    "dns1123SubdomainPrefix": _by(rf"{_LABEL}(\.{_LABEL})*", 253, prefix=True),
    "dns1035LabelPrefix": _by(_LABEL_1035, 63, prefix=True),
    "labelValue": _by(f"({_NAME})?", 63),
    "qualifiedName": _qualified,
    "uri": is_url,
    "uuid": _by(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", 36),
    "byte": _bytes,
    "date": _date,
    "datetime": _datetime,
}


def named(name: str) -> dict[str, Any]:
    """The format with this name, as an optional."""
    return tagged("optional", [tagged("format", name)] if name in FORMATS else [])


def validate(one: Any, text: str) -> dict[str, Any]:
    """What is wrong with the text, as an optional list: none if it fits."""
    name = of("format", one)
    return tagged("optional", [] if FORMATS[name](text) else [[f"must be of the format {name}"]])


def has_value(one: Any) -> bool:
    return bool(of("optional", one))


def value(one: Any) -> Any:
    return of("optional", one)[0]


def or_value(one: Any, other: Any) -> Any:
    return (of("optional", one) or [other])[0]
