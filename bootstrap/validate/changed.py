"""Which findings concern changed files, deleted ones included."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Iterator, Sequence

from bootstrap.repository.model import Placement, Repository
from bootstrap.validate.rule import Finding
from bootstrap.validate.rules.apps import PATH, VALUES
from bootstrap.validate.rules.files import BUILD, MISSING

_NAMING = {BUILD.id, MISSING.id, PATH.id, VALUES.id}
"""Rules whose messages name what is missing: they are reported in files that did not change."""
_GONE = re.compile(r"no such file|not a directory|must build at directory|doesn't exist")
_WORDS = re.compile(r"[^\s'\"`,;()]+")


def concerned(
    repository: Repository, findings: Sequence[Finding], changed: Collection[str], rules: Collection[str] = ()
) -> list[Finding]:
    """The findings in changed files, and those of Applications that depend (or depended) on one.

    `changed` are paths from the repository's top, `rules` those whose own definition changed.
    """
    root = repository.files.root
    gone = {path for path in changed if not os.path.lexists(root / path)}
    folders = {folder for path in gone for folder in _above(path)}
    missed = [
        one for one in findings if gone and one.rule in _NAMING and _names(one, gone | folders, str(root))
    ]
    files = {*changed, *(one.file for one in missed)}
    touched = {
        placement.application
        for scope in repository.scopes
        for placement in scope.placements
        if placement.application
        and (
            files.intersection(repository.units[placement.unit.key].closure)
            or _was_applied(placement, folders)
        )
    }
    return [one for one in findings if one.file in files or one.application in touched or one.rule in rules]


def _above(path: str) -> Iterator[str]:
    """The folders that a file is in, except the top."""
    while path := posixpath.dirname(path):
        yield path


def _was_applied(placement: Placement, folders: Collection[str]) -> bool:
    """Whether a file was deleted from a folder that is applied as a whole, so that no file names it."""
    return placement.unit.tool != "kustomize" and placement.unit.path in folders


def _names(finding: Finding, gone: Collection[str], root: str) -> bool:
    """Whether what a finding misses was deleted; also when a program only says that something is missing."""
    folder = posixpath.dirname(finding.file)
    for word in _WORDS.findall(finding.message):
        name = word.rstrip(".:").removeprefix(f"{root}/")
        if {posixpath.normpath(name), posixpath.normpath(posixpath.join(folder, name))} & set(gone):
            return True
    return finding.rule == BUILD.id and _GONE.search(finding.message) is not None
