"""Pure: a value as lines of YAML that a person reads, and in which no two values look the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_QUOTED = re.compile(
    r"""^[{}\[\]&*#?|>!%@`'",:=\s-]|:(?:\s|$)|\s(?:\#|$)|[\x00-\x1f\x7f\x85\u2028\u2029]
    |^(?:~|null|true|false|yes|no|on|off|[yn])$
    |^[+]?(?:0[xob][\da-f_]+|[\d_]*\.?[\d_]+\.?(?:e[+-]?\d+)?|\.inf|\.nan|\d+(?::[0-5]?\d)+)$
    |^\d{4}-\d\d?-\d\d?(?:[t\s]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")


def readable(value: Any, indent: int = 0) -> Iterator[str]:
    """A value as lines of YAML for reading: sorted keys, one per line."""
    space = "  " * indent
    if isinstance(value, dict) and value:
        for key in sorted(value, key=str):
            item = value[key]
            if isinstance(item, dict | list) and item:
                yield f"{space}{_scalar(key)}:"
                yield from readable(item, indent + 1)
            else:
                first, *more = _lines(item)
                yield f"{space}{_scalar(key)}: {first}"
                yield from (f"{space}  {line}" if line else "" for line in more)
    elif isinstance(value, list) and value:
        for item in value:
            lines = list(readable(item, indent + 1))
            yield f"{space}- {lines[0].strip()}"
            yield from lines[1:]
    else:
        first, *more = _lines(value)
        yield f"{space}{first}"
        yield from (f"{space}{line}" if line else "" for line in more)


def _lines(value: Any) -> list[str]:
    """A value that has no fields, as YAML: several lines as a block, whose head tells how it ends."""
    if not isinstance(value, str) or "\n" not in value:
        return [_scalar(value)]
    text = value.rstrip("\n")
    ending = len(value) - len(text)
    lines = (_CONTROL.sub(lambda found: json.dumps(found[0])[1:-1], line) for line in text.split("\n"))
    return [("|-", "|", "|+")[min(ending, 2)], *lines, *[""] * (ending - 1)]


def _scalar(value: Any) -> str:
    """One line; a text that YAML would read as something else is in quotes, so that `"1"` is not `1`."""
    if isinstance(value, str) and value and not _QUOTED.search(value):
        return value
    return json.dumps(value, ensure_ascii=False)
