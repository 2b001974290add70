"""Changed files that several Applications are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from bootstrap.core.text import counted
from bootstrap.diff.compare import Change
from bootstrap.diff.matters import Matter
from bootstrap.repository.charts.identity import values_of
from bootstrap.repository.coverage import content, unread_of
from bootstrap.repository.model import Repository, Scope

_MANY = 3
"""A file is reported if it changes at least this many Applications, or may change them."""
_APPLICATION = "Application "

Side = tuple[Repository, Iterable[Scope]]


def shared(before: Side, after: Side, changes: Sequence[Change]) -> Iterator[Matter]:
    """For each changed file: the Applications that change and are made of it, if they are many.

    An Application whose own object changes is made of the file that it is in; if that file is the same as
    before, of whatever changed among the files of the Application that applies it, such as a patch. Those of
    which something was not read are counted where they are made of the file: they may change.
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
                for path in values_of(repository.files, application, repository.urls):
                    readers[path].add(name)
    edited = {
        path
        for path in {*readers, *defined.values()}
        if path and content(before[0], path) != content(after[0], path)
    }
    changing = {one.application for one in changes if not one.object.startswith(_APPLICATION)} - {""}
    hidden = {one.application for _, scopes in (before, after) for one in unread_of(scopes)} - changing - {""}
    redefined = {
        one.object.removeprefix(_APPLICATION) for one in changes if one.object.startswith(_APPLICATION)
    }
    for file in sorted(edited):
        names = readers[file] & changing
        for name in redefined:
            own = defined.get(name, "")
            if own == file or (own not in edited and owners.get(name) in readers[file]):
                names.add(name)
        unseen = readers[file] & hidden - names
        if len(names) + len(unseen) >= _MANY:
            yield Matter("shared", _told(names, unseen), where=file)


def _told(names: set[str], unseen: set[str]) -> str:
    every = sorted({*names, *unseen})
    few = ", ".join(every[:_MANY]) + (f" and {len(every) - _MANY} more" if len(every) > _MANY else "")
    if not unseen:
        return f"{counted(len(every), 'Application')} change: {few}"
    which = "what changes in them" if not names else f"what changes in {len(unseen)} of them"
    return f"{counted(len(every), 'Application')} are made of it: {few}; {which} is not shown"
