"""Pure: the annotation manifest-generate-paths of an Application, computed from what it really reads.

Argo CD renders an Application again only when a commit touches one of these paths. A missing path
leaves it stale; a superfluous path costs a render.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.core.names import is_own_source
from bootstrap.repository.kustomize import Tree, closure

REFERENCE = "$repo/"


def files_read(application: Mapping[str, Any], tree: Tree) -> frozenset[str]:
    """Every file of this repository (core.names.is_own_source) that the Application's manifests come from."""
    found: set[str] = set()
    for source in application["spec"]["sources"]:
        helm = source.get("helm") or {}
        found.update(
            name.removeprefix(REFERENCE)
            for name in helm.get("valueFiles") or ()
            if str(name).startswith(REFERENCE)
        )
        if is_own_source(source) and "path" in source:
            folder = posixpath.normpath(source["path"])
            # Without a kustomization, the folder's own files are what is applied.
            found.update(closure(tree, folder).files or tree.below(folder))
    return frozenset(found)


def annotation(application: Mapping[str, Any], tree: Tree, home: str) -> str:
    """The annotation's value: the folders of what is read, none below another.

    Folders, not files: a file such as values-ha.yaml can be switched on by one line elsewhere.
    An Application that reads nothing here gets its own folder, `home`, so that other commits do not matter.
    """
    folders = {posixpath.dirname(path) for path in files_read(application, tree)} or {home}
    return ";".join(f"/{folder}" for folder in sorted(_outermost(folders)))


def _outermost(folders: Iterable[str]) -> set[str]:
    known = set(folders)
    return {folder for folder in known if not any(folder.startswith(f"{other}/") for other in known)}
