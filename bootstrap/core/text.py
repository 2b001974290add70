"""Pure: counts, suggestions and shortened texts."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 400
"""Characters of another program's message that are shown."""


def counted(number: int, noun: str) -> str:
    """`1 commit`, `2 commits`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def cut(text: str) -> str:
    """The text on one line, cut off after LONGEST characters."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def with_short_digests(text: str) -> str:
    """The text with digests cut to their first twelve digits, enough to tell two apart."""
    return re.sub(r"(\bsha\d{3}:[0-9a-f]{12})[0-9a-f]+", r"\1", text)


def near(name: str, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """The known names that are closest to one that is not known, the closest first."""
    from difflib import get_close_matches

    return get_close_matches(name, sorted(set(known)), n=most, cutoff=cutoff)


def suggest(names: Iterable[str]) -> str:
    """`did you mean a or b?`; "" without names."""
    listed = " or ".join(names)
    return f"did you mean {listed}?" if listed else ""


def names_near(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?` if a known name is close, else the known names if they are at most six."""
    known = sorted(set(known))
    if hint := suggest(near(name, known)):
        return f"; {hint}"
    if known and len(known) <= 6:
        return f"; known: {', '.join(known)}"
    return ""


def is_slip(name: str, known: Iterable[str]) -> bool:
    """Whether a name is a known one with one typo: a letter added, missing, changed, or two swapped.

    Digits, and parts of one or two letters, distinguish names on purpose: issuer-1 and issuer-2, zone-a
    and zone-b.
    """
    return any(_is_slip(name, other) for other in known)


def _is_slip(one: str, other: str) -> bool:
    if one == other or abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < 5:
        return False
    start = next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    rest, against = one[start:], other[start:]
    same = (
        rest[1:] == against[1:]
        or rest[1:] == against
        or rest == against[1:]
        or (rest[:2] == against[:2][::-1] and rest[2:] == against[2:])
    )
    if not same or any(letter.isdigit() for letter in (*rest[:1], *against[:1])):
        return False
    return min(len(_part(one, start)), len(_part(other, start))) > 2


def _part(name: str, position: int) -> str:
    """The part between dashes and dots that contains a position."""
    before, after = re.split(r"[-._]", name[:position])[-1], re.split(r"[-._]", name[position:])[0]
    return before + after
