"""Pure: the bounds that a definition puts on a field: numbers, lengths, patterns and formats.

As the API server's structural schemas know them; a pattern or a format that cannot be judged is silent.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from bootstrap.core import globs

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


def _is_cidr(value: str) -> bool:
    ipaddress.ip_interface(value)
    return "/" in value


FORMATS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "ipv4": ("an IPv4 address", ipaddress.IPv4Address),
    "ipv6": ("an IPv6 address", ipaddress.IPv6Address),
    "cidr": ("a range of addresses such as 10.0.0.0/8", _is_cidr),
    "date-time": ("a time such as 2026-01-31T08:00:00Z", _TIME.match),
    "uuid": ("a UUID", _UUID.fullmatch),
}
"""Format → what it is called, and a function that raises ValueError, or whose result is false, otherwise."""
_NUMBERS = ("minimum", "maximum", "multipleOf")
_SIZES = {
    "minLength": (str, "characters", "at least"),
    "maxLength": (str, "characters", "at most"),
    "minItems": (list, "items", "at least"),
    "maxItems": (list, "items", "at most"),
    "minProperties": (dict, "keys", "at least"),
    "maxProperties": (dict, "keys", "at most"),
}


def of_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The bounds that a schema gives, by its own words; {} for none."""
    found = {name: schema[name] for name in _NUMBERS if _is_number(schema.get(name))}
    found |= {name: schema[name] for name in _SIZES if type(schema.get(name)) is int}
    for name, of in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if schema.get(name) is True and of in found:
            found[name] = True
    if isinstance(schema.get("pattern"), str) and schema["pattern"]:
        found["pattern"] = schema["pattern"]
    if schema.get("type") in ("integer", "number") and isinstance(schema.get("enum"), list):
        found["enum"] = [one for one in schema["enum"] if _is_number(one)]
    if schema.get("format") in FORMATS:
        found["format"] = schema["format"]
    return found


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def faults(value: Any, bounds: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a value of the right type, as the end of a sentence that begins with its field."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, bounds)
        if "enum" in bounds and value not in bounds["enum"]:
            yield f"is {value}; allowed: {', '.join(map(str, bounds['enum'][:8]))}"
    for name, (kind, unit, word) in _SIZES.items():
        if name in bounds and isinstance(value, kind):
            size, bound = len(value), bounds[name]
            if size < bound if name.startswith("min") else size > bound:
                yield f"has {size} {unit}; {word} {bound} are allowed"
    if not isinstance(value, str):
        return
    if "pattern" in bounds and globs.fits(bounds["pattern"], value, whole=False) is False:
        yield f"is {value[:80]!r}, which its pattern {bounds['pattern'][:200]} does not allow"
    if "format" in bounds:
        what, check = FORMATS[bounds["format"]]
        with suppress(ValueError):
            if check(value):
                return
        yield f"is {value[:80]!r}, not {what}"


def _number(value: float, bounds: Mapping[str, Any]) -> Iterator[str]:
    low, high = bounds.get("minimum"), bounds.get("maximum")
    above, below = bounds.get("exclusiveMinimum"), bounds.get("exclusiveMaximum")
    if low is not None and (value < low or (above and value == low)):
        yield f"is {value}; it must be {'more than' if above else 'at least'} {low}"
    if high is not None and (value > high or (below and value == high)):
        yield f"is {value}; it must be {'less than' if below else 'at most'} {high}"
    step = bounds.get("multipleOf")
    if step and isinstance(value, int) and isinstance(step, int) and value % step:
        yield f"is {value}, not a multiple of {step}"
