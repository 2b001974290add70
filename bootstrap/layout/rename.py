"""Pure: a cluster of a layout under another name: its folder, what names it in there, and its settings."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bootstrap.core.errors import RefusedError
from bootstrap.core.names import RECORD
from bootstrap.git.changes import FileChange
from bootstrap.layout import edits
from bootstrap.layout.settings import renamed_cluster

_TRIED = "renaming the cluster"


def changes(files: Mapping[str, bytes], prefix: str, old: str, new: str) -> tuple[FileChange, ...]:
    """What changes, () if it has that name already; `files` are the layout's below `prefix`, by path.

    RefusedError when the layout has no cluster `old`, or has both.
    """
    record = prefix + RECORD
    names = _names(files, prefix)
    if new in names and old not in names:
        return ()
    if new in names:
        raise RefusedError(_TRIED, f"{record} has a cluster {new}, too", "choose another name", record)
    if old not in names:
        known = f"one of {', '.join(sorted(names))}" if names else "a cluster that is laid out"
        raise RefusedError(_TRIED, f"{record} has no cluster {old}", f"name {known}", record)
    here, there = f"{prefix}clusters/{old}/", f"{prefix}clusters/{new}/"
    if taken := next((path for path in sorted(files) if path.startswith(there)), None):
        raise RefusedError(_TRIED, f"{taken} exists already", "choose another name, or move it away", taken)
    found = []
    for path, content in sorted(files.items()):
        if path.startswith(here):
            moved = there + path.removeprefix(here)
            found += [
                FileChange(path, None, content),
                FileChange(moved, _renamed(path.removeprefix(here), moved, content, old, new), None),
            ]
    text = renamed_cluster(files[record], prefix, old, new)
    return (*found, FileChange(record, text, files[record]))


def mentions(files: Mapping[str, bytes], prefix: str, old: str) -> list[str]:
    """FILE:LINE of what names the cluster's folder elsewhere, and is left to a person."""
    here = f"{prefix}clusters/{old}/"
    named = re.compile(rb"(?<![\w.-])clusters/" + re.escape(old.encode()) + rb"(?![\w.-])")
    return [
        f"{path}:{number}"
        for path, content in sorted(files.items())
        if not path.startswith(here) and path != prefix + RECORD
        for number, line in enumerate(content.splitlines(), 1)
        if named.search(line)
    ]


def _names(files: Mapping[str, bytes], prefix: str) -> set[str]:
    from bootstrap.layout.settings import parse_record

    record = prefix + RECORD
    if record not in files:
        raise RefusedError(_TRIED, f"{record} is not in the repository", "give the layout's --path", record)
    return set(parse_record(files[record], record).clusters)


def _renamed(name: str, path: str, content: bytes, old: str, new: str) -> bytes:
    if name == "settings.yaml":
        return edits.set_scalars(path, content, {(0, "data", "cluster"): new})
    if name == "root.yaml":
        pattern = rb"(?<![\w.-])clusters/" + re.escape(old.encode()) + rb"(?![\w.-])"
        return re.sub(pattern, b"clusters/" + new.encode(), content)
    return content
