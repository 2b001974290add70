"""What Kubernetes adds to lists: isSorted, sum, min, max, indexOf, lastIndexOf."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from bootstrap.cel.functions.values import Refused, Unsupported


def is_sorted(items: Sequence[Any]) -> bool:
    return all(not _less(after, before) for before, after in pairwise(items))


def total(items: Sequence[Any]) -> Any:
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in items):
        raise Unsupported("a sum of values that are not numbers")
    return sum(items)


def least(items: Sequence[Any]) -> Any:
    return _extreme(items, "min", least=True)


def greatest(items: Sequence[Any]) -> Any:
    return _extreme(items, "max", least=False)


def index_of(items: Sequence[Any], item: Any) -> int:
    return next((number for number, one in enumerate(items) if _same(one, item)), -1)


def last_index_of(items: Sequence[Any], item: Any) -> int:
    return next((number for number in reversed(range(len(items))) if _same(items[number], item)), -1)


def _extreme(items: Sequence[Any], name: str, least: bool) -> Any:
    if not items:
        raise Refused(f"{name} called on empty list")
    found = items[0]
    for one in items[1:]:
        if _less(one, found) if least else _less(found, one):
            found = one
    return found


def _less(one: Any, other: Any) -> bool:
    """Only what CEL itself compares: two numbers, or two of one type."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    if not numbers and (type(one) is not type(other) or isinstance(one, dict | list)):
        raise Unsupported("values that have no order")
    return bool(one < other)


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
