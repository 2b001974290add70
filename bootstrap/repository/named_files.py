"""Pure: which files the kustomizations of a repository name, and which they have switched off."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

Info = Mapping[str, Any]
_LISTS = {"apiVersion", "kind", "metadata", "resources", "bases"}
"""Fields of a kustomization that change nothing of what it builds."""
_OFF = re.compile(rb"^[ \t]*#+[ \t]*-[ \t]+[\"']?([^\s\"'#]+\.ya?ml)[\"']?[ \t]*(?:[#(].*)?$", re.MULTILINE)
"""A file that a comment switches off."""


def off_in(kustomization: Mapping[str, Any], content: bytes) -> list[str] | None:
    """The files in a kustomization's comments; None if it changes nothing of what it names."""
    return None if kustomization.keys() <= _LISTS else [name.decode() for name in _OFF.findall(content)]


def all_named(infos: Mapping[str, Info]) -> set[str]:
    """Every file or folder that a kustomization names."""
    return {target for path in infos for target in _targets(path, infos[path].get("names"))}


def switched_off(infos: Mapping[str, Info]) -> set[str]:
    """The files that no kustomization names, and one that would change them has in a comment.

    Or it names or comments out others in the same folder, which is below its own.
    """
    off, folders = set(), set()
    for path, info in infos.items():
        if info.get("off") is not None:
            without = set(_targets(path, info["off"]))
            off |= without
            files = {*without, *_targets(path, info["names"])}
            folders |= {posixpath.dirname(one) for one in files if one.endswith((".yaml", ".yml"))}
            folders.discard(posixpath.dirname(path))
    found = {path for path in infos if path in off or posixpath.dirname(path) in folders} - all_named(infos)
    return {path for path in found if "object" in infos[path] and "names" not in infos[path]}


def _targets(path: str, names: Collection[str] | None) -> Iterator[str]:
    folder = posixpath.dirname(path)
    return (posixpath.normpath(posixpath.join(folder, name)) for name in names or ())
