"""Pure: the value of a Kubernetes quantity."""

from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal
from typing import Any

QUANTITY = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_LARGEST, _SMALLEST = Decimal(2**63 - 1), Decimal("1e-9")
"""What Kubernetes caps a quantity at, and rounds it up to."""
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def amount(value: Any) -> Decimal | None:
    """A quantity (`100m`, `1Gi`, 2) as a number; None if it is not a quantity."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    unit = match[2] or ""
    try:
        number = Decimal(match[1])
        if unit in _BINARY:
            number *= Decimal(1024 ** _BINARY[unit])
        else:
            number = number.scaleb(_DECIMAL[unit] if unit in _DECIMAL else Decimal(unit[1:]))
    except ArithmeticError:  # an exponent that no number has
        return None
    if abs(number) >= _LARGEST:
        return _LARGEST.copy_sign(number)
    return (
        number if number == number.to_integral_value() else number.quantize(_SMALLEST, ROUND_UP).normalize()
    )
