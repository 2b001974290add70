"""Finds the line where an object of a rendered unit is written."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.manifests.reader import line_of
from bootstrap.repository import kustomize
from bootstrap.repository.files import Files
from bootstrap.resources.index import mapping
from bootstrap.resources.pods import WORKLOADS

_PODS = {kind.partition(".")[0] for kind in WORKLOADS}


class Finder:
    """Finds the document of a file that an object was made from."""

    def __init__(self, files: Files, closure: Sequence[str]) -> None:
        self._files, self._closure = files, closure
        self._headers: dict[str, list[tuple[str, str, str, int, int]]] = {}

    def find(self, file: str, body: Mapping[str, Any], name: str) -> tuple[str, int, int]:
        """(file, document, line); the name may have gained a prefix, suffix or hash, and the kind a patch."""
        if not file or not self._files.has(file):
            return file, 0, 0
        kind = str(body.get("kind"))
        namespace = str(mapping(body.get("metadata")).get("namespace") or "")
        headers = self._of(file)
        same = [item for item in headers if item[0] == kind]
        if not same and (line := self._generator(file, kind, name)):
            return file, 0, line
        if not same and posixpath.basename(file) in kustomize.NAMES:
            return self._lost(file, kind, name)
        for wanted in (
            [item for item in same if item[2] == name and item[1] == namespace],
            [item for item in same if item[2] == name],
            [item for item in same if item[2] and item[2] in name],
            same,
            [item for item in headers if item[0] in _PODS and item[2] and item[2] in name],
            [item for item in headers if item[2] and item[2] in name],
        ):
            if wanted:
                return file, wanted[0][3], wanted[0][4]
        return file, 0, 1

    def _lost(self, file: str, kind: str, name: str) -> tuple[str, int, int]:
        """Where an object is whose origin a patch has removed: in the only file that has it, if any."""
        found = [
            (path, item[3], item[4])
            for path in self._closure
            if path.endswith((".yaml", ".yml")) and posixpath.basename(path) not in kustomize.NAMES
            for item in self._of(path)
            if item[0] == kind and item[2] and (name == item[2] or name.endswith(f"-{item[2]}"))
        ]
        return found[0] if len({path for path, _, _ in found}) == 1 else (file, 0, 1)

    def _generator(self, file: str, kind: str, name: str) -> int:
        """The line of the generator of a ConfigMap or Secret; 0 without one."""
        field = {"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}.get(kind, "")
        items = (self._files.mapping(file) or {}).get(field)
        for number, item in enumerate(items if isinstance(items, list) else ()):
            own = str(mapping(item).get("name") or "")
            if own and (name == own or name.startswith(f"{own}-") or f"-{own}-" in name):
                return line_of(self._files.read(file), 0, (field, number))
        return 0

    def _of(self, file: str) -> list[tuple[str, str, str, int, int]]:
        if file not in self._headers:
            headers = []
            for document in self._files.parsed(file).documents:
                value = document.value
                items = value.get("items") if isinstance(value, dict) else None
                for body in items if isinstance(items, list) else [value]:
                    if isinstance(body, dict):
                        metadata = mapping(body.get("metadata"))
                        headers.append(
                            (
                                str(body.get("kind")),
                                str(metadata.get("namespace") or ""),
                                str(metadata.get("name") or ""),
                                document.number,
                                document.line,
                            )
                        )
            self._headers[file] = headers
        return self._headers[file]
