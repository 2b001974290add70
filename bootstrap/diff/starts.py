"""What a change moves from one start to another: the same objects, not others that come and go.

What leads to objects is a part of their key: a folder that a person applies, or a cluster's kustomization. A
change may rename it; or it takes a folder out of what a cluster reads, which is then read as one by itself,
although nobody applies it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from bootstrap.diff.compare import Key, is_same
from bootstrap.repository.model import Scope
from bootstrap.resources.index import Resource, mapping

Objects = dict[Key, Resource]


def rename(old: Sequence[Scope], new: Sequence[Scope]) -> None:
    """Give a start that is elsewhere after the change its new name before it, too.

    It is the one that applies at least half of the same Applications.
    """
    names = {one.name for one in old}, {one.name for one in new}
    gone = [one for one in old if one.name not in names[1]]
    for scope in [one for one in new if one.name not in names[0]]:
        alike = [one for one in gone if _alike(one, scope)]
        if len(alike) == 1:
            gone.remove(alike[0])
            alike[0].name = scope.name


def _alike(one: Scope, other: Scope) -> bool:
    same = one.by_name.keys() & other.by_name.keys()
    return one.complete == other.complete and 2 * len(same) > max(len(one.by_name), len(other.by_name))


def settle(before: Objects, after: Objects, old: Sequence[Scope], new: Sequence[Scope]) -> None:
    """Leave out of both sides what is only read in another place, as in the module's first words."""
    _drop_twins(before, after, old, new)
    names = {one.name for one in old}, {one.name for one in new}
    for here, there, known, loose in (
        (after, before, names[0], _loose(new)),
        (before, after, names[1], _loose(old)),
    ):
        others = _by_name(there, here)
        for key, one in list(here.items()):
            start = _start(key)
            if key in there or start in known or start not in loose:
                continue
            same = [other for other in others[one.kind, one.name] if _is_moved(one, there[other])]
            if not same or (one.application and not any(there[other].application for other in same)):
                continue  # an Application takes over what a person applied: that start is left out below
            if not one.application and all(
                not there[other].application
                and _start(other) not in (names[1] if here is after else names[0])
                for other in same
            ):
                there[key] = there.pop(same[0])  # the same folder under another name
                others[one.kind, one.name].remove(same[0])
            else:
                del here[key]


def _drop_twins(before: Objects, after: Objects, old: Sequence[Scope], new: Sequence[Scope]) -> None:
    """Leave out what is read by itself and is applied, as it is, by an Application: the base of a folder."""
    sides = ((before, _loose(old)), (after, _loose(new)))
    applied = [_applied(side) for side, _ in sides]
    twins = []
    for (side, loose), led in zip(sides, applied, strict=True):
        twins.append(
            {
                key: any(is_same(one.body, other.body) for other in led[_document(one)])
                for key, one in side.items()
                if not one.application and _start(key) in loose
            }
        )
    for key in {**twins[0], **twins[1]}:
        if twins[0].get(key, True) and twins[1].get(key, True):
            before.pop(key, None)
            after.pop(key, None)


def _applied(side: Objects) -> defaultdict[tuple[object, ...], list[Resource]]:
    found: defaultdict[tuple[object, ...], list[Resource]] = defaultdict(list)
    for one in side.values():
        if one.application:
            found[_document(one)].append(one)
    return found


def _document(one: Resource) -> tuple[object, ...]:
    return (one.kind, one.name, one.file, one.document, one.line)


def _by_name(side: Mapping[Key, Resource], other: Collection[Key]) -> defaultdict[tuple[str, str], list[Key]]:
    """The keys of what is only on one side."""
    found: defaultdict[tuple[str, str], list[Key]] = defaultdict(list)
    for key, one in side.items():
        if key not in other:
            found[one.kind, one.name].append(key)
    return found


def _is_moved(one: Resource, other: Resource) -> bool:
    """Whether what is read by itself is the other in another place: of the same file, or the same."""
    if one.file and one.file == other.file:
        return True
    bodies = ({**each.body, "metadata": None} for each in (one, other))
    anywhere = not mapping(one.body.get("metadata")).get("namespace")
    return (anywhere or one.namespace == other.namespace) and is_same(*bodies)


def _loose(scopes: Sequence[Scope]) -> set[str]:
    return {one.name for one in scopes if not one.complete}


def _start(key: Key) -> str:
    return key[0].rpartition(" ")[0]
