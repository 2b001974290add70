"""Pure: merges three trees, path by path. What a user changed is never overwritten.

`base` is the catalog that was laid out last, `ours` the repository as it is (with the user's
edits), `theirs` the catalog to lay out now. Only a file that both changed is merged: a cluster's
kustomization by its components, anything else by lines, with a given function (git.merge_text).
Conflicts stay as they are here, and open: the next merge starts from `Merged.open`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from bootstrap.layout import merge_entries, merge_images, moved_files, units
from bootstrap.layout.lines import ByHunk, MergeText, alike, by_hunk, unix, with_ends_of

__all__ = ["Conflict", "MergeText", "Merged", "Reason", "three_way"]


class Reason(Enum):
    """Why a path could not be merged."""

    BOTH_CHANGED = "changed here and in the catalog, in the same lines"
    BOTH_ADDED = "added here and in the catalog, with different content"
    CHANGED_AND_REMOVED = "changed here, but no longer in the catalog"
    REMOVED_AND_CHANGED = "removed here, but changed in the catalog"
    HELD = "changed in the catalog, but held back: another file of the component, or its chart, differs here"
    FOREIGN = "a folder of yours with a name that the catalog now uses"


@dataclass(frozen=True)
class Conflict:
    """A path that is kept as it is here. `text` has both sides between markers, if that makes sense."""

    path: str
    reason: Reason
    text: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Merged:
    """The result. `files` has every desired path.

    `kept`: changed only here. `still_removed`: removed here, and not restored. `combined`: changed
    on both sides and merged. `removed`: no longer in the catalog and unchanged here. `moved`: where
    a changed file of the catalog is here. `retired`: folders of components that are on but left the catalog.
    `open`: the base of conflicts and retired components for the next merge, if not the present catalog:
    path → content, None for no file.
    """

    files: Mapping[str, bytes]
    conflicts: tuple[Conflict, ...] = ()
    kept: tuple[str, ...] = ()
    still_removed: tuple[str, ...] = ()
    combined: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)
    retired: tuple[str, ...] = ()
    open: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True)
class _One:
    """One path's result: `content` None means no file; `note` is a field of Merged."""

    content: bytes | None
    note: str | None = None
    conflict: Conflict | None = None
    still: bytes | None = None


def three_way(
    base: Mapping[str, bytes],
    ours: Mapping[str, bytes],
    theirs: Mapping[str, bytes],
    merge_text: MergeText,
    prefix: str = "",
    laid_before: bool = True,
    known: Mapping[str, bytes] | None = None,
    paths: Container[str] = (),
) -> Merged:
    """Merge by path; a path of `ours` that neither other side has stays as it is.

    `prefix` is the prefix of every path of the layout: "" or `<path>/`. `laid_before`: `base` is what
    was laid out, so that what it lacks is new in the catalog; False in a first layout, or if it is lost.
    `known` are files of open conflicts that `base` lacks: they are not new, and may be at another path.
    `paths` are all that is here, submodules too.
    """
    retired = units.retired(base, theirs, units.folders_on(ours, prefix))
    foreign = units.foreign(base, ours, theirs, prefix, paths) if laid_before else []
    theirs = _without_foreign(theirs, foreign, prefix)
    kept_units = {units.unit_of(f"{folder}/", prefix) or folder for folder in retired}
    # Where what was laid out is lost, what moved is found by what is in the catalog now.
    moved = moved_files.followed(base if base or laid_before else theirs, ours, theirs, prefix)
    if known and not known.keys() <= base.keys():
        for path, place in moved_files.followed({**known, **base}, ours, theirs, prefix).items():
            if path not in base and place not in moved.values():
                moved.setdefault(path, place)
    left_out = (
        set(moved_files.of_removed_folders(base, ours, theirs, moved, prefix)) if laid_before else set()
    )
    here = {
        path: ours[moved.get(path, path)] for path in {*base, *ours, *theirs} if moved.get(path, path) in ours
    }
    here = {path: content for path, content in here.items() if path not in moved.values()}
    folders = {posixpath.dirname(path) for path in ours}
    found: dict[str, _One] = {}
    for path in sorted({*base, *here, *theirs}):
        if path in left_out:
            found[path] = _One(None, "still_removed")
            continue
        sides = (base.get(path), here.get(path), theirs.get(path))
        one = _one(path, *sides, merge_text)
        if one.note == "still_removed" and _is_lost(path, sides[0], sides[2], moved, folders):
            one = replace(one, note=None, conflict=Conflict(path, Reason.REMOVED_AND_CHANGED), still=sides[0])
        if path in base and path not in theirs and units.unit_of(path, prefix) in kept_units:
            one = _One(here.get(path), still=base[path])
        found[path] = one
    if laid_before:
        _hold_together(found, base, here, theirs, prefix)
    merged = _gathered(found, moved, tuple(retired))
    conflicts = (*merged.conflicts, *(Conflict(folder, Reason.FOREIGN) for folder in foreign))
    opened: dict[str, bytes | None] = {
        path: one.still for path, one in found.items() if one.conflict or one.still is not None
    }
    opened |= dict.fromkeys(foreign)
    files = _without_gone(merged.files, ours, prefix)
    return replace(merged, files=files, conflicts=conflicts, open=opened)


