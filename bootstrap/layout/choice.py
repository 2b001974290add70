"""Pure: what `init --with` switches on: the named and required components, of `all` the compatible ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bootstrap.core.errors import RefusedError
from bootstrap.layout import components
from bootstrap.layout import traits as component_traits
from bootstrap.layout.components import ALL, Component
from bootstrap.layout.edits import ARGOCD
from bootstrap.layout.traits import Traits

_WITHOUT = "add --without {} to remove it"


@dataclass(frozen=True)
class Resolved:
    """The components to switch on, by name, and notes about the choice."""

    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def offered(
    tip: Mapping[str, bytes], catalog: Mapping[str, bytes], prefix: str, cluster: str
) -> dict[str, Component]:
    """The components that the cluster's kustomization names, and those that only the catalog's names."""
    mine = tip.get(f"{prefix}clusters/{cluster}/kustomization.yaml", b"")
    theirs = components.offered(catalog["clusters/default/kustomization.yaml"])
    known = components.offered(mine)
    # In an existing layout, what its kustomization does not name is off.
    return {**{name: replace(item, on=item.on and not known) for name, item in theirs.items()}, **known}


def resolve(
    offers: Mapping[str, Component],
    read: Callable[[str], bytes | None],
    on: Sequence[str],
    off: Sequence[str],
) -> Resolved:
    """`on` with what it requires; `all` in it means all compatible components, the first of alternatives.

    `read` returns a file of the layout. Raises InputError for an unknown name, RefusedError where one that
    is named excludes another that is on, or requires one that is in `off`.
    """
    components.choose(dict(offers), on, "--with")
    if not on or set(on) & set(off):  # the settings refuse what is in both
        return Resolved(tuple(on))
    known = {name: component_traits.traits_of(read, "clusters/x", item) for name, item in offers.items()}
    state = {name: replace(item, on=item.on and name not in off) for name, item in offers.items()}
    named = [name for name in on if name != ALL]
    choice = component_traits.to_enable(state, known, named, undo=_WITHOUT)
    for name in choice.switched:
        if name in off:
            found = f"it requires {name}, which --without switches off"
            raise RefusedError(f"switching {choice.because.get(name, name)} on", found, "omit one of the two")
    notes = [f"{name} is switched on because {by} requires it" for name, by in choice.because.items()]
    notes += choice.notes
    names = list(dict.fromkeys([*named, *choice.switched]))
    if ALL in on:
        more, left = _all(state, known, names, off)
        names += more
        notes += (
            [f"left out of all: {'; '.join(f'{name} ({why})' for name, why in left.items())}"] if left else []
        )
    return Resolved(tuple(names), tuple(notes))


def _all(
    state: Mapping[str, Component], known: Mapping[str, Traits], names: Sequence[str], off: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Every other component that is compatible with what is on, in order; and why the rest was left out."""
    taken = {name for name, item in state.items() if item.on} | set(names)
    more: list[str] = []
    left: dict[str, str] = {}
    for name in state:
        if name in taken or name in off or name == ARGOCD:
            continue
        if missing := sorted(_needs(name, known) & set(off)):
            left[name] = f"it requires {missing[0]}"
            continue
        now = {other: replace(item, on=other in taken) for other, item in state.items()}
        try:
            switched = component_traits.to_enable(now, known, [name]).switched
        except RefusedError as error:
            left[name] = error.found
            continue
        more += switched
        taken |= set(switched)
    return more, left


def _needs(name: str, known: Mapping[str, Traits]) -> set[str]:
    """What a component requires, directly or through another."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        traits = known.get(waiting.pop())
        new = set(traits.requires) - found if traits else set()
        found |= new
        waiting += new
    return found
