"""`find` and `findAll`. `matches` is the library's own, with RE2 as in the API server.

Python's `re` evaluates what both understand in the same way. Any other pattern is refused
rather than misunderstood.
"""

from __future__ import annotations

import re

from bootstrap.cel.functions.values import Unsupported

_OTHER = re.compile(
    r"\\[pPzQECA]|\[\[:|\(\?[^:iP)]|\(\?P[^<]|\(\?i[^):]|[*+?}]\+|\\[1-9]|\[[^\]]*(?:--|&&|\|\||~~)"
)
"""Unicode classes, POSIX classes, other flags, look-around, possessive quantifiers, backreferences."""


def find(text: str, pattern: str) -> str:
    """The first match; "" without one."""
    match = _compiled(pattern).search(text)
    return match[0] if match else ""


def find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    """Every match, or the first `most`."""
    found = [match[0] for match in _compiled(pattern).finditer(text)]
    return found if most < 0 else found[:most]


def _compiled(pattern: str) -> re.Pattern[str]:
    if _OTHER.search(pattern):
        raise Unsupported(f"a pattern that Python reads differently: {pattern}")
    try:
        # `$` is only the end, and digits and letters are ASCII, as in RE2.
        return re.compile(re.sub(r"(?<!\\)\$", r"\\Z", pattern), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unsupported(f"the pattern {pattern}: {error}") from error