def _gathered(found: Mapping[str, _One], moved: Mapping[str, str], retired: tuple[str, ...]) -> Merged:
    notes: dict[str, list[str]] = {"kept": [], "still_removed": [], "combined": [], "removed": []}
    files: dict[str, bytes] = {}
    for path, one in found.items():
        if one.content is not None:
            files[moved.get(path, path)] = one.content
        if one.note:
            notes[one.note].append(moved.get(path, path))
    conflicts = tuple(one.conflict for one in found.values() if one.conflict)
    return Merged(
        files,
        conflicts,
        kept=tuple(notes["kept"]),
        still_removed=tuple(notes["still_removed"]),
        combined=tuple(notes["combined"]),
        removed=tuple(notes["removed"]),
        moved=moved,
        retired=retired,
    )


def _one(
    path: str, base: bytes | None, ours: bytes | None, theirs: bytes | None, merge_text: MergeText
) -> _One:
    """The content of one path, and its note."""
    if ours == theirs:
        return _One(ours)
    if ours == base and not (ours and theirs and merge_entries.is_listing(path)):
        return _One(theirs, "removed" if theirs is None else None)
    if ours is None:
        return _One(None, "still_removed")
    if theirs == base:
        return _One(ours, "kept" if base is not None else None)
    if theirs is None:
        if base is not None and alike(ours, base, path):
            return _One(None, "removed")
        return _One(ours, conflict=Conflict(path, Reason.CHANGED_AND_REMOVED), still=base)
    if alike(ours, theirs, path):
        return _One(ours)
    if base is not None and alike(theirs, base, path):
        return _One(ours, "kept")
    if base is not None and alike(ours, base, path) and not merge_entries.is_listing(path):
        return _One(with_ends_of(ours, unix(theirs)) if b"\0" not in ours else theirs)
    if merge_entries.is_listing(path):
        merged = merge_entries.merge(base, ours, theirs, path, merge_text)
    elif base is None:
        merged = ByHunk(ours, b"", merge_text(b"", ours, theirs)[0])
    else:
        merged = _by_entries_and_hunks(base, ours, theirs, path, merge_text)
    if merged.text is None:
        return _One(merged.content, "combined" if ours != base else None)
    reason = Reason.BOTH_ADDED if base is None else Reason.BOTH_CHANGED
    return _One(
        merged.content,
        conflict=Conflict(path, reason, merged.text),
        still=None if base is None else merged.base,
    )


def _by_entries_and_hunks(
    base: bytes, ours: bytes, theirs: bytes, path: str, merge_text: MergeText
) -> ByHunk:
    """`images:` of a kustomization by entry, everything else by lines."""
    if posixpath.basename(path) in ("kustomization.yaml", "kustomization.yml"):
        sides = merge_images.aligned(unix(base), unix(ours), unix(theirs))
        if sides is not None:
            merged = by_hunk(sides.base, sides.ours, sides.theirs, path, merge_text)
            still = merge_images.with_images_of(merged.base, sides.still)
            return merged._replace(content=with_ends_of(ours, merged.content), base=still)
    return by_hunk(base, ours, theirs, path, merge_text)


def _is_lost(
    path: str, base: bytes | None, theirs: bytes | None, moved: Mapping[str, str], folders: set[str]
) -> bool:
    """Whether the catalog changed a file that was removed by itself; a whole folder is a decision."""
    changed = base is not None and theirs is not None and not alike(base, theirs, path)
    folder = posixpath.dirname(path)
    return changed and (folder in folders or any(posixpath.dirname(one) == folder for one in moved))


def _hold_together(
    found: dict[str, _One],
    base: Mapping[str, bytes],
    ours: Mapping[str, bytes],
    theirs: Mapping[str, bytes],
    prefix: str,
) -> None:
    """A chart's version and its values are updated together or not at all."""
    for paths in units.by_unit(found, prefix).values():
        changed = [path for path in paths if theirs.get(path) != base.get(path) and path in theirs]
        if not changed:
            continue
        before, here, there = (units.charts(files, paths) for files in (base, ours, theirs))
        conflicts = any(found[path].conflict for path in paths)
        pinned = here not in (before, there)
        if not ((there != before and conflicts) or (pinned and (before or there))):
            continue
        for path in changed:
            mine = ours.get(path)
            if mine == theirs[path] or found[path].note == "still_removed":
                continue
            conflict = found[path].conflict or Conflict(path, Reason.HELD)
            found[path] = _One(mine, conflict=conflict, still=base.get(path))


def _without_foreign(theirs: Mapping[str, bytes], foreign: list[str], prefix: str) -> dict[str, bytes]:
    """The catalog without folders whose name a user's folder has; they are not offered to clusters either."""
    if not foreign:
        return dict(theirs)
    result = {path: content for path, content in theirs.items() if units.unit_of(path, prefix) not in foreign}
    for path in filter(merge_entries.is_listing, result):
        result[path] = merge_entries.without_units(result[path], posixpath.dirname(path), foreign)
    return result


def _without_gone(files: Mapping[str, bytes], ours: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    """No cluster offers a component that is off and whose folder this merge removes."""
    result = dict(files)
    for path in [
        one for one in files if one.startswith(f"{prefix}clusters/") and merge_entries.is_listing(one)
    ]:
        cluster = posixpath.dirname(path)
        gone = {
            key
            for key, entry in merge_entries.parse(files[path]).entries.items()
            if not entry.on
            and units.has(ours, place := posixpath.normpath(posixpath.join(cluster, key)))
            and not units.has(files, place)
        }
        if gone:
            result[path] = merge_entries.without(files[path], gone)
    return result
