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


def integer(text: str) -> Any:
    if not _INT.match(text):  # base 60 is read by YAML 1.1 alone
        return text
    plain = text.replace("_", "")
    sign = -1 if plain.startswith("-") else 1
    digits = plain.lstrip("+-")
    try:
        if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xXbBoO":
            return sign * int(digits, 8)
        return sign * int(digits, 0)
    except ValueError:
        return text


def _float(text: str) -> Any:
    try:
        return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").lower())
    except ValueError:
        return text
