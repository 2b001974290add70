"""Pure: which files a kustomization is made of, and which of them are not available."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_REMOTE = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*://|[a-z]+::|git@|[\w.-]+@[\w.-]+:)|^(?:www\.)?(?:github|gitlab|bitbucket)\.\w+[/:]"
    r"|[?&](?:ref|version|timeout|submodules)=|\.git(?:/|$|\?)|^[\w-]+(?:\.[\w-]+)+(?::\d+)?/.*//"
)


DEEPEST = 100
"""The most kustomizations nested in one another."""


class Tree(Protocol):
    """The files of a repository, by path from its root."""

    def has(self, path: str) -> bool: ...
    def is_folder(self, path: str) -> bool: ...
    def below(self, folder: str) -> list[str]: ...
    def mapping(self, path: str) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True)
class Entry:
    """One file or folder that a kustomization names: `field` is where (resources, patches, …)."""

    name: str
    field: str
    position: tuple[str | int, ...]
    kind: Literal["any", "file", "folder"] = "file"


@dataclass(frozen=True)
class Missing:
    """An entry that cannot be used: `why` is missing, remote, cycle, deep, outside or broken."""

    file: str
    entry: Entry
    why: str


@dataclass
class Closure:
    """Every file that the result depends on; what is missing; the folders of the kustomizations.

    `charts` are those of the files that belong to charts: their templates are not YAML.
    """

    files: set[str] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    charts: set[str] = field(default_factory=set)


def file_of(tree: Tree, folder: str) -> str | None:
    """The folder's kustomization, if it has one."""
    for name in NAMES:
        path = posixpath.join(folder, name)
        if tree.has(path):
            return path
    return None


def closure(tree: Tree, folder: str) -> Closure:
    """Follow a folder's kustomization within the repository."""
    found = Closure()
    _follow(tree, folder, (), found)
    return found


def _follow(tree: Tree, folder: str, trail: tuple[str, ...], found: Closure) -> None:
    if folder in found.folders:
        return
    found.folders.append(folder)
    path = file_of(tree, folder)
    if path is None:
        return
    found.files.add(path)
    content = tree.mapping(path)
    if content is None:
        found.missing.append(Missing(path, Entry(path, "kustomization", ()), "broken"))
        return
    trail = (*trail, folder)
    for entry in entries(content):
        take(tree, folder, path, entry, trail, found)


def take(tree: Tree, folder: str, path: str, entry: Entry, trail: tuple[str, ...], found: Closure) -> None:
    """Add what one entry of the kustomization `path` leads to; `trail` are the folders around it."""
    target = posixpath.normpath(posixpath.join(folder, entry.name))
    if target == ".":
        target = ""
    if is_fetched(entry.name):
        found.missing.append(Missing(path, entry, "remote"))
    elif tree.has(target) and entry.kind != "folder":
        found.files.add(target)
    elif tree.is_folder(target) and entry.kind != "file":
        if target in trail and entry.field != "chartHome":
            found.missing.append(Missing(path, entry, "cycle"))
        elif len(trail) > DEEPEST:
            found.missing.append(Missing(path, entry, "deep"))
        elif entry.field == "chartHome":
            found.charts.update(set(tree.below(target)) - {path})
            found.files.update(found.charts)
        elif file_of(tree, target) is None:
            found.missing.append(Missing(path, entry, "missing"))
        else:
            _follow(tree, target, trail, found)
    elif _REMOTE.search(entry.name):
        found.missing.append(Missing(path, entry, "remote"))
    elif is_outside(target):
        found.missing.append(Missing(path, entry, "outside"))
    elif entry.field != "chartHome":
        found.missing.append(Missing(path, entry, "missing"))


_FETCHED = re.compile(r"https?[a-z0-9+.-]*:", re.IGNORECASE)
_UNFIT = re.compile(r"-|[\w+.-]+::|file:|.*[?&](?:ref|version)=-", re.IGNORECASE)


def is_fetched(name: str) -> bool:
    """Whether kustomize fetches it from another host, even if a file has that name."""
    return _FETCHED.match(name) is not None


def may_be_fetched(name: str) -> bool:
    """Whether git may be given an address: none on this machine, of a remote helper, or with an option."""
    return _UNFIT.match(name) is None


def is_outside(target: str) -> bool:
    """Whether a path from the repository's root leads out of it."""
    return target.startswith("../") or target == ".." or posixpath.isabs(target)


_NAMED = {
    one.casefold(): one
    for one in (
        "resources", "bases", "components", "crds", "configurations", "generators", "transformers",
        "validators", "patches", "patchesStrategicMerge", "patchesJson6902", "replacements",
        "configMapGenerator", "secretGenerator", "openapi", "helmCharts", "helmGlobals", "path", "files",
        "envs", "env", "chartHome", "valuesFile", "additionalValuesFiles",
    )
}  # fmt: skip


