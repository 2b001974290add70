"""Pure: which files a chart's values are in, as Argo CD resolves `valueFiles` and `fileParameters`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from bootstrap.core import globs

Place = tuple[str, str]
"""("repository", path from its top) or ("chart", path in a fetched chart)."""
_GLOB = re.compile(r"[*?\[]")


class Unresolved(Exception):
    """A missing values file, in words."""


def places(
    options: Mapping[str, Any], tool: str, folder: str, has: Mapping[str, Collection[str]]
) -> list[Place]:
    """The files of values in their order, each once; `has` are the files of `repository` and `chart`.

    `folder` is the chart's in this repository. Raises Unresolved for what Argo CD does not find either,
    and for what is not in this repository.
    """
    explicit = {
        one
        for item in options["files"]
        if (one := _located(item, tool, folder)) is not None and not _GLOB.search(one[1])
    }
    found: list[Place] = []
    for item in options["files"]:
        one = _located(item, tool, folder)
        if one is None:
            raise Unresolved(f"the values file {item[1]} is not in this repository")
        there = has[one[0]]
        if _GLOB.search(one[1]):
            matches = globs.glob(one[1], False, True)
            fitting = [(one[0], path) for path in sorted(there) if matches(path)]
            if not fitting and not options["ignore_missing"]:
                raise Unresolved(f"the values files {item[1]} match nothing")
            found += [each for each in fitting if each not in explicit]
        elif one[1] in there:
            found.append(one)
        elif not options["ignore_missing"]:
            raise Unresolved(f"the values file {item[1]} is not in this {one[0]}")
    return list(dict.fromkeys(found))


def files_of(options: Mapping[str, Any], tool: str, folder: str, there: Collection[str]) -> set[str]:
    """The files of the repository that a chart's values are in; what is missing is left out."""
    quiet = {**options, "ignore_missing": True}
    quiet["files"] = [item for item in options["files"] if _located(item, tool, folder) is not None]
    named = {path for kind, path in places(quiet, tool, folder, {"repository": there, "chart": ()})}
    located = (_located(item, tool, folder) for _, item in options["set_file"])
    return named | {one[1] for one in located if one and one[0] == "repository" and one[1] in there}


def file_places(options: Mapping[str, Any], tool: str, folder: str) -> Iterator[tuple[str, Place]]:
    """(parameter, file) of `fileParameters`; raises Unresolved."""
    for name, item in options["set_file"]:
        one = _located(item, tool, folder)
        if one is None:
            raise Unresolved(f"the file {item[1]} of the parameter {name} is not in this repository")
        yield name, one


def _located(item: Sequence[str], tool: str, folder: str) -> Place | None:
    kind, text = item
    if kind in ("url", "elsewhere"):
        return None
    top = kind == "top" or (tool == "helm" and text.startswith("/"))
    if tool == "chart" and not top:
        return "chart", posixpath.normpath(text.lstrip("/"))
    path = posixpath.normpath(text.lstrip("/") if top else posixpath.join(folder, text))
    return None if path.startswith("../") else ("repository", path)
