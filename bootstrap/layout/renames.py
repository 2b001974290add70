"""Pure: where users have moved files of the catalog to, so that its changes follow them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from difflib import SequenceMatcher

from bootstrap.layout.units import by_unit, unit_of

ALIKE = 0.6
"""The share of equal lines above which a removed and an added file count as one that moved."""

Files = Mapping[str, bytes]


def followed(base: Files, ours: Files, theirs: Files, prefix: str = "") -> dict[str, str]:
    """The catalog's path → the path here, for files of `base` and `theirs` that moved."""
    gone = [path for path in base if path in theirs and path not in ours]
    new = [path for path in ours if path not in base and path not in theirs]
    moved = _whole_units(base, ours, gone, new, prefix)
    gone = [path for path in gone if path not in moved]
    taken = set(moved.values())
    for path in gone:
        unit = unit_of(path, prefix)
        candidates = [
            one
            for one in new
            if one not in taken
            and unit is not None
            and unit_of(one, prefix) == unit
            and posixpath.basename(one) == posixpath.basename(path)
        ]
        best = max(candidates, key=lambda one: _alike(base[path], ours[one]), default=None)
        if best is None or _alike(base[path], ours[best]) < ALIKE:
            continue
        # A copy of a file that still exists has not moved, even if it looks like this one.
        others = [
            one
            for one in base
            if one in ours
            and unit_of(one, prefix) == unit
            and posixpath.basename(one) == posixpath.basename(path)
        ]
        if all(_alike(base[one], ours[best]) < _alike(base[path], ours[best]) for one in others):
            moved[path] = best
            taken.add(best)
    return moved


def _whole_units(base: Files, ours: Files, gone: list[str], new: list[str], prefix: str) -> dict[str, str]:
    """Apps and components that have another name here: removed completely, mostly unchanged elsewhere."""
    moved: dict[str, str] = {}
    came = by_unit(new, prefix)
    for unit, paths in by_unit(gone, prefix).items():
        if any(path.startswith(f"{unit}/") for path in ours):
            continue
        for other in came:
            places = {path: other + path[len(unit) :] for path in paths}
            there = {path: place for path, place in places.items() if place in ours}
            same = sum(ours[place] == base[path] for path, place in there.items())
            if same * 2 >= len(paths) and not set(there.values()) & set(moved.values()):
                moved |= there
                break
    return moved


def _alike(one: bytes, other: bytes) -> float:
    if one == other:
        return 2.0  # before everything that is only similar
    if len(one) > 200_000 or len(other) > 200_000 or b"\0" in one or b"\0" in other:
        return 0.0
    return SequenceMatcher(None, one.splitlines(), other.splitlines(), autojunk=False).ratio()
