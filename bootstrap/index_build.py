"""Reads a repository: its clusters, their Applications, and everything those would apply.

`read` finds and renders; what was rendered before from the same files is taken from the store. The
result keeps objects in the store and gives them out a cluster, or a namespace, at a time.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap import index_charts, index_kustomize, index_sources, render
from bootstrap.index import (
    APPLICATION,
    APPLICATION_SET,
    IN_CLUSTER,
    SECRETS,
    Index,
    Resource,
    is_cluster_scoped,
    mapping,
    mappings,
    scopes_of_crds,
    sequence,
)
from bootstrap.index_appset import CannotExpand, expand
from bootstrap.index_discover import YAML, Info, Start, look, plain, repository_urls, starts
from bootstrap.index_files import Files, scan
from bootstrap.index_sources import Source, Unit
from bootstrap.index_store import Store
from bootstrap.index_unit import FileFault, Prepared, UnitResult, from_directory, prepare, result
from bootstrap.index_yaml import Fault
from bootstrap.invocation import Invocation

CHUNK = 256
"""Units rendered before the parsed files are let go."""


@dataclass(frozen=True)
class Options:
    """What to read. `cluster` None: every cluster and what no cluster reaches."""

    cluster: str | None = None
    allow_remote: bool = False
    fetch_charts: bool = False


@dataclass(frozen=True)
class Placement:
    """A unit applied by an Application: to `cluster`, and to `namespace` what names none itself."""

    application: str
    unit: Unit
    cluster: str
    namespace: str
    trail: tuple[str, ...] = ()


@dataclass
class Scope:
    """What one Argo CD applies. `complete` is False for a folder that no cluster leads to.

    `opaque` has (cluster, namespace) of what could not be rendered, "" for cluster-scoped objects.
    """

    name: str
    complete: bool
    placements: list[Placement] = field(default_factory=list)
    applications: list[Resource] = field(default_factory=list)
    opaque: set[tuple[str, str]] = field(default_factory=set)
    promised: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    root: str = ""


@dataclass
class Repository:
    """A repository as read; see `groups`, `objects` and `index`."""

    files: Files
    scopes: list[Scope]
    units: dict[str, UnitResult]
    faults: list[FileFault]
    urls: list[str]
    store: Store
    rendered: int = 0

    def objects(self, scope: Scope, only: Callable[[str, str], bool] | None = None) -> Iterator[Resource]:
        """Objects of a scope; `only` is asked with (cluster, namespace) before anything is loaded."""
        namespaced = self.namespaced(scope)
        for placement in scope.placements:
            unit = self.units[placement.unit.key]
            wanted = [
                number
                for number, fact in enumerate(unit.facts)
                if only is None or only(placement.cluster, namespaced(fact, placement))
            ]
            if wanted:
                bodies = self.store.get(f"objects:{unit.key}") or []
                for number in wanted:
                    yield self.resource(placement, unit.facts[number], bodies[number], namespaced)

    def public(self, scope: Scope) -> Iterator[tuple[str, Resource]]:
        """(cluster, object) of the kinds that other namespaces look at; nothing is loaded."""
        namespaced = self.namespaced(scope)
        for placement in scope.placements:
            unit = self.units[placement.unit.key]
            for number, body in unit.public.items():
                yield placement.cluster, self.resource(placement, unit.facts[number], body, namespaced)

    def index(self, scope: Scope, cluster: str = IN_CLUSTER) -> Index:
        """Everything that the scope applies to one cluster."""
        resources = self.objects(scope, lambda where, _: where == cluster)
        opaque = {namespace for where, namespace in scope.opaque if where == cluster}
        applications = {f"{one.namespace}/{one.name}": one for one in scope.applications}
        return Index(resources, opaque, scope.promised, applications)

    def namespaced(self, scope: Scope) -> Callable[[Any, Placement], str]:
        """A function that gives the namespace in which an object will live."""
        crds = (
            Resource(body)
            for placement in scope.placements
            for body in self.units[placement.unit.key].public.values()
            if body.get("kind") == "CustomResourceDefinition"
        )
        known = scopes_of_crds(crds)

        def namespace(fact: Any, placement: Placement) -> str:
            if is_cluster_scoped(fact[0], known):
                return ""
            return fact[1] or placement.namespace or "default"

        return namespace

    @staticmethod
    def resource(
        placement: Placement,
        fact: Any,
        body: Mapping[str, Any],
        namespaced: Callable[[Any, Placement], str],
    ) -> Resource:
        return Resource(body, namespaced(fact, placement), placement.application, fact[3], fact[4], fact[5])


def read(root: Path, invocation: Invocation, store: Store, options: Options = Options()) -> Repository:
    """Read a repository; raises InputError when it cannot be one, never for what is wrong inside it."""
    files = scan(root)
    record_key = "record:" + hashlib.sha256(f"{files.root}\0{options}".encode()).hexdigest()
    reader = _Reader(files, invocation, store, options, store.get(record_key) or {})
    repository = reader.read()
    if reader.dirty:
        store.put(record_key, reader.record())
    return repository


class _Reader:
    """One reading of a repository; holds what was read the last time."""

    def __init__(
        self, files: Files, invocation: Invocation, store: Store, options: Options, record: Mapping[str, Any]
    ) -> None:
        self.files, self.invocation, self.store, self.options = files, invocation, store, options
        self.units: dict[str, UnitResult] = {}
        self.faults: list[FileFault] = []
        self.urls: list[str] = []
        self.rendered = 0
        before: Mapping[str, list[Any]] = record.get("files", {})
        self._changed = {
            path for path, stat in files.stats.items() if tuple(before.get(path, [None])[:3]) != stat
        } | (before.keys() - files.stats.keys())
        self._listing_same = before.keys() == files.stats.keys() and bool(before)
        for path, entry in before.items():
            if path not in self._changed and len(entry) > 3:
                files._ids[path] = entry[3]
        self._before = record.get("units", {})
        self._infos: dict[str, Info] = dict(record.get("infos", {}))
        self._starts: list[Any] = record.get("starts", [])
        self._urls_before: list[str] = record.get("urls", [])
        self.dirty = bool(self._changed) or not record
        self._program: str | None = None

    def record(self) -> dict[str, Any]:
        """What the next reading can start from."""
        files = {
            path: [*stat, *([self.files._ids[path]] if path in self.files._ids else [])]
            for path, stat in self.files.stats.items()
        }
        units = {key: unit.data() for key, unit in self.units.items()}
        return {
            "files": files,
            "units": units,
            "infos": self._infos,
            "starts": self._starts,
            "urls": self.urls,
        }

    def _discover(self) -> list[Start]:
        """Where to begin; as the last time, when no file says something else."""
        fresh = {
            path: look(self.files, path)
            for path in self.files.stats
            if path.endswith(YAML) and (path in self._changed or path not in self._infos)
        }
        same = self._listing_same and all(self._infos.get(path) == info for path, info in fresh.items())
        self._infos = {path: info for path, info in self._infos.items() if path in self.files.stats} | fresh
        if same and self._starts:
            self.urls = list(self._urls_before)
            return [
                Start(name, Unit(*unit), complete, tuple(paths), namespace)
                for name, unit, complete, paths, namespace in self._starts
            ]
        self.urls = repository_urls(self.files, self._infos)
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
        others = [start for start in found if not start.complete]
        # Those with Applications first: what they lead to is no start of its own.
        others.sort(key=lambda start: not self._holds_applications(start))
        for start in others:
            if not reached.intersection(start.files):
                scopes.append(self._scope(start))
                reached |= self._files_of(scopes[-1])
        return Repository(self.files, scopes, self.units, self.faults, self.urls, self.store, self.rendered)

    def _files_of(self, scope: Scope) -> set[str]:
        return {path for one in scope.placements for path in self.units[one.unit.key].closure}

    def _holds_applications(self, start: Start) -> bool:
        members: Iterable[str] = start.files
        if start.unit.tool == "kustomize":
            members = index_kustomize.closure(self.files, start.unit.path).files
        return any(self._infos.get(path, {}).get("sources") for path in members)

    # -- one scope ------------------------------------------------------------------------

    def _scope(self, start: Start) -> Scope:
        scope = Scope(start.name, start.complete, root=start.unit.path)
        wave = self._first(scope, start)
        seen: set[tuple[str, str]] = set()
        while wave:
            self._render([placement.unit for placement in wave])
            scope.placements += wave
            following: list[Placement] = []
            for placement in wave:
                if self.units[placement.unit.key].opaque:
                    scope.opaque |= {(placement.cluster, placement.namespace), (placement.cluster, "")}
                for application in self._applications(placement):
                    scope.applications.append(application)
                    scope.promised |= promised(application)
                    following += self._follow(scope, application, placement, seen)
            wave = following
        return scope

    def _first(self, scope: Scope, start: Start) -> list[Placement]:
        """The start, or the root Application that lies beside it and leads to it."""
        first = Placement("", start.unit, IN_CLUSTER, start.namespace)
        if not start.complete or start.unit.tool != "kustomize":
            return [first]
        own = index_kustomize.closure(self.files, start.unit.path).files
        beside = [
            path
            for path in self.files.children(start.unit.path)
            if path not in own and self._infos.get(path, {}).get("sources")
        ]
        if not beside:
            return [first]
        root = Placement("", plain(start.unit.path, beside), IN_CLUSTER, start.namespace)
        self._render([root.unit])
        for application in self._applications(root):
            for source in index_sources.sources(application.body):
                if self._unit(source, application, "") == start.unit:
                    return [root]
        return [root, first]

    def _applications(self, placement: Placement) -> Iterator[Resource]:
        """The Applications that a unit holds, those made by its ApplicationSets too."""
        unit = self.units[placement.unit.key]
        for number, body in unit.public.items():
            kind, namespace, _, file, document, line = unit.facts[number]
            place = namespace or placement.namespace or "argocd"
            if kind == APPLICATION:
                yield Resource(body, place, placement.application, file, document, line)
            elif kind == APPLICATION_SET:
                try:
                    made = expand(body, self.files, self.urls)
                except CannotExpand as error:
                    fault = Fault(
                        "set", line, f"the ApplicationSet is not followed: {error}", "check it live"
                    )
                    self.faults.append((file, fault))
                    continue
                for application, _ in made:
                    yield Resource(application, place, placement.application, file, document, line)

    def _follow(
        self, scope: Scope, application: Resource, parent: Placement, seen: set[tuple[str, str]]
    ) -> Iterator[Placement]:
        """Where an Application's sources lead within this repository."""
        name = f"{application.namespace}/{application.name}"
        cluster, namespace = index_sources.destination(application.body)
        for source in index_sources.sources(application.body):
            unit = self._unit(source, application, namespace)
            if unit is None:
                if source.path is not None or source.chart is not None:
                    scope.opaque |= {(cluster, namespace), (cluster, "")}
                continue
            if (name, unit.key) in seen:
                continue
            seen.add((name, unit.key))
            yield Placement(name, unit, cluster, namespace, (*parent.trail, name))

    def _unit(self, source: Source, application: Resource, namespace: str) -> Unit | None:
        if source.chart is not None:
            return index_charts.unit(source, application, namespace, self.options.fetch_charts)
        if not index_sources.is_here(source, self.urls):
            return None
        unit = index_sources.unit(source, self.files)
        if unit is None or not (self.files.is_folder(unit.path) or unit.path == ""):
            return None
        if unit.tool == "helm":
            return index_charts.local_unit(unit, application, namespace)
        return None if unit.tool == "plugin" else unit

    # -- rendering ------------------------------------------------------------------------

    def _render(self, units: Iterable[Unit]) -> None:
        """Have a result for each unit: from the last reading, from the store, or made now."""
        wanted = list({unit.key: unit for unit in units if unit.key not in self.units}.values())
        fresh: list[Unit] = []
        for unit in wanted:
            known = self._before.get(unit.key)
            usable = known is not None and not self._changed.intersection(known["closure"])
            if usable and (self._listing_same or not known["volatile"]):
                self.units[unit.key] = UnitResult.of(known)
            else:
                fresh.append(unit)
        for start in range(0, len(fresh), CHUNK):
            self._render_chunk(fresh[start : start + CHUNK])

    def _render_chunk(self, units: Sequence[Unit]) -> None:
        self.dirty = True
        todo: list[Prepared] = []
        for unit in units:
            prepared = prepare(self.files, unit, self.options.allow_remote)
            known = self.store.get(f"unit:{prepared.key}")
            if known is not None and self.store.has(f"objects:{known['key']}"):
                self.units[unit.key] = UnitResult.of(known)
            elif prepared.blocked and unit.tool == "kustomize":
                self._keep(prepared, (), ())
            else:
                todo.append(prepared)
        overlays = [item for item in todo if item.overlay is not None]
        if overlays:
            self._build(overlays)
        for item in todo:
            if item.unit.tool == "directory":
                self._keep(item, from_directory(self.files, item), ())
            elif item.unit.tool in ("helm", "chart"):
                built = index_charts.build(self.files.root, item.unit, self.invocation)
                self._keep(item, built.objects, _helm_faults(item.unit, built.error))
        for item in todo:
            for name in item.closure:
                self.files.forget(name)

    def _build(self, overlays: Sequence[Prepared]) -> None:
        self._program = self._program or render.kustomize(self.invocation)
        asked = [item.overlay for item in overlays if item.overlay is not None]
        for item, built in zip(
            overlays, render.build_many(self.files.root, asked, self._program), strict=True
        ):
            faults: list[FileFault] = []
            if built.error is not None:
                file = index_kustomize.file_of(self.files, item.unit.path) or item.unit.path
                mend = "mend what kustomize names; `kustomize build` of the folder shows the same"
                faults = [(file, Fault("build", 1, f"kustomize cannot build it: {built.error}", mend))]
            self._keep(item, built.objects, faults)

    def _keep(
        self,
        item: Prepared,
        objects: Sequence[tuple[Mapping[str, Any], str]],
        faults: Sequence[FileFault],
    ) -> None:
        made = result(self.files, item, objects, faults)
        self.units[item.unit.key] = made
        self.rendered += 1
        if item.unit.tool != "chart" or not faults:  # a chart that was not reachable may be, the next time
            self.store.put(f"unit:{item.key}", made.data())
        self.store.put(f"objects:{made.key}", [body for body, _ in objects])


def promised(application: Resource) -> dict[tuple[str, str], frozenset[str]]:
    """The Secrets that `bootstrap init` makes for an Application: (namespace, name) → keys."""
    try:
        declared = json.loads(str(application.annotations.get(SECRETS) or "[]"))
    except ValueError:
        return {}
    return {
        (str(item.get("namespace")), str(item.get("name"))): frozenset(
            [*map(str, sequence(item.get("generate"))), *map(str, mapping(item.get("literals")))]
        )
        for item in mappings(declared)
    }


def _helm_faults(unit: Unit, error: str | None) -> list[FileFault]:
    if error is None:
        return []
    file = json.loads(unit.options).get("file", posixpath.join(unit.path, "Chart.yaml"))
    return [(file, Fault("chart", 1, f"the chart is not rendered: {error}", "make it reachable"))]
