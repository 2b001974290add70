"""Pure: folders that belong together: a component's chart and values, retired and foreign folders."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable, Mapping

from bootstrap.core.errors import InputError
from bootstrap.core.names import is_own_source
from bootstrap.layout import components
from bootstrap.layout.merge_entries import is_listing
from bootstrap.manifests.reader import documents, is_application

_APPLICATION = re.compile(rb"^kind: Application\s*$", re.MULTILINE)
"""At the start of a line: Argo CD's own manifest, which takes seconds to parse, has it indented."""

Files = Mapping[str, bytes]


def unit_of(path: str, prefix: str = "") -> str | None:
    """The component or app that a file belongs to: `infrastructure/NAME`, `apps/NAME`, below the prefix."""
    if not path.startswith(prefix):
        return None
    found = re.match(r"(?:infrastructure|apps)/[^/]+(?=/)", path[len(prefix) :])
    return prefix + found[0] if found else None


def by_unit(paths: Iterable[str], prefix: str) -> dict[str, list[str]]:
    """Unit → its files, for paths that are in one."""
    found: dict[str, list[str]] = {}
    for path in sorted(paths):
        if unit := unit_of(path, prefix):
            found.setdefault(unit, []).append(path)
    return found


def charts(files: Files, paths: Iterable[str]) -> dict[tuple[str, str], str] | None:
    """(Application, chart or repository) → version for a unit's Applications; None if one cannot be read."""
    found: dict[tuple[str, str], str] = {}
    for path in paths:
        if not path.endswith(".yaml") or not _APPLICATION.search(files.get(path, b"")):
            continue
        try:
            for item in filter(is_application, documents(files[path], path)):
                for source in item["spec"].get("sources") or ():
                    if not is_own_source(source):
                        name = str(source.get("chart") or source.get("path") or source.get("repoURL"))
                        found[item["metadata"]["name"], name] = str(source.get("targetRevision"))
        except (InputError, KeyError, TypeError, AttributeError):
            return None
    return found


def folders_on(files: Files, prefix: str) -> dict[str, str]:
    """Folder → name of every component that is on in a cluster of this layout."""
    return {
        component.folder(posixpath.dirname(path)): component.name
        for path, content in files.items()
        if path.startswith(f"{prefix}clusters/") and is_listing(path)
        for component in components.offered(content).values()
        if component.on
    }


def retired(base: Files, theirs: Files, on: Iterable[str]) -> list[str]:
    """Folders of components that are on, were laid out, and are no longer in the catalog."""
    return sorted(folder for folder in on if has(base, folder) and not has(theirs, folder))


def foreign(base: Files, ours: Files, theirs: Files, prefix: str, paths: Container[str] = ()) -> list[str]:
    """Units that are new in the catalog but whose name a user already uses.

    `paths` are all that is here, submodules too.
    """
    before, there, here = (by_unit(files, prefix) for files in (base, theirs, ours))
    return [
        unit
        for unit in there
        if unit not in before
        and (
            unit in ours  # a link or a file
            or unit in paths
            or any(ours[path] != theirs.get(path) for path in here.get(unit, ()))
        )
    ]


def has(files: Files, folder: str) -> bool:
    """Whether a file is below the folder."""
    return any(path.startswith(f"{folder}/") for path in files)
