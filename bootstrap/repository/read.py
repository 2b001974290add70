"""Reads a repository: its clusters, their Applications, and everything those would apply.

`read` finds and renders; what was rendered before from the same files is taken from the store. The
result keeps objects in the store and gives them out a cluster, or a namespace, at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

from bootstrap import __version__
from bootstrap.core.invocation import Invocation
from bootstrap.git import revisions
from bootstrap.manifests.reader import Fault
from bootstrap.repository import charts, kustomize
from bootstrap.repository import source as index_sources
from bootstrap.repository.appset import MOST, CannotExpand, expand
from bootstrap.repository.comments import Comments
from bootstrap.repository.discover import YAML, Info, Start, look, named_urls, plain, remotes, starts
from bootstrap.repository.faults import RULE_OF, FileFault
from bootstrap.repository.files import Files, Stat, scan
from bootstrap.repository.model import Options, Placement, Repository, Scope, Unknown, promised
from bootstrap.repository.render import Renderer, lasts
from bootstrap.repository.source import Unit
from bootstrap.repository.store import Store
from bootstrap.repository.unit import stamp
from bootstrap.resources import applications
from bootstrap.resources.applications import Source
from bootstrap.resources.index import APPLICATION, APPLICATION_SET, IN_CLUSTER, Resource

_SAME = 20
"""Applications that apply the same to the same namespace, of which what they apply is looked at."""
_AGAIN = f"{_SAME} other Applications apply the same to the same namespace"
FETCH = "helm fetches charts with --fetch-charts alone"


def read(
    root: Path,
    invocation: Invocation,
    store: Store,
    options: Options,
    report: Callable[[str], None] = lambda _: None,
) -> Repository:
    """Read a repository; `report` is told of what takes long.

    Raises InputError when it cannot be one, never for what is wrong inside it.
    """
    root = Path(os.path.realpath(root))
    record_key = (
        "record:" + hashlib.sha256(f"{__version__} {stamp()}\0{root}\0{options}".encode()).hexdigest()
    )
    record = store.get(record_key)
    files = _scanned(root, invocation, record)
    reader = _Reader(files, invocation, store, options, record or {}, report)
    repository = reader.read()
    if reader.dirty:
        store.put(record_key, reader.record())
    return repository


def _scanned(root: Path, invocation: Invocation, record: Mapping[str, Any] | None) -> Files:
    """The files, without what git ignores; git is asked while they are looked for as the last time."""
    if record is None or not (root / ".git").exists():
        return scan(root, revisions.ignored(root, invocation))
    answers: list[frozenset[str]] = []
    asking = Thread(target=lambda: answers.append(revisions.ignored(root, invocation)))
    asking.start()
    before = frozenset(record["apart"][1])
    try:
        files = scan(root, before)
    finally:
        asking.join()
    ignored = answers[0] if answers else frozenset()
    return files if ignored == before else scan(root, ignored)


class _Reader:
    """One reading of a repository; holds what was read the last time."""

    def __init__(
        self,
        files: Files,
        invocation: Invocation,
        store: Store,
        options: Options,
        record: Mapping[str, Any],
        report: Callable[[str], None],
    ) -> None:
        self.files, self.invocation, self.store, self.options = files, invocation, store, options
        self.faults: list[FileFault] = []
        self.urls: list[str] = []
        before: Mapping[str, Stat] = record.get("files", {})
        self._changed = {path for path, _ in before.items() ^ files.stats.items()}
        apart = [sorted(files.nested), sorted(files.ignored)]
        self._listing_same = (
            before.keys() == files.stats.keys() and bool(before) and record.get("apart") == apart
        )
        files._ids.update(record.get("ids", {}))
        for path in self._changed:
            files._ids.pop(path, None)
        self._made = 0
        self._placed: dict[tuple[int, str, str, str], int] = {}
        self._named: list[str] = record.get("named", [])
        self._infos: dict[str, Info] = dict(record.get("infos", {}))
        self._starts: list[Any] = record.get("starts", [])
        self._fresh = bool(self._changed) or not record or not self._listing_same
        self._renderer = Renderer(
            files,
            invocation,
            store,
            record.get("units", {}),
            self._changed,
            self._listing_same,
            options.allow_remote,
            report,
        )
        self.units = self._renderer.units

    @property
    def dirty(self) -> bool:
        """Whether something is worth keeping for the next reading."""
        return self._fresh or self._renderer.dirty

    def record(self) -> dict[str, Any]:
        """What the next reading can start from."""
        units = {key: unit.data() for key, unit in self.units.items() if lasts(unit)}
        return {
            "files": self.files.settled(),
            "ids": self.files._ids,
            "named": self._named,
            "apart": [sorted(self.files.nested), sorted(self.files.ignored)],
            "units": units,
            "infos": self._infos,
            "starts": self._starts,
        }

    def _discover(self) -> list[Start]:
        """Where to begin; as the last time, when no file says something else."""
        paths = self._changed if self._listing_same else self.files.stats
        fresh = {
            path: look(self.files, path)
            for path in paths
            if path.endswith(YAML) and (path in self._changed or path not in self._infos)
        }
        same = self._listing_same and all(self._infos.get(path) == info for path, info in fresh.items())
        if not same:
            self._infos = {
                path: info for path, info in self._infos.items() if path in self.files.stats
            } | fresh
            self._named = named_urls(self.files, self._infos)
        self.urls = [*self.options.urls, *remotes(self.files.root), *self._named]
        if same and self._starts:
            return [
                Start(name, Unit(*unit), complete, tuple(paths), namespace)
                for name, unit, complete, paths, namespace in self._starts
            ]
        found = starts(self.files, self._infos, self.options.cluster)
        self._starts = [
            [
                one.name,
                [one.unit.tool, one.unit.path, one.unit.options],
                one.complete,
                one.files,
                one.namespace,
            ]
            for one in found
        ]
        return found

    def read(self) -> Repository:
        found = self._discover()
        scopes = [self._scope(start) for start in found if start.complete]
        reached: set[str] = set()
        for scope in scopes:
            reached |= self._files_of(scope)
        others = [one for one in found if not one.complete and not reached.intersection(one.files)]
        # Those with Applications first: what they lead to is no start of its own.
        others.sort(key=lambda start: not self._holds_applications(start))
        for start in others:
            if not reached.intersection(start.files):
                scopes.append(self._scope(start))
                reached |= self._files_of(scopes[-1])
        self._share(scopes)
        secrets = {path: info["secrets"] for path, info in self._infos.items() if "secrets" in info}
        return Repository(
            self.files,
            scopes,
            self.units,
            self.faults,
            self.urls,
            self.store,
            self._renderer.rendered,
            secrets=secrets,
        )

    def _files_of(self, scope: Scope) -> set[str]:
        return {path for one in scope.placements for path in self.units[one.unit.key].closure}

    def _holds_applications(self, start: Start) -> bool:
        members: Iterable[str] = start.files
        if start.unit.tool == "kustomize":
            members = kustomize.closure(self.files, start.unit.path).files
        return any(self._infos.get(path, {}).get("sources") for path in members)

    # -- one scope ------------------------------------------------------------------------

    def _scope(self, start: Start) -> Scope:
        scope = Scope(start.name, start.complete, root=start.unit.path)
        wave = self._first(scope, start)
        seen: set[tuple[str, str]] = set()
        while wave:
            self._renderer.render([placement.unit for placement in wave])
            scope.placements += wave
            following: list[Placement] = []
            for placement in wave:
                self._note(scope, placement)
                for application, digest in self._applications(placement):
                    scope.applications.append(application)
                    scope.digests[f"{application.namespace}/{application.name}"] = digest
                    scope.promised |= promised(application)
                    following += self._follow(scope, application, placement, seen)
            wave = following
        return scope

    def _first(self, scope: Scope, start: Start) -> list[Placement]:
        """The start, or the root Application that lies beside it and leads to it."""
        first = Placement("", start.unit, IN_CLUSTER, start.namespace)
        if start.complete and start.unit.tool == "directory":
            return [replace(first, unit=plain(start.unit.path, self._not_applied(start, first)))]
        if not start.complete or start.unit.tool != "kustomize":
            return [first]
        self._renderer.render([start.unit])
        own = set(self.units[start.unit.key].closure)
        beside = [
            path
            for path in self.files.children(start.unit.path)
            if path not in own and self._infos.get(path, {}).get("sources")
        ]
        if not beside:
            return [first]
        root = Placement("", plain(start.unit.path, beside), IN_CLUSTER, start.namespace)
        self._renderer.render([root.unit])
        for application, _ in self._applications(root):
            for source in applications.sources(application.body):
                if self._unit(source, application, "") == start.unit:
                    return [root]
        return [root, first]

    def _not_applied(self, start: Start, first: Placement) -> list[str]:
        """Of loose files, those that none of the Applications in them applies: what a person applies."""
        self._renderer.render([start.unit])
        units = [
            unit
            for application, _ in self._applications(first)
            for source in applications.sources(application.body)
            if (unit := self._unit(source, application, "")) is not None and unit.tool != "chart"
        ]
        self._renderer.render(units)
        applied = {path for unit in units for path in self.units[unit.key].closure}
        return [path for path in start.files if path not in applied] or list(start.files)

    def _applications(self, placement: Placement) -> Iterator[tuple[Resource, str]]:
        """The Applications that a unit holds (and their checksums), those of its ApplicationSets too."""
        unit = self.units[placement.unit.key]
        for number, body in unit.public.items():
            kind, namespace, _, file, document, line = unit.facts[number]
            place = namespace or placement.namespace or "argocd"
            if kind == APPLICATION:
                resource = Resource(body, place, placement.application, file, document, line)
                yield resource, unit.digests[number]
            elif kind == APPLICATION_SET:
                try:
                    if self._made > MOST:
                        raise CannotExpand(f"other sets make {self._made:,} Applications already")
                    made = expand(body, self.files, self.urls)
                    self._made += len(made)
                except CannotExpand as error:
                    fault = Fault(
                        "set", line, f"the ApplicationSet is not followed: {error}", "check it live"
                    )
                    self.faults.append((file, fault))
                    continue
                for application, _ in made:
                    resource = Resource(application, place, placement.application, file, document, line)
                    yield resource, f"{unit.digests[number]} {resource.name}"

    def _follow(
        self, scope: Scope, application: Resource, parent: Placement, seen: set[tuple[str, str]]
    ) -> Iterator[Placement]:
        """Where an Application's sources lead within this repository."""
        name = f"{application.namespace}/{application.name}"
        cluster, namespace = applications.destination(application.body)
        for source in applications.sources(application.body):
            if source.chart:
                scope.charts.add(source.chart)
            unit = self._unit(source, application, namespace)
            if unit is None:
                if source.path is not None or source.chart is not None:
                    scope.opaque |= {(cluster, namespace), (cluster, "")}
                    what, why = self._unknown(source)
                    place = (cluster, namespace, application.file, application.line)
                    scope.unknown.append(Unknown(name, what, why, *place))
                continue
            if (name, unit.key) in seen:
                continue
            seen.add((name, unit.key))
            same = self._placed[(id(scope), cluster, namespace, unit.key)] = (
                self._placed.get((id(scope), cluster, namespace, unit.key), 0) + 1
            )
            if same > _SAME:
                if same == _SAME + 1:
                    place = (cluster, namespace, application.file, application.line)
                    scope.unknown.append(Unknown(name, unit.path or ".", _AGAIN, *place))
                continue
            yield Placement(name, unit, cluster, namespace, (*parent.trail, name))

    def _note(self, scope: Scope, placement: Placement) -> None:
        """What is not known of a unit that was read."""
        unit, cluster = self.units[placement.unit.key], placement.cluster
        if not unit.opaque:
            return
        spaces = {placement.namespace or "default", "", *unit.namespaces}
        scope.opaque |= {(cluster, namespace) for namespace in spaces}
        if unit.broken and not all(self._is_meant(file, fault) for file, fault in unit.faults):
            scope.unreadable.setdefault(cluster, set()).add(placement.application)
            members = (self._infos.get(path, {}) for path in unit.closure)
            scope.lost = scope.lost or not placement.application or any("sources" in one for one in members)
        what = placement.unit.path or "."
        if placement.unit.tool == "chart":
            what = f"chart {json.loads(placement.unit.options)['chart']['name']}"
        file, fault = next(
            ((file, fault) for file, fault in unit.faults if fault.code != "duplicate"), unit.faults[0]
        )
        place = (cluster, placement.namespace, file, fault.line)
        scope.unknown.append(Unknown(placement.application, what, fault.message, *place))

    def _share(self, scopes: Sequence[Scope]) -> None:
        """What is broken may be what a folder needs that no cluster leads to.

        Such folders may be applied together. Where a cluster's Applications cannot all be read, it may be
        one of those that leads to the folder, and brings what it needs.
        """
        loose = [scope for scope in scopes if not scope.complete]
        broken = [scope for scope in loose if scope.unreadable]
        spaces = {space for scope in broken for space in scope.opaque}
        lost = any(scope.complete and scope.lost for scope in scopes)
        for scope in loose:
            scope.opaque |= spaces
            if lost:
                namespaced = Repository.namespaced_in(scope, self.units)
                scope.opaque |= {
                    (one.cluster, namespaced(fact, one))
                    for one in scope.placements
                    for fact in self.units[one.unit.key].facts
                }
            for one in broken:
                for cluster, names in one.unreadable.items():
                    scope.unreadable.setdefault(cluster, set()).update(names)

    def _is_meant(self, file: str, fault: Fault) -> bool:
        """Whether a comment says that it has to be so."""
        comments = Comments(self.files.read(file) if self.files.has(file) else b"")
        return comments.covers(RULE_OF[fault.code], fault.line, fault.line)

    def _unknown(self, source: Source) -> tuple[str, str]:
        """What a source that is not rendered is, and why."""
        if source.chart is not None:
            return f"chart {source.chart}", FETCH
        path = str(source.path)
        if not applications.is_here(source, self.urls):
            return path, "in another repository"
        if nested := self.files.nested_in(posixpath.normpath(path.strip("/") or ".")):
            return path, f"in the Git repository {nested}"
        return path, "made by a plugin" if "plugin" in source.body else "not there"

    def _unit(self, source: Source, application: Resource, namespace: str) -> Unit | None:
        if source.chart is not None:
            return charts.unit(source, application, namespace, self.options.fetch_charts)
        if not applications.is_here(source, self.urls):
            return None
        unit = index_sources.unit(source, self.files)
        if unit is None or not (self.files.is_folder(unit.path) or unit.path == ""):
            return None
        if self.files.nested_in(unit.path):
            return None
        if unit.tool == "helm":
            return charts.local_unit(unit, application, namespace)
        return None if unit.tool == "plugin" else unit
