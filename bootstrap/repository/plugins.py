"""Files that kustomize reads because of something other than a kustomization's own fields.

The configuration of a generator or transformer (in a file, or inline in the list) may name files and
addresses, and so may the `kustomize:` section of an Application.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.manifests.reader import parse
from bootstrap.repository import kustomize
from bootstrap.repository.files import Files
from bootstrap.repository.kustomize import Entry, Missing

_FIELDS = ("generators", "transformers", "validators")
_NAMING = {"path", "paths", "files", "envs", "env", "valuesfile", "additionalvaluesfiles", "charthome"}
"""Fields of builtin generators and transformers that name files, in lower case; some also name fields."""


def named(files: Files, closure: Sequence[str]) -> tuple[set[str], list[Missing]]:
    """The files that the generators and transformers of kustomizations name, and what is not available."""
    found: set[str] = set()
    missing: list[Missing] = []
    for path in closure:
        if posixpath.basename(path) not in kustomize.NAMES:
            continue
        content = kustomize.canonical(files.mapping(path) or {})
        folder = posixpath.dirname(path)
        for field in _FIELDS:
            for number, item in enumerate(_list(content.get(field))):
                for name in _names_in(files, folder, str(item)):
                    entry = Entry(name, field, (field, number))
                    target = posixpath.normpath(posixpath.join(folder, name))
                    if kustomize.is_fetched(name):
                        missing.append(Missing(path, entry, "remote"))
                    elif kustomize.is_outside(target):
                        missing.append(Missing(path, entry, "outside"))
                    elif files.has(target):
                        found.add(target)
    return found, missing


def _names_in(files: Files, folder: str, item: str) -> Iterator[str]:
    """What the configurations of one entry name: inline, in a file, or in a folder's files."""
    if "\n" in item:
        documents = parse(item.encode()).documents
    else:
        target = posixpath.normpath(posixpath.join(folder, item))
        inside = {target} if files.has(target) else kustomize.closure(files, target).files
        documents = [one for path in sorted(inside) for one in files.parsed(path).documents]
    for document in documents:
        yield from _strings(document.value, "")


def _strings(value: Any, field: str) -> Iterator[str]:
    """Every string below a field that names files; for `key=path` the path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, key.casefold())
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, field)
    elif isinstance(value, str) and field in _NAMING and "\n" not in value:
        yield value.split("=", 1)[-1] if field == "files" else value


def overrides(
    files: Files, folder: str, options: Mapping[str, Any]
) -> tuple[dict[str, Any], set[str], list[Missing]]:
    """An Application's fields on top of a kustomization, with the text of patches in place of their paths.

    Also returns the files that they come from, and what is not available.
    """
    result = dict(options)
    found: set[str] = set()
    missing: list[Missing] = []
    own = kustomize.file_of(files, folder) or folder
    patches = []
    for number, patch in enumerate(_list(options.get("patches"))):
        name = patch.get("path") if isinstance(patch, dict) else None
        if isinstance(name, str):
            entry = Entry(name, "the Application's kustomize.patches", ("patches", number))
            target = posixpath.normpath(posixpath.join(folder, name))
            if kustomize.is_fetched(name):
                missing.append(Missing(own, entry, "remote"))
            elif files.has(target):
                found.add(target)
                rest = {key: value for key, value in patch.items() if key != "path"}
                patch = {**rest, "patch": files.read(target).decode("utf-8", "replace")}
            else:
                why = "outside" if kustomize.is_outside(target) else "missing"
                missing.append(Missing(own, entry, why))
        patches.append(patch)
    if patches:
        result["patches"] = patches
    for number, name in enumerate(_list(options.get("components"))):
        entry = Entry(str(name), "the Application's kustomize.components", ("components", number), "folder")
        closure = kustomize.Closure()
        kustomize.take(files, folder, own, entry, (folder,), closure)
        found |= closure.files
        missing += closure.missing
    return result, found, missing


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
