"""What people leave in a file by accident: merge conflicts, a missing `---`."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)

_HEADER = {"apiVersion", "kind", "metadata"}

Repeated = Sequence[tuple[str, int]]
"""Keys that a document has again, with their lines."""


def conflict(text: str) -> int | None:
    """The line of a merge conflict that was left in a file which is no YAML."""
    found = _CONFLICT.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def second_object(repeated: Repeated) -> int | None:
    """The line where a second object begins without a `---`: what names an object is there again."""
    again = {key for key, _ in repeated} & _HEADER
    return min(line for _, line in repeated) if len(again) > 1 else None
