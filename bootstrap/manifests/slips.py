"""What people leave in a file by accident: merge conflicts, a missing `---`."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)

_HEADER = {"apiVersion", "kind", "metadata"}

Repeated = Sequence[tuple[str, int]]
"""Duplicate keys of a document, with their lines."""


def conflict(text: str) -> int | None:
    """The line of an unresolved merge conflict in a file that is not valid YAML."""
    found = _CONFLICT.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def second_object(repeated: Repeated) -> int | None:
    """The line where a second object begins without a `---`: the identity of an object appears again."""
    again = {key for key, _ in repeated} & _HEADER
    return min(line for _, line in repeated) if len(again) > 1 else None
