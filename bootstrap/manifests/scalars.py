"""Plain values as Kubernetes reads them: no dates, no base 60, `yes` is a word."""

from __future__ import annotations

import re
from typing import Any

BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

_INT = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|0o?[0-7]+|0b[01]+|[0-9][0-9_]*)$")


def scalar(node: Any) -> Any:
    tag = node.tag.rpartition(":")[2]
    text = node.value
    if tag == "bool":
        return BOOLEANS.get(text, text)  # yes, no, on and off are words, as kustomize reads them
    if tag == "null":
        return None
    if tag == "int":
        return integer(text)
    if tag == "float":
        return _float(text)
    return text


LARGEST, SMALLEST = 2**64 - 1, -(2**63)
"""Beyond these, go-yaml reads a decimal number as a float, and any other as text."""


def integer(text: str) -> Any:
    if not _INT.match(text):  # base 60 is read by YAML 1.1 alone
        return text
    plain = text.replace("_", "")
    sign = -1 if plain.startswith("-") else 1
    digits = plain.lstrip("+-")
    try:
        octal = len(digits) > 1 and digits[0] == "0" and digits[1] not in "xXbBoO"
        value: int | None = sign * int(digits, 8 if octal else 0)
    except ValueError:  # no digit of its base, or more digits than Python reads
        value = LARGEST + 1 if digits.isdigit() and digits[0] != "0" else None
    if value is not None and SMALLEST <= value <= LARGEST:
        return value
    return in_range(plain, text) if digits.isdigit() else text


def in_range(plain: str, otherwise: str) -> Any:
    """A decimal number that is too large for an integer: a float, or text beyond that."""
    value = float(plain)
    return otherwise if value in (float("inf"), float("-inf")) else value


def _float(text: str) -> Any:
    try:
        return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").lower())
    except ValueError:
        return text
