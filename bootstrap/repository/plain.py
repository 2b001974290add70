"""The plain part of a kustomization: its objects without charts, plugins and remote parts."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection, Mapping
from typing import Any

from bootstrap.core import scratch
from bootstrap.repository import kustomize, tools
from bootstrap.repository.files import Files
from bootstrap.resources.index import mapping

UNREAD = frozenset({"inflate", "remote", "nested"})
"""Faults that leave a plain part: something is outside what is read, but nothing is wrong."""
_FIELDS = (
    "helmCharts",
    "helmChartInflationGenerator",
    "helmGlobals",
    "generators",
    "transformers",
    "validators",
)
_ENTRIES = ("resources", "bases", "components", "crds", "configurations")


def build(files: Files, folder: str, options: Mapping[str, Any], program: str) -> tools.Built:
    """The objects of a folder's plain part; an error if it cannot be built without the rest."""
    closure = kustomize.closure(files, folder)
    gone = {(one.file, one.entry.name) for one in closure.missing}
    with scratch.folder("plain") as root:
        for path in closure.files - closure.charts:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if posixpath.basename(path) in kustomize.NAMES:
                left = {one for file, one in gone if file == path}
                target.write_text(
                    json.dumps(_plain(files.mapping(path) or {}, left), default=str, skipkeys=True), "utf-8"
                )
            else:
                target.write_bytes(files.read(path))
        return tools.build_many(
            root, [tools.Overlay(folder, "", options, frozenset(closure.files - closure.charts))], program
        )[0]


def _plain(kustomization: Mapping[str, Any], gone: Collection[str]) -> Mapping[str, Any]:
    """A kustomization without charts and plugins, and without the entries that are not available."""
    kept = {key: value for key, value in kustomization.items() if key not in _FIELDS}
    for field in _ENTRIES:
        if isinstance(kept.get(field), list):
            kept[field] = [one for one in kept[field] if not (isinstance(one, str) and one in gone)]
    return mapping(kept)
