"""Pure: the charts that a chart of this repository depends on, and that are not packed in it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.repository.charts.fetch import Wanted
from bootstrap.repository.files import Files
from bootstrap.resources.index import mapping, mappings


def remote(files: Files, folder: str) -> dict[str, Wanted]:
    """By name: those of a chart repository, at the version of Chart.lock, else in the range of Chart.yaml."""
    locked = {
        (one.get("name"), one.get("repository")): str(one.get("version"))
        for one in mappings(_mapping(files, posixpath.join(folder, "Chart.lock")).get("dependencies"))
    }
    return {
        name: Wanted(repo, name, locked.get((name, repo), version))
        for name, repo, version in _missing(files, folder)
        if repo.startswith(("https://", "http://", "oci://"))
    }


def local(files: Files, folder: str) -> dict[str, str]:
    """By name: the folders of those in this repository (`file://../other`)."""
    found = {}
    for name, repo, _ in _missing(files, folder):
        path = posixpath.normpath(posixpath.join(folder, repo.removeprefix("file://")))
        if repo.startswith("file://") and files.has(posixpath.join(path, "Chart.yaml")):
            found[name] = path
    return found


def _missing(files: Files, folder: str) -> Iterator[tuple[str, str, str]]:
    """(name, repository, version) of each that `charts/` does not have."""
    packed = posixpath.join(folder, "charts")
    for path in ("Chart.yaml", "requirements.yaml"):
        for one in mappings(_mapping(files, posixpath.join(folder, path)).get("dependencies")):
            name = str(one.get("name"))
            start = posixpath.join(packed, f"{name}-")
            there = files.has(posixpath.join(packed, name, "Chart.yaml")) or any(
                each.startswith(start) and each.endswith(".tgz") for each in files.children(packed)
            )
            if name.strip(".") and "/" not in name and not there:
                yield name, str(one.get("repository") or ""), str(one.get("version") or "")


def _mapping(files: Files, path: str) -> Mapping[str, Any]:
    return mapping(files.mapping(path)) if files.has(path) else {}
