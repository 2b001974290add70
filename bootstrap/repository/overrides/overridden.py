"""Pure: the files next to manifests that change an Application's source (`.argocd-source.yaml`)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bootstrap.repository.files import Files
from bootstrap.resources.applications import Source
from bootstrap.resources.index import mapping

_FIXED = ("chart", "path", "repoURL", "targetRevision")
"""What such a file cannot change."""


def overridden(source: Source, files: Files, application: str) -> Source:
    """The source with the JSON merge patches in its folder; `application` is its name in Argo CD.

    After `reposerver/repository/repository.go: mergeSourceParameters`.
    """
    if source.path is None:
        return source
    body = source.body
    for name in (".argocd-source.yaml", f".argocd-source-{application}.yaml"):
        path = posixpath.normpath(posixpath.join(source.folder, name))
        if files.has(path):
            body = mapping(_patched(body, files.mapping(path) or {}))
    if body is source.body:
        return source
    rest = {key: value for key, value in body.items() if key not in _FIXED}
    kept = {key: source.body[key] for key in _FIXED if key in source.body}
    return replace(source, body={**rest, **kept})


def _patched(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _patched(found.get(key), value)
    return found
