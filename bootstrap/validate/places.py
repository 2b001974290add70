"""Where a problem is: its file and line, and whether a comment there suppresses it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any

from bootstrap.manifests.reader import compose, line_in
from bootstrap.repository.comments import Comments
from bootstrap.repository.files import Files
from bootstrap.repository.kustomize import NAMES, file_of
from bootstrap.repository.patched import Candidates, patch_line, scalar_at, written
from bootstrap.validate.rule import Finding, Problem

KEPT = 16
"""Files whose nodes are kept in memory: problems are often in a few large ones, alternately."""


class Places:
    """Turns problems into findings: file, line, and whether a comment suppresses them."""

    def __init__(self, files: Files, candidates: Candidates | None = None) -> None:
        """`candidates` returns the files that may have a patch for the objects of an Application."""
        self._files = files
        self._candidates = candidates
        self._comments: dict[str, Comments] = {}
        self._composed: dict[str, list[Any]] = {}

    def place(self, problem: Problem) -> Finding | None:
        """The finding; None when a comment in the file suppresses it."""
        resource, rule = problem.resource, problem.rule
        line = resource.line
        if resource.file and self._is_suppressed(rule.id, resource.file, line, line):
            return None
        if line and posixpath.basename(resource.file) not in NAMES and problem.path:
            line = max(line, self._line(resource.file, resource.document, problem.path))
            if self._is_suppressed(rule.id, resource.file, line, resource.line):
                return None
        file, line = self._patched(problem) or (resource.file, line)
        if file != resource.file and self.comments(file).covers(rule.id, line, line):
            return None
        return Finding(
            rule.id,
            problem.severity,
            problem.message,
            problem.fix,
            file,
            line,
            str(resource),
            resource.application,
        )

    def _patched(self, problem: Problem) -> tuple[str, int] | None:
        """The line of the patch that sets a field; None when the object's own file does."""
        resource, path = problem.resource, problem.path
        if not path or not resource.line or self._candidates is None or not resource.application:
            return None
        path, value = scalar_at(resource.body, path)
        if value is None or posixpath.basename(resource.file) in NAMES:
            return None
        if value == written(self._nodes(resource.file), resource.document, path):
            return None
        others = (name for name in self._candidates(resource.application) if name != resource.file)
        return patch_line(self._files, others, path[-1], value)

    def _line(self, file: str, document: int, path: Sequence[str | int]) -> int:
        """The line of a field."""
        return line_in(self._nodes(file), document, path)

    def _nodes(self, file: str) -> list[Any]:
        """A file's nodes; the most recent ones are kept for further problems in them."""
        if file not in self._composed:
            if len(self._composed) >= KEPT:
                self._composed.pop(next(iter(self._composed)))
            self._composed[file] = compose(self._files.read(file))
        return self._composed[file]

    def _is_suppressed(self, rule: str, file: str, line: int, document: int) -> bool:
        """By a comment in the file, or on the entry of the kustomization that names it."""
        if self.comments(file).covers(rule, line, document):
            return True
        folder, name = posixpath.split(file)
        own = file_of(self._files, folder)
        return own is not None and own != file and self.comments(own).covers_entry(rule, name)

    def comments(self, file: str) -> Comments:
        if file not in self._comments:
            known = self._files.has(file)
            self._comments[file] = Comments(self._files.read(file) if known else b"")
        return self._comments[file]
