"""Values of Kubernetes' own types (quantity, ip, url …) as CEL sees them: a map with one key of its own.

The library accepts no Python objects, and equality of maps is what these types need: each value is
written in only one way.
"""

from __future__ import annotations

from typing import Any


class Refused(ValueError):
    """What the API server's own function also refuses: a text that is not a quantity, for example."""


class Unsupported(Exception):
    """What the API server may evaluate but this cannot: the result is unknown."""


def tagged(kind: str, value: Any) -> dict[str, Any]:
    """A value of one of Kubernetes' types."""
    return {f"~{kind}": value}


def of(kind: str, value: Any) -> Any:
    """What is in such a value; Unsupported for one of another type, which the API server refuses earlier."""
    if not isinstance(value, dict) or f"~{kind}" not in value:
        raise Unsupported(f"not of the type {kind}")
    return value[f"~{kind}"]


def kind_of(value: Any) -> str:
    """The name of its type; "" for plain data."""
    name = str(next(iter(value))) if isinstance(value, dict) and len(value) == 1 else ""
    return name[1:] if name.startswith("~") else ""
