"""Builds the result of a merge before it is pushed: clusters and overlays, with kustomize."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence

from bootstrap.core import scratch
from bootstrap.core.invocation import Invocation
from bootstrap.init.preflight import Finding
from bootstrap.repository.tools import Overlay, build_many, kustomize

_BUILT = re.compile(r"(?:clusters/[^/]+|apps/[^/]+/(?:overlays|applications)/[^/]+)/kustomization\.yaml")

Files = Mapping[str, bytes]


def findings(
    before: Files, after: Files, prefix: str, invocation: Invocation, report: Callable[[str], None]
) -> list[Finding]:
    """A cluster or overlay that would no longer build prevents the push; one that did not before is reported.

    Raises the errors of fetching kustomize when it is neither on PATH nor in the cache.
    """
    folders = [
        posixpath.dirname(path)
        for path in sorted(after)
        if path.startswith(prefix) and _BUILT.fullmatch(path[len(prefix) :])
    ]
    errors = _errors(after, folders, invocation, report)
    known = _errors(before, [folder for folder in errors if _is_there(before, folder)], invocation, report)
    return [
        Finding(
            f"{folder} does not build: {error}",
            "fix what kustomize reports, in the repository, and run again",
            fatal=folder not in known,
        )
        for folder, error in errors.items()
    ]


def _is_there(files: Files, folder: str) -> bool:
    return f"{folder}/kustomization.yaml" in files


def _errors(
    files: Files, folders: Sequence[str], invocation: Invocation, report: Callable[[str], None]
) -> dict[str, str]:
    """Folder → why it does not build, for those that do not."""
    if not folders:
        return {}
    program = kustomize(invocation, report)
    with scratch.folder("merged", invocation.environ.get("TMPDIR")) as root:
        for path, content in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        built = build_many(root, [Overlay(folder) for folder in folders], program)
    return {folder: one.error for folder, one in zip(folders, built, strict=True) if one.error is not None}