def canonical(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """A mapping with canonical field names: kustomize ignores the case of field names.

    What exists under two spellings is combined.
    """
    if not any(_NAMED.get(key.casefold(), key) != key for key in mapping):
        return mapping
    result: dict[str, Any] = {}
    for key, value in mapping.items():
        name = _NAMED.get(key.casefold(), key)
        both = isinstance(value, list) and isinstance(result.get(name), list)
        result[name] = [*result[name], *value] if both else value
    return result


def entries(kustomization: Mapping[str, Any]) -> Iterator[Entry]:
    """Every file or folder that a kustomization names, with its place."""
    kustomization = canonical(kustomization)
    for name in ("resources", "bases"):
        for index, item in _strings(kustomization.get(name)):
            yield Entry(item, name, (name, index), "any")
    for index, item in _strings(kustomization.get("components")):
        yield Entry(item, "components", ("components", index), "folder")
    for name in ("crds", "configurations"):
        for index, item in _strings(kustomization.get(name)):
            yield Entry(item, name, (name, index))
    for name in ("patchesStrategicMerge", "generators", "transformers", "validators"):
        for index, item in _strings(kustomization.get(name)):
            if "\n" not in item:
                yield Entry(item, name, (name, index), "file" if name.startswith("patches") else "any")
    for name in ("patches", "patchesJson6902", "replacements"):
        for index, mapping in _mappings(kustomization.get(name)):
            if isinstance(mapping.get("path"), str):
                yield Entry(mapping["path"], name, (name, index, "path"))
    for name in ("configMapGenerator", "secretGenerator"):
        for index, mapping in _mappings(kustomization.get(name)):
            yield from _generator(name, index, mapping)
    openapi = kustomization.get("openapi")
    if isinstance(openapi, dict) and isinstance(path := canonical(openapi).get("path"), str):
        yield Entry(path, "openapi", ("openapi", "path"))
    yield from _charts(kustomization)


def _generator(name: str, index: int, generator: Mapping[str, Any]) -> Iterator[Entry]:
    for place, item in _strings(generator.get("files")):
        yield Entry(item.split("=", 1)[-1], name, (name, index, "files", place))
    for place, item in _strings(generator.get("envs")):
        yield Entry(item, name, (name, index, "envs", place))
    if isinstance(generator.get("env"), str):
        yield Entry(generator["env"], name, (name, index, "env"))


def _charts(kustomization: Mapping[str, Any]) -> Iterator[Entry]:
    charts = list(_mappings(kustomization.get("helmCharts")))
    if charts:
        globals_ = kustomization.get("helmGlobals")
        home = canonical(globals_).get("chartHome") if isinstance(globals_, dict) else None
        yield Entry(str(home or "charts"), "chartHome", ("helmGlobals", "chartHome"), "folder")
    for index, chart in charts:
        if isinstance(chart.get("valuesFile"), str):
            yield Entry(chart["valuesFile"], "helmCharts", ("helmCharts", index, "valuesFile"))
        for place, item in _strings(chart.get("additionalValuesFiles")):
            yield Entry(item, "helmCharts", ("helmCharts", index, "additionalValuesFiles", place))


def _strings(value: Any) -> Iterator[tuple[int, str]]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, str):
            yield index, item


def _mappings(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield index, canonical(item)


def resources(tree: Tree, closure: Iterable[str]) -> Iterator[str]:
    """The files of a closure that its kustomizations name as resources, not as patches or settings."""
    for path in closure:
        if posixpath.basename(path) in NAMES:
            for entry in entries(tree.mapping(path) or {}):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.name))
                if entry.kind == "any" and tree.has(target):
                    yield target


def contents(tree: Tree, closure: Iterable[str]) -> set[str]:
    """The files of a closure that its kustomizations only put into ConfigMaps and Secrets, as text."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for path in closure:
        if posixpath.basename(path) in NAMES:
            for entry in entries(tree.mapping(path) or {}):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.name))
                found[entry.field in ("configMapGenerator", "secretGenerator")].add(target)
    return found[True] - found[False]


def folders(tree: Tree, folder: str) -> list[str]:
    """The folders that a kustomization includes directly and that can be built alone: not Components."""
    path = file_of(tree, folder)
    named = entries((tree.mapping(path) if path else None) or {})
    targets = [posixpath.normpath(posixpath.join(folder, one.name)) for one in named if one.kind == "any"]
    return [
        target
        for target in targets
        if (own := file_of(tree, target)) and (tree.mapping(own) or {}).get("kind") != "Component"
    ]


_PLAIN = {"apiVersion", "kind", "metadata", "resources"}


def parts(tree: Tree, folder: str) -> list[tuple[Literal["file", "folder"], str]]:
    """What a kustomization combines without changing it: files, and folders that do change something.

    kustomize takes quadratic time for long lists of resources; one that is only a list needs no
    kustomize. The folder itself, if it is more than a list, or contains a list twice: nested lists
    could grow without bound.
    """
    seen: set[str] = set()
    try:
        return list(_parts(tree, folder, (), seen))
    except _Twice:
        return [("folder", folder)]


def _targets(folder: str, content: Mapping[str, Any]) -> Iterator[str]:
    for _, name in _strings(content.get("resources")):
        yield posixpath.normpath(posixpath.join(folder, name))


class _Twice(Exception):
    """A list contains another one twice."""


def _parts(
    tree: Tree, folder: str, trail: tuple[str, ...], seen: set[str]
) -> Iterator[tuple[Literal["file", "folder"], str]]:
    """`trail` are the lists above, to end cycles."""
    if folder in trail or len(trail) > DEEPEST:
        return
    path = file_of(tree, folder)
    content = tree.mapping(path) if path else None
    if content is None or set(content) - _PLAIN or content.get("kind", "Kustomization") != "Kustomization":
        yield "folder", folder
        return
    start = f"{folder}/" if folder else ""
    if any(tree.has(one) and not one.startswith(start) for one in _targets(folder, content)):
        yield "folder", folder  # kustomize has to say whether it may read outside the folder
        return
    if folder in seen:
        raise _Twice
    seen.add(folder)
    for _, name in _strings(content.get("resources")):
        target = posixpath.normpath(posixpath.join(folder, name))
        target = "" if target == "." else target
        if tree.has(target):
            yield "file", target
        else:
            yield from _parts(tree, target, (*trail, folder), seen)
