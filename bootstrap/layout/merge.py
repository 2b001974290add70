"""Pure: three trees, path by path, into one. What a person changed is never overwritten.

`base` is the catalog that was laid out last, `ours` the repository as it is (with the user's
edits), `theirs` the catalog to lay out now. Only a file that both changed is merged by lines, by a
function that is passed in (git.merge_text).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

MergeText = Callable[[bytes, bytes, bytes], tuple[bytes, bool]]
"""base, ours, theirs → the merged text, and whether it is without conflict."""


class Reason(Enum):
    """Why a path could not be merged."""

    BOTH_CHANGED = "changed here and in the catalog, in the same lines"
    BOTH_ADDED = "here and in the catalog, with another content"
    CHANGED_AND_REMOVED = "changed here, and no longer in the catalog"


@dataclass(frozen=True)
class Conflict:
    """A path that is kept as it is here. `text` has both sides between markers, where that makes sense."""

    path: str
    reason: Reason
    text: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Merged:
    """The outcome. `files` is every path that shall be there, in full.

    `kept`: changed here alone. `still_removed`: removed here, and not brought back. `combined`: changed
    on both sides and merged by lines. `removed`: gone from the catalog and untouched here, so gone.
    """

    files: Mapping[str, bytes]
    conflicts: tuple[Conflict, ...] = ()
    kept: tuple[str, ...] = ()
    still_removed: tuple[str, ...] = ()
    combined: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def three_way(
    base: Mapping[str, bytes],
    ours: Mapping[str, bytes],
    theirs: Mapping[str, bytes],
    merge_text: MergeText,
) -> Merged:
    """Merge by path; a path of `ours` that neither other side knows stays as it is."""
    files: dict[str, bytes] = {}
    conflicts: list[Conflict] = []
    notes: dict[str, list[str]] = {"kept": [], "still_removed": [], "combined": [], "removed": []}
    for path in sorted({*base, *ours, *theirs}):
        before, here, there = base.get(path), ours.get(path), theirs.get(path)
        content, outcome = _one(path, before, here, there, merge_text)
        if content is not None:
            files[path] = content
        if isinstance(outcome, Conflict):
            conflicts.append(outcome)
        elif outcome:
            notes[outcome].append(path)
    return Merged(files, tuple(conflicts), **{name: tuple(paths) for name, paths in notes.items()})


def _one(
    path: str, base: bytes | None, ours: bytes | None, theirs: bytes | None, merge_text: MergeText
) -> tuple[bytes | None, Conflict | str | None]:
    """The content of one path (None: not there), and what is to be said about it."""
    if ours == theirs:
        return ours, None
    if ours == base:
        return theirs, "removed" if theirs is None else None
    if ours is None:
        return None, "still_removed"
    if theirs == base:
        return ours, "kept" if base is not None else None
    if theirs is None:
        return ours, Conflict(path, Reason.CHANGED_AND_REMOVED)
    if base is None:
        return ours, Conflict(path, Reason.BOTH_ADDED, merge_text(b"", ours, theirs)[0])
    text, clean = merge_text(base, ours, theirs)
    if clean:
        return text, "combined"
    return ours, Conflict(path, Reason.BOTH_CHANGED, text)
