"""Combines the parts of a kustomization that is only a list: kustomize takes quadratic time for long ones."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.repository import kustomize, tools
from bootstrap.repository.files import Files
from bootstrap.resources.index import mapping, mappings, qualified

Objects = Sequence[tuple[Mapping[str, Any], str]]
_GENERATORS = ("configMapGenerator", "secretGenerator")
_RENAMING = ("namePrefix", "nameSuffix")
_LOCAL = "config.kubernetes.io/local-config"


def from_list(
    files: Files, parts: Sequence[str | tools.Overlay], built: Mapping[str, tools.Built]
) -> Objects | None:
    """The objects of a list's parts, in order; None if kustomize has to report what is wrong with it.

    `built` has the overlays by their folder.
    """
    found: list[tuple[Mapping[str, Any], str]] = []
    owners: list[int] = []
    for number, part in enumerate(parts):
        owners += [number - 1] * (len(found) - len(owners))
        if isinstance(part, tools.Overlay):
            if built[part.folder].error is not None:
                return None
            found += built[part.folder].objects
            continue
        for document in files.parsed(part).documents:
            if not document.is_object:
                return None
            items = document.value.get("items") if str(document.value["kind"]).endswith("List") else None
            found += [(body, part) for body in (items if isinstance(items, list) else [document.value])]
    owners += [len(parts) - 1] * (len(found) - len(owners))
    if _is_referenced(_renamed(files, parts, built), found, owners):
        return None
    kept, seen = [], set()
    for body, file in found:
        metadata = mapping(mapping(body).get("metadata"))
        key = (qualified(body), str(metadata.get("namespace")), str(metadata.get("name")))
        if not metadata.get("name") or key in seen:
            return None
        seen.add(key)
        if str(mapping(metadata.get("annotations")).get(_LOCAL)).lower() != "true":
            kept.append((body, file))
    return kept


def _renamed(
    files: Files, parts: Sequence[str | tools.Overlay], built: Mapping[str, tools.Built]
) -> dict[tuple[str, str], int]:
    """(namespace, name before) of what a part renames → the part's number."""
    found: dict[tuple[str, str], int] = {}
    for number, part in enumerate(parts):
        if not isinstance(part, tools.Overlay):
            continue
        names = set(_names_before(files, part))
        if names:
            spaces = {
                str(mapping(body.get("metadata")).get("namespace") or "")
                for body, _ in built[part.folder].objects
            }
            found |= {(space, name): number for space in spaces for name in names}
    return found


def _names_before(files: Files, overlay: tools.Overlay) -> Iterator[str]:
    """The names of what is generated; with a prefix or suffix, of everything."""
    tops = [path for path in overlay.files if posixpath.basename(path) in kustomize.NAMES and files.has(path)]
    contents = [files.mapping(path) or {} for path in tops]
    for content in contents:
        for field in _GENERATORS:
            yield from (str(one.get("name")) for one in mappings(content.get(field)))
    if any(content.get(field) for content in contents for field in _RENAMING):
        for path in overlay.files:
            if path.endswith((".yaml", ".yml")) and path not in tops and files.has(path):
                for document in files.parsed(path).documents:
                    if document.is_object:
                        yield str(mapping(document.value.get("metadata")).get("name"))


def _is_referenced(renamed: Mapping[tuple[str, str], int], objects: Objects, owners: Sequence[int]) -> bool:
    """Whether another part may mean what one has renamed: kustomize puts the new name there."""
    if not renamed:
        return False
    for (body, _), owner in zip(objects, owners, strict=True):
        space = str(mapping(mapping(body).get("metadata")).get("namespace") or "")
        rest = [value for key, value in mapping(body).items() if key not in ("apiVersion", "kind")]
        for text in _texts(rest):
            if renamed.get((space, text), owner) != owner:
                return True
    return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
