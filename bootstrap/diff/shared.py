"""Changed files that several Applications are made of."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from bootstrap.core.text import counted
from bootstrap.diff.compare import Change
from bootstrap.diff.matters import Matter
from bootstrap.repository.coverage import content
from bootstrap.repository.model import Repository, Scope
from bootstrap.resources.applications import referenced_values

_MANY = 3
"""A file that changes at least this many Applications is reported."""
_APPLICATION = "Application "

Side = tuple[Repository, Iterable[Scope]]


def shared(before: Side, after: Side, changes: Sequence[Change]) -> Iterator[Matter]:
    """For each changed file: the Applications that change and are made of it, if they are many.

    An Application whose own object changes is made of the file that it is in; if that file is the same as
    before, of whatever changed among the files of the Application that applies it, such as a patch.
    """
    readers: dict[str, set[str]] = defaultdict(set)
    defined: dict[str, str] = {}
    owners: dict[str, str] = {}
    for repository, scopes in (before, after):
        for scope in scopes:
            for placement in scope.placements:
                for path in repository.units[placement.unit.key].closure:
                    readers[path].add(placement.application)
            for name, application in scope.by_name.items():
                defined[name], owners[name] = application.file, application.application
                for _, _, path in referenced_values(application.body, repository.urls):
                    readers[posixpath.normpath(path)].add(name)
    edited = {
        path
        for path in {*readers, *defined.values()}
        if path and content(before[0], path) != content(after[0], path)
    }
    changing = {one.application for one in changes if not one.object.startswith(_APPLICATION)} - {""}
    redefined = {
        one.object.removeprefix(_APPLICATION) for one in changes if one.object.startswith(_APPLICATION)
    }
    for file in sorted(edited):
        names = readers[file] & changing
        for name in redefined:
            own = defined.get(name, "")
            if own == file or (own not in edited and owners.get(name) in readers[file]):
                names.add(name)
        if len(names) >= _MANY:
            few = ", ".join(sorted(names)[:_MANY])
            more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
            yield Matter("shared", f"{counted(len(names), 'Application')} change: {few}{more}", where=file)
