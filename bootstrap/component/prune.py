"""Pure: what Argo CD deletes along with an Application, read from the files of its app or component."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.manifests.reader import documents
from bootstrap.repository import kustomize
from bootstrap.resources.applications import has_finalizer, sync_options

_LOCAL = "config.kubernetes.io/local-config"


@dataclass(frozen=True)
class Pruned:
    """`deleted` and `kept` are objects as KIND NAME; `all_`: manifests from elsewhere are deleted, too."""

    application: str
    deleted: tuple[str, ...]
    kept: tuple[str, ...]
    all_: bool

    def sentence(self) -> str:
        """A sentence for a person."""
        if not self.deleted and not self.all_:
            return f"{self.application} has no finalizer: what it applied is kept"
        if not self.deleted:
            stays = f"; {', '.join(self.kept)} stays" if self.kept else ""
            return f"Argo CD deletes {self.application} and everything that it applied{stays}"
        what = ", ".join(self.deleted)
        stays = f"; {', '.join(self.kept)} stays" if self.kept else ""
        return f"Argo CD deletes {self.application} with what it applied: {what}{stays}"


def pruned(application: Mapping[str, Any], elsewhere: bool, files: Mapping[str, bytes]) -> Pruned:
    """What is deleted along with an Application; `files` are the app's, by path from the repository's top."""
    name = str(application["metadata"]["name"])
    namespace = application["spec"]["destination"].get("namespace")
    if not has_finalizer(application):
        return Pruned(name, (), (), False)
    if elsewhere:
        return Pruned(name, (), (f"Namespace {namespace}",), True)
    deleted: list[str] = []
    kept: list[str] = []
    for item in _objects(application, _Tree(files)):
        stays = "Delete=false" in sync_options(item)
        text = f"{item['kind']} {namespace if item['kind'] == 'Namespace' else item['metadata']['name']}"
        (kept if stays else deleted).append(text)
    return Pruned(name, tuple(dict.fromkeys(deleted)), tuple(dict.fromkeys(kept)), False)


class _Tree:
    """An app's files, in the form that rendering a kustomization needs."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def has(self, path: str) -> bool:
        return path in self.files

    def is_folder(self, path: str) -> bool:
        return any(name.startswith(f"{path}/") for name in self.files)

    def below(self, folder: str) -> list[str]:
        return sorted(name for name in self.files if name.startswith(f"{folder}/"))

    def mapping(self, path: str) -> Mapping[str, Any] | None:
        found = documents(self.files[path], path)
        return found[0] if len(found) == 1 and isinstance(found[0], dict) else None


def _objects(application: Mapping[str, Any], tree: _Tree) -> list[Mapping[str, Any]]:
    """The objects that the Application's folder of this repository renders to."""
    found: list[Mapping[str, Any]] = []
    for source in application["spec"].get("sources") or ():
        closure = kustomize.closure(tree, posixpath.normpath(str(source.get("path") or "")))
        for path in sorted(closure.files):
            if posixpath.basename(path) in kustomize.NAMES:
                found += _generated(tree.mapping(path) or {})
            elif path.endswith((".yaml", ".yml")):
                found += [item for item in documents(tree.files[path], path) if _is_object(item)]
    return found


def _generated(kustomization: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        {"kind": "ConfigMap", "metadata": {"name": f"{generator['name']}-…"}}
        for generator in kustomization.get("configMapGenerator") or ()
    ]


def _is_object(item: Any) -> bool:
    if not isinstance(item, dict) or "kind" not in item or not isinstance(item.get("metadata"), dict):
        return False
    annotations = item["metadata"].get("annotations") or {}
    return "name" in item["metadata"] and str(annotations.get(_LOCAL)) != "true"
