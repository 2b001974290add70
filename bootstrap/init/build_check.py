"""Builds the result of a merge before it is pushed: clusters and overlays, with kustomize."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bootstrap.core import scratch
from bootstrap.core.invocation import Invocation
from bootstrap.init.preflight import Finding
from bootstrap.repository.store import open_store
from bootstrap.repository.tools import Overlay, build_many, kustomize
from bootstrap.repository.unit import stamp

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
    key, store = _key(files, folders, program), open_store(invocation)
    try:
        if store.has(key):
            return {}
        errors = _built(files, folders, program, invocation)
        if not errors:
            store.put(key, True)
    finally:
        store.close()
    return errors


def _key(files: Files, folders: Sequence[str], program: str) -> str:
    """Of what is built, and by which program: that all of it builds is remembered for the next run."""
    state = Path(program).stat()
    made_of = f"{stamp()} {program} {state.st_size} {state.st_mtime_ns} {list(folders)}"
    digest = hashlib.sha256(made_of.encode("utf-8", "surrogateescape"))
    for path, content in sorted(files.items()):
        digest.update(f"\0{path}\0{hashlib.sha256(content).hexdigest()}".encode("utf-8", "surrogateescape"))
    return f"builds:{digest.hexdigest()}"


def _built(files: Files, folders: Sequence[str], program: str, invocation: Invocation) -> dict[str, str]:
    place = invocation.environ.get("TMPDIR") or scratch.in_memory(map(len, files.values()))
    with scratch.folder("merged", place) as root:
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        built = build_many(root, [Overlay(folder) for folder in folders], program)
    return {folder: one.error for folder, one in zip(folders, built, strict=True) if one.error is not None}
