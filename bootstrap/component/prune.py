"""Pure: what Argo CD deletes along with an Application, read from the files of its app or component."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.core.names import is_own_source
from bootstrap.manifests.reader import documents
from bootstrap.repository import kustomize
from bootstrap.resources.applications import has_finalizer, kept_by, sources
from bootstrap.resources.products import GROUPS_OF, KNOWN_CHARTS

_LOCAL = "config.kubernetes.io/local-config"
_CRD = "CustomResourceDefinition"
_SHARED = {"argo-rollouts": ("argoproj.io",), "eck-operator": ("k8s.elastic.co",)}
"""Chart → API groups of its CRDs that others define kinds in, too, or whose subdomains its groups are."""


@dataclass(frozen=True)
class Pruned:
    """`deleted` and `kept` are objects as KIND NAME; `all_`: manifests from elsewhere are deleted, too.

    Argo CD deletes no CRD with its Application, whatever finalizer that has.
    """

    application: str
    deleted: tuple[str, ...]
    kept: tuple[str, ...]
    all_: bool

    def sentence(self) -> str:
        """A sentence for a person."""
        if not self.deleted and not self.all_:
            return f"{self.application} has no finalizer: what it applied is kept"
        stays = f"; kept: {', '.join(self.kept)}" if self.kept else ""
        if not self.deleted:
            return f"Argo CD deletes {self.application} and everything that it applied{stays}"
        what = ", ".join(self.deleted)
        return f"Argo CD deletes {self.application} with what it applied: {what}{stays}"


def pruned(application: Mapping[str, Any], elsewhere: bool, files: Mapping[str, bytes]) -> Pruned:
    """What is deleted along with an Application; `files` are the app's, by path from the repository's root.

    `elsewhere`: its manifests are in a chart or another repository.
    """
    name = str(application["metadata"]["name"])
    namespace = application["spec"]["destination"].get("namespace")
    if not has_finalizer(application):
        return Pruned(name, (), (), False)
    if elsewhere:
        return Pruned(name, (), (f"Namespace {namespace}", *_crds_of(application)), True)
    deleted: list[str] = []
    kept: list[str] = []
    for item in _objects(application, _Tree(files)):
        stays = _stays(item, application)
        text = f"{item['kind']} {namespace if item['kind'] == 'Namespace' else item['metadata']['name']}"
        (kept if stays else deleted).append(text)
    return Pruned(name, tuple(dict.fromkeys(deleted)), tuple(dict.fromkeys(kept)), False)


def _stays(item: Mapping[str, Any], application: Mapping[str, Any]) -> bool:
    """Whether an object is kept; its own option takes precedence over its Application's."""
    return item["kind"] == _CRD or bool(kept_by(item, application))


def _crds_of(application: Mapping[str, Any]) -> tuple[str, ...]:
    """The CRDs of its charts, which are not read here: their API groups, as far as they are known."""
    found: list[str] = []
    for source in sources(application):
        chart = (source.chart or "").rpartition("/")[2]
        skips = bool((source.body.get("helm") or {}).get("skipCrds"))
        if is_own_source(source.body) or skips:
            continue
        if groups := GROUPS_OF.get(chart) or _SHARED.get(chart):
            found.append(f"its CRDs ({', '.join(groups)}) with all their objects")
        elif chart not in KNOWN_CHARTS:
            found.append(f"CRDs, if {chart or source.path or source.repo_url} has any")
    return tuple(dict.fromkeys(found))


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
