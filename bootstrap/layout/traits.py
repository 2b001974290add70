"""Pure: what a component declares on its Applications, and what that means for a choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.core import next_run
from bootstrap.core.errors import RefusedError
from bootstrap.core.names import is_own_source
from bootstrap.layout.components import Component
from bootstrap.manifests.reader import documents

PREFIX = "gitops-bootstrap.io/"
WAVE = "argocd.argoproj.io/sync-wave"


@dataclass(frozen=True)
class Traits:
    """`provides` are capabilities (two components with the same one are alternatives); `expects` are
    capabilities that most clusters have anyway; `charts` is chart → version."""

    provides: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    secrets: bool = False
    waves: tuple[int, ...] = ()
    charts: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Choice:
    """What is switched, in order; `because` has, for each that was not named, the one that needs it."""

    switched: tuple[str, ...]
    because: Mapping[str, str]
    notes: tuple[str, ...] = ()


def combined(applications: Iterable[Mapping[str, Any]]) -> Traits:
    """The declarations of a component's Applications, combined."""
    lists: dict[str, list[str]] = {key: [] for key in ("provides", "requires", "conflicts", "expects")}
    warnings, waves, charts, secrets = [], [], {}, False
    for application in applications:
        annotations = application["metadata"].get("annotations") or {}
        for key, values in lists.items():
            text = str(annotations.get(PREFIX + key) or "")
            values += [
                part.strip() for part in text.split(",") if part.strip() and part.strip() not in values
            ]
        if warning := annotations.get(f"{PREFIX}warning"):
            warnings.append(str(warning))
        secrets = secrets or f"{PREFIX}secrets" in annotations
        waves.append(int(annotations.get(WAVE) or 0))
        for source in application["spec"].get("sources") or ():
            if not is_own_source(source):
                name = source.get("chart") or source.get("path") or source["repoURL"]
                charts[str(name)] = str(source.get("targetRevision"))
    return Traits(
        **{key: tuple(values) for key, values in lists.items()},
        warnings=tuple(warnings),
        secrets=secrets,
        waves=tuple(sorted(set(waves))),
        charts=charts,
    )


def traits_of(read: Callable[[str], bytes | None], folder: str, component: Component) -> Traits:
    """The declarations of a component's Applications; `folder` is the cluster's, `read` returns a file."""
    place = component.folder(folder)
    found: list[Mapping[str, Any]] = []
    for path in (f"{place}/application.yaml", f"{place}/applications.yaml"):
        if (text := read(path)) is not None:
            found += [item for item in documents(text, path) if item.get("kind") == "Application"]
    return combined(found)


def to_enable(
    offers: Mapping[str, Component],
    known: Mapping[str, Traits],
    names: Iterable[str],
    both: bool = False,
    undo: str | None = None,
) -> Choice:
    """The components to switch on for `names`, each after what it requires.

    Raises RefusedError when one excludes another that is on (`both` allows alternatives);
    `undo` is what to do about the other one, with {} for its name.
    """
    on = {name for name, component in offers.items() if component.on}
    order: list[str] = []
    because: dict[str, str] = {}
    asked = list(names)

    def add(name: str, for_: str | None) -> None:
        if name in on or name in order:
            return
        if for_ is not None and name not in asked:
            because[name] = for_
        for needed in known[name].requires:
            _check_offered(needed, name, offers)
            add(needed, name)
        order.append(name)

    for name in asked:
        add(name, None)
    for name in order:
        _check_goes_with(name, on | set(order), known, both, undo)
    notes = [f"{name}: {warning}" for name in order for warning in known[name].warnings]
    given = {one for name in on | set(order) if name in known for one in known[name].provides}
    notes += [
        f"{name} expects the cluster to provide: {', '.join(left)}"
        for name in order
        if (left := [one for one in known[name].expects if one not in given])
    ]
    return Choice(tuple(order), because, tuple(notes))


def _undo(other: str, undo: str | None) -> str:
    """What to do about a component that is on."""
    return undo.format(other) if undo else f"first: {next_run.command('component disable', other)}"


def secrets_note(choice: Choice, known: Mapping[str, Traits]) -> tuple[str, ...]:
    """What is left to do for the Secrets of what is switched on outside `init`, which creates them."""
    if any(known[name].secrets for name in choice.switched):
        return ("the next `bootstrap init … --cluster-only` creates its Secrets",)
    return ()


def to_disable(offers: Mapping[str, Component], known: Mapping[str, Traits], names: Iterable[str]) -> Choice:
    """The components to switch off; RefusedError when one that stays on requires one of them."""
    going = [name for name in names if offers[name].on]
    left = _standing_on(set(going), offers, known)
    if left:
        needed = sorted(set(known[left[0]].requires) & set(going)) or going
        raise RefusedError(
            f"switching {needed[0]} off",
            f"{', '.join(left)}, which {'is' if len(left) == 1 else 'are'} on, cannot run without it",
            f"switch them off together: {next_run.command('component disable', *going, *left)}",
        )
    return Choice(tuple(going), {})


def _standing_on(going: set[str], offers: Mapping[str, Component], known: Mapping[str, Traits]) -> list[str]:
    """Components that are on, stay, and require one that is switched off, directly or indirectly."""
    left: list[str] = []
    while True:
        more = [
            name
            for name, component in offers.items()
            if component.on
            and name not in going
            and name not in left
            and set(known[name].requires) & {*going, *left}
        ]
        if not more:
            return left
        left += more


def _check_offered(needed: str, by: str, offers: Mapping[str, Component]) -> None:
    if needed not in offers:
        raise RefusedError(
            f"switching {by} on",
            f"it requires {needed}, but the cluster's kustomization has no line for it",
            f"add the line of {needed} back, on or as a comment",
        )


def _check_goes_with(
    name: str, on: set[str], known: Mapping[str, Traits], both: bool, undo: str | None
) -> None:
    mine = known[name]
    for other in sorted(on - {name}):
        theirs = known[other]
        if other in mine.conflicts or name in theirs.conflicts:
            raise RefusedError(
                f"switching {name} on",
                f"it cannot run together with {other}",
                _undo(other, undo),
            )
        shared = sorted(set(mine.provides) & set(theirs.provides))
        if shared and not both:
            raise RefusedError(
                f"switching {name} on",
                f"{other} is on and provides {shared[0]}, too",
                _undo(other, undo) if undo else f"{_undo(other, undo)}; or add --both to have both",
            )
