"""Pure: open conflicts as commits, so that git itself shows both sides and records the decision."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bootstrap.core.names import RECORD
from bootstrap.git.changes import Commit, FileChange
from bootstrap.init.plan_layout import Desired, Sides
from bootstrap.layout.settings import without_conflicts

TRAILER = "Bootstrap-Open"


def digest(sides: Mapping[str, Sides]) -> str:
    """A name for the base of the conflicts: the same as long as the base is the same."""
    found = hashlib.sha256()
    for path in sorted(sides):
        found.update(f"{sides[path].path}\0".encode() + (sides[path].base or b"\0") + b"\0")
    return found.hexdigest()[:20]


def base_commit(desired: Desired, record: bytes, prefix: str, onto: str) -> Commit:
    """A commit outside the branch, which merges it: each conflicting file as both sides last had it."""
    files = {one.path: one.base for one in desired.sides.values()} | {prefix + RECORD: record}
    message = (
        "Record the base of the open conflicts with the catalog\n\n"
        "By `bootstrap upgrade`. The branch merges this, so that git finds the conflicts again.\n\n"
        f"{TRAILER}: {digest(desired.sides)}\n"
    )
    return Commit(message, _changes(files), separate=True, onto=onto)


def theirs_commit(desired: Desired, record: bytes, prefix: str, version: str) -> Commit:
    """On top of it: each file as in the catalog. Merging it decides the conflicts and closes them."""
    files = {one.path: one.theirs for one in desired.sides.values()}
    closed = without_conflicts(record, desired.sides)
    reasons = {one.path: one.reason.value for one in desired.conflicts}
    listed = "".join(f"- {one.path}: {reasons[path]}\n" for path, one in sorted(desired.sides.items()))
    message = (
        f"Open conflicts with catalog {version}\n\n"
        "Merge this and decide: git shows both sides, and the merge closes them in bootstrap.yaml.\n\n"
        f"{listed}"
    )
    return Commit(message, _changes(files | {prefix + RECORD: closed}))


def _changes(files: Mapping[str, bytes | None]) -> tuple[FileChange, ...]:
    return tuple(FileChange(path, content) for path, content in sorted(files.items()))


def empty(message: str) -> Commit:
    """A commit that changes no file: it merges what the branch lacked."""
    return Commit(message, ())
