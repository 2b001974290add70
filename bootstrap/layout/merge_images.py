"""Pure: merges a kustomization's `images:` by entry, so that bumps of neighbours do not conflict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from bootstrap.core.errors import InputError
from bootstrap.manifests.reader import documents

_KEY = re.compile(rb"images:\s*(#.*)?$")
_ITEM = re.compile(rb"\s*-\s")
_BESIDE = re.compile(rb"\s*(#.*)?$")


class _Parts(NamedTuple):
    """The text as head, entries by name (with the comments above each), and the rest."""

    head: bytes
    entries: Mapping[str, bytes]
    tail: bytes

    def with_entries(self, entries: Mapping[str, bytes]) -> bytes:
        return self.head + b"".join(entries.values()) + self.tail


class Aligned(NamedTuple):
    """The three texts with the same `images:`, except for entries that both sides changed.

    `still` has the base of each entry for the next merge: theirs, or the base if it is in conflict.
    """

    base: bytes
    ours: bytes
    theirs: bytes
    still: bytes


def aligned(base: bytes, ours: bytes, theirs: bytes) -> Aligned | None:
    """The texts such that, merged by lines, only contradictory entries conflict; None if impossible."""
    parts = [_parts(text) for text in (base, ours, theirs)]
    before, here, there = parts
    if before is None or here is None or there is None:
        return None
    wanted: list[dict[str, bytes]] = [{}, {}, {}, {}]
    for name in dict.fromkeys([*here.entries, *there.entries]):
        was, mine, new = (one.entries.get(name) for one in (before, here, there))
        if mine == new or new == was:
            chosen = (mine, mine, mine, new)
        elif mine == was:
            chosen = (new, new, new, new)
        elif mine is None or new is None:
            return None  # removed on one side and changed on the other
        else:
            chosen = (was, mine, new, was)
        for side, text in zip(wanted, chosen, strict=True):
            if text is not None:
                side[name] = text
    frames = (before, here, there, there)
    return Aligned(*(frame.with_entries(side) for frame, side in zip(frames, wanted, strict=True)))


def with_images_of(text: bytes, other: bytes) -> bytes:
    """The text with the other's `images:`; unchanged if one of them has none."""
    mine, theirs = _parts(text), _parts(other)
    return text if mine is None or theirs is None else mine.with_entries(theirs.entries)


def _parts(text: bytes) -> _Parts | None:
    lines = text.splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines, 1) if _KEY.match(line.rstrip())), 0)
    if not start:
        return None
    chunks: list[list[bytes]] = []
    above: list[bytes] = []
    end, indent = start, None
    for number in range(start, len(lines)):
        line = lines[number]
        if _BESIDE.match(line.rstrip()):
            above.append(line)
            continue
        item = _ITEM.match(line)
        depth = len(line) - len(line.lstrip())
        if item and indent in (None, depth):
            indent = depth
            chunks.append([*above, line])
        elif chunks and indent is not None and depth > indent:
            chunks[-1] += [*above, line]
        else:
            break
        above, end = [], number + 1
    entries: dict[str, bytes] = {}
    for chunk in chunks:
        name = _name(b"".join(chunk))
        if name is None or name in entries or not chunk[-1].endswith(b"\n"):
            return None
        entries[name] = b"".join(chunk)
    return _Parts(b"".join(lines[:start]), entries, b"".join(lines[end:])) if entries else None


def _name(chunk: bytes) -> str | None:
    try:
        (items,) = documents(chunk, "images")
        return str(items[0]["name"])
    except (InputError, ValueError, KeyError, TypeError, IndexError):
        return None
