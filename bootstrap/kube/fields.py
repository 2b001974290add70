"""Pure: fields by the paths that the API server uses, and whether a conflict is about values.

The server compares atomic values (a fieldRef, a NetworkPolicy's ingress) before it fills in defaults.
So two managers that apply the very same document conflict there, over a value that does not change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.core.numbers import whole

MISSING = object()
_SELECTOR = re.compile(r"\[((?:[^\"\]]|\"(?:[^\"\\]|\\.)*\")*)\]")
_PAIR = re.compile(r"([A-Za-z0-9_.-]+)=(\"(?:[^\"\\]|\\.)*\"|[^,\"]+)")


def differs(before: Mapping[str, Any], after: Mapping[str, Any], paths: Sequence[str]) -> tuple[str, ...]:
    """Those of the paths whose values differ; one that is not understood counts as different."""
    return tuple(path for path in paths if not _same(value_at(before, path), value_at(after, path)))


def value_at(value: Any, path: str) -> Any:
    """The value at a path such as `.spec.containers[name="a"].image`; MISSING when there is none."""
    while path:
        if path.startswith("."):
            value, path = _member(value, path[1:])
        elif selector := _SELECTOR.match(path):
            value, path = _selected(value, selector[1]), path[selector.end() :]
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def _same(one: Any, other: Any) -> bool:
    return one is not MISSING and other is not MISSING and bool(one == other)


def _member(value: Any, path: str) -> tuple[Any, str]:
    """The longest key of the mapping that the path begins with: keys may contain dots."""
    if isinstance(value, Mapping):
        for key in sorted(value, key=len, reverse=True):
            rest = path[len(key) :]
            if path.startswith(key) and (not rest or rest[0] in ".["):
                return value[key], rest
    return MISSING, ""


def _selected(value: Any, selector: str) -> Any:
    """The list's element with these keys, this value, or this index."""
    if not isinstance(value, list):
        return MISSING
    try:
        if (number := whole(selector)) is not None:
            return value[number]
        if selector.startswith("="):
            return next(item for item in value if item == json.loads(selector[1:]))
        wanted = {key: json.loads(text) for key, text in _PAIR.findall(selector)}
        return next(item for item in value if wanted and _has(item, wanted))
    except (StopIteration, ValueError, IndexError):
        return MISSING


def _has(item: Any, wanted: Mapping[str, Any]) -> bool:
    return isinstance(item, Mapping) and all(item.get(key) == value for key, value in wanted.items())
