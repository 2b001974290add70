"""Pure: what an Argo CD Application applies: its sources, and which of them are in this repository."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from bootstrap.core import globs
from bootstrap.repository.kustomize import Tree, file_of
from bootstrap.repository.overrides.edited import FORCED
from bootstrap.repository.overrides.variables import filled
from bootstrap.resources.applications import TO_BE_FILLED, Source
from bootstrap.resources.index import mapping, mappings, sequence

Tool = Literal["kustomize", "directory", "helm", "chart", "plugin", "none"]


@dataclass(frozen=True)
class Unit:
    """What is rendered in one step: a folder by a tool, with an Application's overrides (as JSON)."""

    tool: Tool
    path: str
    options: str = "{}"

    @cached_property
    def key(self) -> str:
        return f"{self.tool}:{self.path}:{self.options}"


def is_unfilled(source: Source) -> bool:
    """Whether a template in it could not be filled in: its location is unknown."""
    place = f"{source.path or ''} {source.chart or ''}"
    return "{{" in source.repo_url or is_open(place)


def is_open(text: str) -> bool:
    """Whether a text is a template: what another program makes of it is unknown."""
    return _UNFILLED.search(text) is not None


_UNFILLED = re.compile(rf"\{{\{{|\$\{{?\w|\$\(|<[A-Z][A-Z0-9_]*>|{TO_BE_FILLED.pattern}")
"""What other programs fill in: templates, shell variables, tokens."""


def unit(source: Source, tree: Tree, values: Mapping[str, str] = MappingProxyType({})) -> Unit | None:
    """What to render for a source of this repository; None if it renders nothing (only a `ref`).

    `values` are those of Argo CD's variables.
    """
    if source.path is None:
        return None
    path = source.folder
    tool = _tool(source, path, tree)
    options: Mapping[str, Any] = {}
    if tool == "kustomize":
        options = _kustomize_options(source.body, tree, path, values)
    elif tool in ("directory", "helm"):
        options = mapping(source.body.get(tool))
    return Unit(tool, path, json.dumps(options, sort_keys=True) if options else "{}")


def _tool(source: Source, path: str, tree: Tree) -> Tool:
    if "plugin" in source.body:
        return "plugin"
    if _says_directory(mapping(source.body.get("directory"))):
        return "directory"
    if mapping(source.body.get("kustomize")) and file_of(tree, path):
        return "kustomize"
    # With both files and no word of the Application, Argo CD takes the one that it finds last.
    if tree.has(posixpath.join(path, "Chart.yaml")) and (
        mapping(source.body.get("helm")) or not file_of(tree, path)
    ):
        return "helm"
    return "kustomize" if file_of(tree, path) else "directory"


def _says_directory(section: Mapping[str, Any]) -> bool:
    """Whether an Application says that its folder is a plain one.

    Argo CD takes a section without a value of its own (`recurse: false`) for none, and looks into the folder.
    """
    jsonnet = mapping(section.get("jsonnet"))
    given = ("recurse", "include", "exclude", "disableExtensionFilter")
    return any(section.get(one) for one in given) or any(jsonnet.get(one) for one in jsonnet)


def _whole(count: Any) -> Any:
    """A number, which may be given as text: a set's template makes nothing else."""
    return int(count) if isinstance(count, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", count) else count


_PLAIN = ("namePrefix", "nameSuffix", "namespace", "components")


def _kustomize_options(
    source: Mapping[str, Any], tree: Tree, path: str, values: Mapping[str, str]
) -> Mapping[str, Any]:
    """An Application's `kustomize:` section as fields of a kustomization (see edited.py)."""
    asked = mapping(source.get("kustomize"))
    if not asked:
        return {}
    result: dict[str, Any] = {key: asked[key] for key in _PLAIN if asked.get(key)}
    if images := [_image(filled(str(item), values)) for item in sequence(asked.get("images"))]:
        result["images"] = images
    if counts := mappings(asked.get("replicas")):
        result["replicas"] = [
            {"name": item.get("name"), "count": _whole(item.get("count"))} for item in counts
        ]
    if patches := mappings(asked.get("patches")):
        result["patches"] = list(patches)
    if labels := mapping(asked.get("commonLabels")):
        without = bool(asked.get("labelWithoutSelector"))
        pairs = {str(name): filled(str(value), values) for name, value in labels.items()}
        added = {"pairs": pairs, "includeSelectors": not without}
        if asked.get("labelIncludeTemplates"):
            added["includeTemplates"] = True
        result["labels"] = [added]
    if annotations := mapping(asked.get("commonAnnotations")):
        fill = values if asked.get("commonAnnotationsEnvsubst") else None
        result["commonAnnotations"] = {
            str(name): str(value) if fill is None else filled(str(value), fill)
            for name, value in annotations.items()
        }
    if asked.get("ignoreMissingComponents") and "components" in result:
        there = [
            one
            for one in result["components"]
            if file_of(tree, posixpath.normpath(posixpath.join(path, one)))
        ]
        result["components"] = there
        if not there:
            del result["components"]
    forced = [field for field in ("labels", "annotations") if asked.get(f"forceCommon{field.capitalize()}")]
    return {**result, FORCED: forced} if forced and result else result


def _image(text: str) -> Mapping[str, Any]:
    """`[old=]new[:tag][@digest]`, as `kustomize edit set image` reads it."""
    old, equals, new = text.partition("=")
    new = new if equals else old
    new, _, digest = new.partition("@")
    name, colon, tag = new.rpartition(":")
    if not colon or "/" in tag:
        name, tag = new, ""
    image = {"name": old if equals else name, "newName": name}
    if digest:
        image["digest"] = digest
    elif tag:
        image["newTag"] = tag
    return image


def directory_files(
    tree: Tree,
    path: str,
    options: Mapping[str, Any],
    endings: tuple[str, ...] = (".yaml", ".yml", ".json"),
) -> list[str]:
    """The files of a plain directory that Argo CD would apply."""
    recurse = bool(options.get("recurse"))
    include, exclude = _globs(options.get("include")), _globs(options.get("exclude"))
    start = f"{path}/" if path else ""
    chosen = []
    for file in tree.below(path):
        inner = file.removeprefix(start)
        if not file.endswith(endings) or ("/" in inner and not recurse):
            continue
        if include and not any(matches(inner) for matches in include):
            continue
        if any(matches(inner) for matches in exclude):
            continue
        chosen.append(file)
    return chosen


def jsonnet_files(tree: Tree, unit: Unit) -> list[str]:
    """The files of a plain directory that Argo CD renders as jsonnet."""
    if unit.tool != "directory":
        return []
    options = json.loads(unit.options)
    return directory_files(tree, unit.path, options, (".jsonnet",))


def _globs(value: Any) -> list[globs.Matches]:
    """`a.yaml`, `*.yaml` or `{a.yaml,b/*.yaml}`: a star crosses folders, as in Argo CD."""
    parts = _alternatives(str(value or "").strip())
    return [globs.glob(part.strip(), True, True) for part in parts if part.strip()]


_BRACES = re.compile(r"\{([^{}]*)\}")
_MOST_ALTERNATIVES = 1000


def _alternatives(text: str) -> list[str]:
    """What braces in a pattern stand for, wherever they are: `{a,b}/**` is `a/**` and `b/**`."""
    found = [text]
    while len(found) < _MOST_ALTERNATIVES and any(_BRACES.search(one) for one in found):
        found = [
            one[: match.start()] + part.strip() + one[match.end() :] if match else one
            for one in found
            for match in [_BRACES.search(one)]
            for part in (match[1].split(",") if match else [""])
        ]
    return found
