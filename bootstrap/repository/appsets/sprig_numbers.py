"""Pure: arguments of Go templates' functions as text and numbers, and arithmetic with them."""

from __future__ import annotations

import math
from typing import Any

from bootstrap.repository.appsets.gotemplate import TemplateError
from bootstrap.repository.appsets.gotemplate_run import MISSING, Unknown, printed


def text(value: Any) -> str:
    """An argument that must be a string in Go."""
    if isinstance(value, str):
        return value
    what = "invalid value" if value is None or value is MISSING else f"wrong type for value {printed(value)}"
    raise TemplateError(f"{what}; expected string")


def strval(value: Any) -> str:
    """Any value as text, as Sprig's toString does."""
    return value if isinstance(value, str) else printed(None if value is MISSING else value)


def plain(value: Any) -> Any:
    """A value for JSON and YAML: whole numbers without a decimal point, None for what is missing."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return None if value is MISSING else value


def whole(value: Any) -> int:
    """An argument that must be an int in Go."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TemplateError(f"wrong type for value {printed(value)}; expected int")
    return value


def to_int(value: Any) -> int:
    """Like Sprig's toInt64: the number at the start of a text; else 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return int(value)
    if isinstance(value, str):
        try:
            return int(value, 10) if not value.lower().startswith("0x") else int(value, 16)
        except ValueError:
            try:
                return int(float(value)) if "." in value and float(value).is_integer() else 0
            except ValueError:
                return 0
    return 0


def to_float(value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else 0.0
    except ValueError:
        return 0.0


def divided(one: Any, other: Any) -> int:
    divisor = to_int(other)
    if divisor == 0:
        raise TemplateError("integer divide by zero")
    return int(to_int(one) / divisor) if abs(to_int(one)) < 2**52 else to_int(one) // divisor


def remainder(one: Any, other: Any) -> int:
    return to_int(one) - divided(one, other) * to_int(other)


def rounded(value: Any, places: Any, at: Any = 0.5) -> float:
    scale = 10.0 ** whole(places)
    scaled = to_float(value) * scale
    base = math.floor(scaled)
    return (base + 1 if scaled - base >= float(at) else base) / scale


_MOST = 100_000
"""The most numbers in a list: the result of more is unknown."""


def steps(start: Any, stop: Any, step: Any) -> list[int]:
    first, last, by = to_int(start), to_int(stop), to_int(step)
    if by == 0 or (last > first) != (by > 0):
        return []
    if len(many := range(first, last, by)) > _MOST:
        raise Unknown(f"a list of {len(many):,} numbers")
    return list(many)


def sequence_of(*bounds: Any) -> str:
    if len(bounds) == 1:
        start, step, stop = 1, 1 if to_int(bounds[0]) >= 1 else -1, to_int(bounds[0])
    elif len(bounds) == 2:
        start, stop = map(to_int, bounds)
        step = 1 if stop >= start else -1
    else:
        start, step, stop = map(to_int, bounds)
    if not step:
        return ""
    if len(many := range(start, stop + (1 if step > 0 else -1), step)) > _MOST:
        raise Unknown(f"a list of {len(many):,} numbers")
    return " ".join(map(str, many))
