"""Pure: where users have moved files of the catalog to, so that its changes follow them."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher

from bootstrap.layout.units import by_unit, has, unit_of

ALIKE = 0.6
"""The share of equal lines above which a removed and an added file count as one that moved."""

Files = Mapping[str, bytes]


def followed(base: Files, ours: Files, theirs: Files, prefix: str = "") -> dict[str, str]:
    """The catalog's path → the path here, for files of `base` and `theirs` that moved.

    A file that is new in `theirs` goes where the files of its folder went.
    """
    gone = [path for path in base if path in theirs and path not in ours]
    new = [path for path in ours if path not in base and path not in theirs]
    moved = _whole_units(base, ours, gone, new, prefix)
    units = {unit_of(path, prefix): unit_of(place, prefix) for path, place in moved.items()}
    for path in [path for path in gone if path not in moved]:
        unit = unit_of(path, prefix)
        free = [one for one in new if one not in moved.values()]
        place = _best(base, ours, path, free, units.get(unit, unit), prefix)
        if place is not None:
            moved[path] = place
    folders = {**{old: here for old, here in units.items() if old and here}, **_folders(moved)}
    for path in [path for path in gone if path not in moved]:
        place = _in_folder(path, folders)
        if place in ours and place in new and place not in moved.values():
            moved[path] = place
    for path in _only_in(base, ours, theirs):  # what left the catalog was moved with its folder
        place = _in_folder(path, folders)
        if place in new and place not in moved.values() and _alike(base[path], ours[place]) >= ALIKE:
            moved[path] = place
    for path in _only_in(theirs, base, ours):
        place = _in_folder(path, folders)
        if place is None or place in moved.values() or has(ours, posixpath.dirname(path)):
            continue
        if place not in ours or place in new:  # an open conflict has no base, and moves with its folder
            moved[path] = place
    return moved


def of_removed_folders(
    base: Files, ours: Files, theirs: Files, moved: Mapping[str, str], prefix: str = ""
) -> list[str]:
    """What is new in `theirs`, in folders whose files of `base` were all removed here."""
    return [
        path
        for path in _only_in(theirs, base, ours)
        if path not in moved
        and (folder := _known_folder(path, base, prefix))
        and not has(ours, folder)
        and not any(one.startswith(f"{folder}/") for one in moved)
    ]


def _only_in(theirs: Files, *others: Files) -> Iterator[str]:
    return (path for path in theirs if not any(path in other for other in others))


def _known_folder(path: str, base: Files, prefix: str) -> str:
    """The nearest folder above, in the path's component or app, in which `base` has files; else ""."""
    unit, folder = unit_of(path, prefix), posixpath.dirname(path)
    while unit is not None and len(folder) >= len(unit):
        if has(base, folder):
            return folder
        folder = posixpath.dirname(folder)
    return ""


def _folders(moved: Mapping[str, str]) -> dict[str, str]:
    """Folder → where most of its moved files are, each under its own name."""
    found: dict[str, Counter[str]] = {}
    for path, place in moved.items():
        if posixpath.basename(path) == posixpath.basename(place):
            found.setdefault(posixpath.dirname(path), Counter())[posixpath.dirname(place)] += 1
    return {folder: places.most_common(1)[0][0] for folder, places in found.items()}


def _in_folder(path: str, folders: Mapping[str, str]) -> str | None:
    """The path's place, if its folder, or one above, has moved."""
    folder, rest = posixpath.split(path)
    while folder:
        if folder in folders:
            return f"{folders[folder]}/{rest}"
        folder, name = posixpath.split(folder)
        rest = f"{name}/{rest}"
    return None


def _best(
    base: Files, ours: Files, path: str, new: Iterable[str], unit: str | None, prefix: str
) -> str | None:
    """The most similar new file of that name in its component or app, wherever that is here."""
    name = posixpath.basename(path)
    if unit is None:
        return None
    here = [one for one in new if posixpath.basename(one) == name and unit_of(one, prefix) == unit]
    best = max(here, key=lambda one: _alike(base[path], ours[one]), default=None)
    if best is None or _alike(base[path], ours[best]) < ALIKE:
        return None
    # A copy of a file that still exists has not moved, even if it looks like this one.
    others = [
        one
        for one in base
        if one in ours and posixpath.basename(one) == name and unit_of(one, prefix) == unit
    ]
    likeness = _alike(base[path], ours[best])
    return best if all(_alike(base[one], ours[best]) < likeness for one in others) else None


def _whole_units(base: Files, ours: Files, gone: list[str], new: list[str], prefix: str) -> dict[str, str]:
    """Apps and components that have another name here: removed completely, mostly similar elsewhere."""
    moved: dict[str, str] = {}
    came = by_unit(new, prefix)
    for unit, paths in by_unit(gone, prefix).items():
        if any(path.startswith(f"{unit}/") for path in ours):
            continue
        for other in came:
            places = {path: other + path[len(unit) :] for path in paths}
            there = {path: place for path, place in places.items() if place in ours}
            same = sum(_alike(ours[place], base[path]) >= ALIKE for path, place in there.items())
            if same * 2 >= len(paths) and not set(there.values()) & set(moved.values()):
                moved |= there
                break
    return moved


def _alike(one: bytes, other: bytes) -> float:
    """The share of lines that are equal but for their indentation; 2 for the same bytes."""
    if one == other:
        return 2.0  # before everything that is only similar
    if len(one) > 200_000 or len(other) > 200_000 or b"\0" in one or b"\0" in other:
        return 0.0
    mine, theirs = ([b" ".join(line.split()) for line in text.splitlines()] for text in (one, other))
    return SequenceMatcher(None, mine, theirs, autojunk=False).ratio()
