"""Pure: whether a commit concerns an Application, by the paths that its annotation names."""

from __future__ import annotations

from collections.abc import Collection

from bootstrap.argocd.reason import Application
from bootstrap.core.names import GENERATE_PATHS


def concerned(application: Application, changed: Collection[str]) -> bool:
    """Whether Argo CD has to look at it again after a commit that changed these files of its repository.

    True where that is unknown: without the annotation, or with relative paths or patterns in it.
    """
    text = str((application["metadata"].get("annotations") or {}).get(GENERATE_PATHS) or "")
    paths = [path.strip() for path in text.split(";") if path.strip()]
    if not paths or any(not path.startswith("/") or set("*?[") & set(path) for path in paths):
        return True
    folders = [path.strip("/") for path in paths]
    return any(
        not folder or file == folder or file.startswith(f"{folder}/")
        for folder in folders
        for file in changed
    )
