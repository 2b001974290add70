"""`quantity`: sizes such as 100m, 64Mi and 1e3, compared and added by value."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from bootstrap.cel.functions.values import Refused, of, tagged

_UNITS = {"": Fraction(1), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000)}
_UNITS |= {unit: Fraction(1000**power) for power, unit in enumerate("kMGTPE", 1)}
_UNITS |= {f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTPE", 1)}
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:(?P<unit>[KMGTPE]i|[numkMGTPE])|[eE](?P<power>[+-]?\d{1,3}))?"
)
_MOST = 2**63 - 1


def parsed(text: str) -> Fraction | None:
    """The amount of a quantity; None for a text that is not one."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    return Fraction(match["number"]) * _UNITS[match["unit"] or ""] * Fraction(10) ** int(match["power"] or 0)


def is_quantity(text: str) -> bool:
    return parsed(text) is not None


def quantity(text: str) -> dict[str, Any]:
    amount = parsed(text)
    if amount is None:
        raise Refused(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    return _made(amount)


def sign(one: Any) -> int:
    amount = _amount(one)
    return (amount > 0) - (amount < 0)


def is_integer(one: Any) -> bool:
    amount = _amount(one)
    return amount.denominator == 1 and abs(amount.numerator) <= _MOST


def as_integer(one: Any) -> int:
    if not is_integer(one):
        raise Refused("cannot convert value to integer")
    return _amount(one).numerator


def as_float(one: Any) -> float:
    return float(_amount(one))


def compare(one: Any, other: Any) -> int:
    first, second = _amount(one), _amount(other)
    return (first > second) - (first < second)


def add(one: Any, other: Any) -> dict[str, Any]:
    return _made(_amount(one) + _amount(other))


def subtract(one: Any, other: Any) -> dict[str, Any]:
    return _made(_amount(one) - _amount(other))


def _made(amount: Fraction) -> dict[str, Any]:
    return tagged("quantity", str(amount))


def _amount(value: Any) -> Fraction:
    """The amount of a quantity, or of a whole number, which may be added and subtracted, too."""
    return Fraction(value) if isinstance(value, int) else Fraction(of("quantity", value))
