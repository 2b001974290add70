"""Pure: merges a cluster's kustomization by meaning: which components there are, and which are on."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bootstrap.layout.components import LINE
from bootstrap.layout.lines import ByHunk, MergeText, by_hunk, readable, unix, with_ends_of

_PATH = re.compile(r"(?:^|/)clusters/[^/]+/kustomization\.yaml")


class Entry(NamedTuple):
    """The line of a component, as written."""

    line: str
    on: bool


@dataclass(frozen=True)
class Listing:
    """A kustomization as lines; `entries` is a component's path → its line, in order."""

    lines: tuple[str, ...]
    entries: Mapping[str, Entry]

    @property
    def rest(self) -> list[str]:
        """The lines that do not name a component."""
        return [line for line in self.lines if key_of(line) is None]


def is_listing(path: str) -> bool:
    """Whether the path is that of a cluster's kustomization."""
    return _PATH.search(path) is not None


def key_of(line: str) -> str | None:
    """The component's path that a line names, on or off."""
    found = LINE.match(line.rstrip("\r\n"))
    return found["entry"].rstrip("/") if found else None


def parse(text: bytes) -> Listing:
    """The lines of a kustomization, with LF."""
    lines = tuple(unix(text).decode("utf-8", "surrogateescape").splitlines(keepends=True))
    entries: dict[str, Entry] = {}
    for line in lines:
        if key := key_of(line):
            on = not line.lstrip().startswith("#")
            if key not in entries or on:
                entries[key] = Entry(line, on)
    return Listing(lines, entries)


def without(text: bytes, keys: set[str]) -> bytes:
    """The text without the lines of these components; those that are on stay."""
    kept = [line for line in text.splitlines(keepends=True) if not _is_off(line, keys)]
    return b"".join(kept)


def without_units(text: bytes, cluster: str, gone: Sequence[str]) -> bytes:
    """The text without the lines, on or off, of what is in these folders; `cluster` is its own folder."""
    lines = parse(text).lines

    def is_gone(line: str) -> bool:
        key = key_of(line)
        place = posixpath.normpath(posixpath.join(cluster, key)) if key else ""
        return any(place == folder or place.startswith(f"{folder}/") for folder in gone)

    return _joined([line for line in lines if not is_gone(line)])


def merge(base: bytes | None, ours: bytes, theirs: bytes, path: str, merge_text: MergeText) -> ByHunk:
    """Components by entry, everything else by hunk.

    Components stay switched as they are here. One that is new in the catalog gets its line; one that is
    no longer there loses it if it is off. Without `base`, a new line is off.
    """
    before, here, there = parse(base or b""), parse(ours), parse(theirs)
    wanted = _entries(before, here, there, base is None)
    opened: bytes | None = None
    still = theirs
    if there.rest in (before.rest, here.rest):
        result = _joined(_on_frame(here, wanted, there))
    elif here.rest == before.rest:
        result = _joined(_on_frame(there, wanted, here))
    else:
        mine = _joined(_on_frame(here, wanted, there))
        found = by_hunk(_joined(before.rest), mine, _joined(there.rest), path, merge_text)
        result, opened = found.content, found.text
        if opened is not None:
            still = _joined(_on_frame(parse(found.base), there.entries, there))
    if not readable(result, path, ours, theirs):
        return ByHunk(ours, base or b"", merge_text(base or b"", ours, theirs)[0])
    return ByHunk(with_ends_of(ours, result), still, opened)


def _entries(before: Listing, here: Listing, there: Listing, unknown: bool) -> dict[str, Entry]:
    """Every component's desired line, in the order of ours, new ones last."""
    wanted: dict[str, Entry] = {}
    for key, mine in here.entries.items():
        was, new = before.entries.get(key), there.entries.get(key)
        if new is None:
            if was is None or mine.on or mine.line != was.line:
                wanted[key] = mine
        elif was is not None and mine.line == was.line:
            wanted[key] = new
        elif was is not None and mine.on != was.on and _switched(mine.line, was.on) == was.line:
            wanted[key] = Entry(_switched(new.line, mine.on), mine.on)
        else:
            wanted[key] = mine
    for key, new in there.entries.items():
        if key not in here.entries and key not in before.entries:
            wanted[key] = Entry(_switched(new.line, False), False) if unknown else new
    return wanted


def _on_frame(frame: Listing, wanted: Mapping[str, Entry], other: Listing) -> list[str]:
    """The frame's lines with the wanted components; missing ones go after their neighbour in `other`."""
    lines: list[str] = []
    placed: set[str] = set()
    for line in frame.lines:
        key = key_of(line)
        if key is None:
            lines.append(line)
        elif key in wanted and key not in placed:
            lines.append(wanted[key].line)
            placed.add(key)
    order = list(other.entries)
    for key in order:
        if key in wanted and key not in placed:
            lines.insert(_place(lines, order[: order.index(key)]), _ended(wanted[key].line))
            placed.add(key)
    return lines


def _place(lines: list[str], earlier: Sequence[str]) -> int:
    """The position of a new line: after the last of the earlier ones that exists, else before the first."""
    at = {key: number for number, line in enumerate(lines) if (key := key_of(line))}
    for key in reversed(earlier):
        if key in at:
            lines[at[key]] = _ended(lines[at[key]])
            return at[key] + 1
    if at:
        return min(at.values())
    start = next((n for n, line in enumerate(lines) if line.startswith("resources:")), len(lines) - 1)
    return start + 1


def _switched(line: str, on: bool) -> str:
    """The same line, on or off."""
    if on:
        return re.sub(r"^(\s*)#\s*-", r"\1-", line)
    return line if line.lstrip().startswith("#") else re.sub(r"^(\s*)-", r"\1# -", line)


def _is_off(line: bytes, keys: set[str]) -> bool:
    text = line.decode("utf-8", "surrogateescape")
    return key_of(text) in keys and text.lstrip().startswith("#")


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n"


def _joined(lines: Sequence[str]) -> bytes:
    return "".join(lines).encode("utf-8", "surrogateescape")
