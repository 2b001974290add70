"""Pure: patches of kustomizations whose target does not exist. kustomize ignores them silently."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.core import globs
from bootstrap.core.text import names_near
from bootstrap.repository.kustomize import NAMES, Tree
from bootstrap.resources.index import mapping, mappings

Target = tuple[str, str, int, str]
"""A patch by its file, field and number, and what is wrong with its target; "" if it selects something."""


@dataclass(frozen=True)
class _Object:
    """What a target can select: an object as in its file, or as built."""

    group: str
    version: str
    kind: str
    name: str
    labels: Mapping[str, Any]


def targets(tree: Tree, closure: Iterable[str], sources: Iterable[Any], built: Iterable[Any]) -> list[Target]:
    """Every patch of some kustomizations that names its target; `sources` are the objects in their files.

    Prefixes and suffixes change names on the way: part of a built name is enough. Components are skipped:
    they may be written for objects that not everybody has.
    """
    kustomizations = [file for file in closure if posixpath.basename(file) in NAMES]
    patches = [(file, *one) for file in kustomizations for one in _named(tree, file)]
    if not patches:
        return []
    own = [_object(one) for one in sources]
    own += [one for file in kustomizations for one in _generated(tree.mapping(file) or {})]
    done = [_object(one) for one in built]
    found = []
    for file, field, number, patch in patches:
        target = mapping(patch.get("target"))
        hit = any(_selects(target, one, whole=True) for one in own)
        hit = hit or any(_selects(target, one, whole=False) for one in done)
        found.append((file, field, number, "" if hit else _message(target, [*own, *done])))
    return found


def _named(tree: Tree, file: str) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """The patches with a target of a fixed name. Others may be intended for objects that do not exist yet.

    What a patch deletes is absent from the result, so it is unknown whether it existed.
    """
    content = tree.mapping(file) or {}
    if content.get("kind") == "Component":
        return
    for field in ("patches", "patchesJson6902"):
        patches = content.get(field)
        for number, patch in enumerate(patches if isinstance(patches, list) else ()):
            name = str(mapping(mapping(patch).get("target")).get("name") or "")
            text = str(mapping(patch).get("patch") or "")
            if "path" in mapping(patch):
                path = posixpath.normpath(posixpath.join(posixpath.dirname(file), str(patch["path"])))
                text += str(tree.mapping(path)) if tree.has(path) else ""
            if re.search(r"\w", name.replace(".*", "")) and "$patch" not in text:
                yield field, number, patch


def _object(body: Any) -> _Object:
    metadata = mapping(mapping(body).get("metadata"))
    group, _, version = str(mapping(body).get("apiVersion") or "").rpartition("/")
    kind = str(mapping(body).get("kind") or "")
    return _Object(group, version, kind, str(metadata.get("name") or ""), mapping(metadata.get("labels")))


def _generated(content: Mapping[str, Any]) -> Iterator[_Object]:
    for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        for item in mappings(content.get(field)):
            yield _Object("", "v1", kind, str(item.get("name") or ""), {})


def _selects(target: Mapping[str, Any], one: _Object, whole: bool) -> bool:
    """Like kustomize (each field is a regular expression for the whole value), but more permissive."""
    for field in ("group", "version", "kind"):
        if target.get(field) and not _fits(str(target[field]), getattr(one, field), True):
            return False
    if not _fits(str(target["name"]), one.name, whole):
        return False
    pairs = [part.partition("=") for part in str(target.get("labelSelector") or "").split(",")]
    plain = all(re.fullmatch(r"[\w./-]+==?[\w.-]+", "".join(pair).strip()) for pair in pairs)
    return not plain or all(
        str(one.labels.get(key.strip())) == value.lstrip("=").strip() for key, _, value in pairs
    )


def _fits(pattern: str, value: str, whole: bool) -> bool:
    found = globs.fits(pattern if whole else pattern.strip("^$"), value, whole)
    return found is not False  # if it is unknown, nothing is reported


def _message(target: Mapping[str, Any], objects: Sequence[_Object]) -> str:
    kind, name = str(target.get("kind") or ""), str(target["name"])
    alike = [one for one in objects if not kind or one.kind == kind]
    same = next((one for one in alike if one.name == name), None)
    if same is None:
        near = names_near(name, (one.name for one in alike))
    else:
        version = f"{same.group}/{same.version}".strip("/")
        near = f"; the {same.kind} of that name is {version} and may have other labels"
    return f"the patch's target {kind} {name} is not among the objects that are built here{near}".replace(
        "  ", " "
    )
