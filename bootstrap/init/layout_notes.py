"""Pure: a layout's notes about files that differ from the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap.core import next_run
from bootstrap.layout.merge import Merged, Reason

LISTED = 8
"""The most paths that a note names; of the rest, it gives the number."""


def of_merge(merged: Merged, newer: bool = True) -> tuple[str, ...]:
    """Notes about files that differ; without `newer`, only those not already given for this catalog."""
    remarks = [
        ("kept, as they were changed here", merged.kept if newer else ()),
        ("not restored, as they were removed here", merged.still_removed if newer else ()),
        ("changed here and in the catalog, merged", merged.combined),
        ("removed, as the catalog no longer has them", merged.removed),
    ]
    remarks += [
        (f"{path} is at {place}: the catalog's changes are applied there", ("",))
        for path, place in (merged.moved if newer else {}).items()
    ]
    notes = [f"{what}: {listed(paths)}".removesuffix(": ") for what, paths in remarks if paths]
    for reason in Reason:
        if paths := [one.path for one in merged.conflicts if one.reason is reason]:
            notes.append(f"open conflict, kept as it is here: {reason.value}: {listed(paths)}")
    notes += [
        f"{folder} is on, but no longer in the catalog: it stays as it is; to remove it, switch it off: "
        f"{next_run.command('component disable', folder.rpartition('/')[2])}"
        for folder in merged.retired
    ]
    return tuple(notes)


def listed(paths: Sequence[str]) -> str:
    """A few of them, and how many more there are."""
    more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
    return ", ".join(paths[:LISTED]) + more
