"""The Applications of each Argo CD, before a change and after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bootstrap.diff.compare import Key
from bootstrap.diff.deletion import Applications, Fleet, tracks_by_label
from bootstrap.diff.unseen import is_asked_anew
from bootstrap.repository.coverage import unread_of
from bootstrap.repository.model import Repository, Scope
from bootstrap.resources.index import APPLICATION_SET, Resource
from bootstrap.resources.pods import is_hook

_SET = "ApplicationSet "

Side = tuple[Repository, Iterable[Scope]]


def fleet(before: Side | None, after: Side | None, objects: Mapping[Key, Resource]) -> Fleet:
    """Those of both sides, None for a side that there is not; `objects` are those after the change."""
    sides = [{scope.name: scope for scope in side[1]} if side else {} for side in (before, after)]
    both = before is not None and after is not None
    found = {}
    for name in {**sides[0], **sides[1]}:
        old, new = (side.get(name) for side in sides)
        here = [one for key, one in objects.items() if key[0].rpartition(" ")[0] == name]
        broken_before = broken_in(before[0], old) if both and before and old else {}
        broken = broken_in(after[0], new) if both and after and new else {}
        known = new.by_name if new else {}
        parts = {one.application: one.what for one in reversed(unread_of([new]))} if new else {}
        unread = parts.keys()
        was = old.by_name if old else {}
        full = {one.application for one in here if not is_hook(one)}
        found[name] = Applications(
            was,
            known,
            broken,
            frozenset(broken_before),
            tracks_by_label(here),
            frozenset({*known} - {*broken} - unread - full),
            old.sets if old else {},
            {f"{one.namespace}/{one.name}": one for one in here if one.kind == APPLICATION_SET},
            frozenset(one.what.removeprefix(_SET) for one in new.unknown if one.what.startswith(_SET))
            if new
            else frozenset(),
            {
                one: what
                for one, what in parts.items()
                if one in known and is_asked_anew(was.get(one), known[one])
            },
        )
    return Fleet(found)


def broken_in(repository: Repository, scope: Scope) -> dict[str, str]:
    """Applications of which something cannot be rendered → the reason."""
    found: dict[str, str] = {}
    names = {name for part in scope.unreadable.values() for name in part}
    for placement in scope.placements:
        faults = repository.units[placement.unit.key].faults
        if placement.application in names and faults:
            why = f"{placement.unit.path or '.'}: {faults[0][1].message}"
            found.setdefault(placement.application, why)
    return found
