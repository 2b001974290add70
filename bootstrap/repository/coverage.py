"""What of a repository was read, and what was not and why: every command reports it in the same words."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator

from bootstrap.core.text import counted
from bootstrap.repository import leftovers
from bootstrap.repository.charts.identity import values_of
from bootstrap.repository.coverage_line import Coverage, Part
from bootstrap.repository.model import Placement, Repository, Scope, Unknown
from bootstrap.resources.applications import Source, is_here, sources

_TEMPLATES = "templates of another program, not manifests"
_TEST_DATA = "test data, which nothing applies"
_OFF = "switched off in a kustomization that would change them: what they lack is not reported"
_UNNAMED = "no Application names it"
_NESTED = "a separate Git repository"


def coverage_of(repository: Repository, scopes: Iterable[Scope] | None = None) -> Coverage:
    """What was read of some scopes (all by default), in the folder that was named."""
    chosen = list(repository.scopes if scopes is None else scopes)
    names = {(scope.name, name) for scope in chosen for name in _applications(repository, scope)}
    objects = sum(
        sum(map(repository.is_within, (fact[3] for fact in repository.units[one.unit.key].facts)))
        if repository.within
        else len(repository.units[one.unit.key].facts)
        for scope in chosen
        for one in scope.placements
    )
    return Coverage(len(names), objects, tuple(_parts(repository, chosen)))


def _applications(repository: Repository, scope: Scope) -> Iterator[str]:
    for name, application in scope.by_name.items():
        if repository.is_within(application.file) or any(
            one.application == name and repository.concerns(one) for one in scope.placements
        ):
            yield name


def _parts(repository: Repository, scopes: Iterable[Scope]) -> Iterator[Part]:
    for one in unread_of(scopes, lambda file: not file or repository.is_within(file)):
        yield Part(one.application, one.what, one.why, one.file, one.line)
    for paths, why in (
        (repository.templated, _TEMPLATES),
        (repository.test_data, _TEST_DATA),
        (sorted(repository.switched_off), _OFF),
    ):
        if here := [path for path in paths if repository.is_within(path)]:
            first = f", the first {here[0]}" if len(here) > 1 else f" {here[0]}"
            yield Part("", f"{counted(len(here), 'file')}{first}", why, here[0], 1)
    for folder in sorted(repository.files.nested):
        if repository.is_within(folder):
            yield Part("", folder, _NESTED, folder, 0)
    charts = [path for path in repository.files.named("Chart.yaml") if repository.is_within(path)]
    if charts and not repository.scopes:
        folder = posixpath.dirname(charts[0]) or "."
        named = (
            f"{counted(len(charts), 'chart')}, the first {folder}" if len(charts) > 1 else f"chart {folder}"
        )
        yield Part("", named, _UNNAMED, charts[0], 1)


def unread_of(scopes: Iterable[Scope], of: Callable[[str], bool] = lambda _: True) -> list[Unknown]:
    """What was not read of some scopes, each thing of an Application once: folders share what is unread.

    `of` says of a file whether what it names counts.
    """
    found: dict[tuple[str, str, str], Unknown] = {}
    for scope in scopes:
        for one in scope.unknown:
            key = (one.application, one.what, one.why)
            if key not in found and of(one.file):
                found[key] = one
    return list(found.values())


_MANIFEST = re.compile(r"^(?!(?:.*/)?\.(?!argocd-source)).*\.(?:ya?ml|tpl)$")
"""In no hidden folder, and not hidden itself."""
_VALUES = re.compile(r"(?:^|[-_./])values[^/]*\.ya?ml$|(?:^|/)\.argocd-source[^/]*$")
_CHART = "Chart.yaml"
_OBJECT = re.compile(rb"^apiVersion:.*^kind:|^kind:.*^apiVersion:", re.MULTILINE | re.DOTALL)


def unread_files(repository: Repository) -> dict[str, str]:
    """Files that affect something that was not read → what that is, with the reason."""
    found: dict[str, str] = {}
    for scope in repository.scopes:
        for placement in scope.placements:
            for path, why in _of_placement(repository, placement):
                found.setdefault(path, why)
        reasons = {one.application: f"{one.what}: {one.why}" for one in reversed(scope.unknown)}
        for name, application in scope.by_name.items():
            if name not in reasons:
                continue
            for path in values_of(repository.files, application, repository.urls):
                found.setdefault(path, reasons[name])
            for source in sources(application.body):
                if source.path and is_here(source, repository.urls) and not _is_read(scope, name, source):
                    for path in repository.files.below(source.folder):
                        found.setdefault(path, reasons[name])
    return found


def _of_placement(repository: Repository, placement: Placement) -> Iterator[tuple[str, str]]:
    """The files of what could not be read completely, except those that objects were read from."""
    unit = repository.units[placement.unit.key]
    if not unit.opaque:
        return
    read = {fact[3] for fact in unit.facts}
    why = f"{placement.unit.path or '.'}: {unit.faults[0][1].message}" if unit.faults else "it is broken"
    for path in unit.closure:
        if path not in read:
            yield path, why


def _is_read(scope: Scope, application: str, source: Source) -> bool:
    return any(
        one.application == application and (one.unit.path or "") == source.folder for one in scope.placements
    )


def changed(before: Repository, after: Repository) -> list[tuple[str, str]]:
    """(file, why it was not read) of what changed between two readings without showing in an object."""
    one, other = unread_files(before), unread_files(after)
    other.update(_unapplied(before, after, one.keys() | other.keys()))
    return [
        (path, other.get(path) or one[path])
        for path in sorted({*one, *other})
        if content(before, path) != content(after, path)
    ]


def _unapplied(before: Repository, after: Repository, known: Collection[str]) -> dict[str, str]:
    """Changed files of charts, values and manifests that nothing reads, outside of `known` → why."""
    sides = (before, after)
    reached = {path for side in sides for unit in side.units.values() for path in unit.closure}
    found = {
        path
        for path in {*before.files.stats, *after.files.stats} - reached - set(known)
        if _MANIFEST.search(path) and content(before, path) != content(after, path)
    }
    for side in sides if found else ():
        for scope in side.scopes:
            for one in scope.applications:
                found -= {one.file, *values_of(side.files, one, side.urls)}
    told = {path: next(filter(None, (_why_unapplied(side, path) for side in sides)), "") for path in found}
    return {path: why for path, why in told.items() if why}


def _why_unapplied(repository: Repository, path: str) -> str:
    """Why a file that nothing reads may still be a part of what a cluster runs; "" if it is none."""
    if not repository.files.has(path) or leftovers.is_test_data(path):
        return ""
    charts = [
        one for one in _above(posixpath.dirname(path)) if repository.files.has(posixpath.join(one, _CHART))
    ]
    makers = {f"chart {one or '.'}" for one in charts}
    for scope in repository.scopes:
        for one in scope.unknown:
            if not one.application and one.what in makers:
                return f"{one.what}: {one.why}"
    if charts or _VALUES.search(path) or _OBJECT.search(repository.files.read(path)):
        return "nothing that was read applies it"
    return ""


def _above(folder: str) -> Iterator[str]:
    """A folder and those that it is in."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def content(repository: Repository, path: str) -> str:
    """The checksum of a file's content, "" if there is none."""
    return repository.files.content_id(path) if repository.files.has(path) else ""
