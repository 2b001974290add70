"""`semver`: versions such as 1.2.3-rc.1, compared as in semver.org."""

from __future__ import annotations

import re
from typing import Any

from bootstrap.cel.functions.values import Refused, of, tagged

_NUMBER = r"0|[1-9]\d*"
_IDENTIFIER = r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-(?P<before>{_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?P<build>\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def _normalised(text: str) -> str:
    """Without a leading v, with three numbers, without leading zeros."""
    head, sign, rest = re.match(r"v?([^-+]*)([-+]?)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    numbers = [number.lstrip("0") or "0" for number in head.split(".")]
    return ".".join([*numbers, "0", "0"][: max(3, len(numbers))]) + sign + rest


def is_semver(text: str, normalize: bool = False) -> bool:
    return _VERSION.fullmatch(_normalised(text) if normalize else text) is not None


def semver(text: str, normalize: bool = False) -> dict[str, Any]:
    wanted = _normalised(text) if normalize else text
    if not is_semver(wanted):
        raise Refused(f"No Major.Minor.Patch elements found: {text!r}")
    return tagged("semver", wanted)


def number(place: int, one: Any) -> int:
    """Its major (0), minor (1) or patch (2) number."""
    text: str = of("semver", one)
    return int(text.partition("+")[0].partition("-")[0].split(".")[place])


def compare(one: Any, other: Any) -> int:
    first, second = _order(of("semver", one)), _order(of("semver", other))
    return 0 if first == second else 1 if first > second else -1


def _order(text: str) -> Any:
    head, _, before = text.partition("+")[0].partition("-")
    numbers = [int(part) for part in head.split(".")]
    parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in before.split(".") if part]
    return numbers, not parts, parts
