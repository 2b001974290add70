"""Follows the Applications of a start: what each applies, wave after wave, and what could not be read."""

from __future__ import annotations

import json
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from bootstrap.manifests.reader import Fault
from bootstrap.repository import kustomize, leftovers
from bootstrap.repository import source as index_sources
from bootstrap.repository.appsets import sets
from bootstrap.repository.appsets.appset import Expansion, Inputs
from bootstrap.repository.bringers import BRINGERS, brought_to
from bootstrap.repository.charts import application as charts
from bootstrap.repository.charts import definitions
from bootstrap.repository.comments import Comments
from bootstrap.repository.discover import Info, Start, plain
from bootstrap.repository.faults import RULE_OF, FileFault
from bootstrap.repository.files import Files
from bootstrap.repository.model import Placement, Repository, Scope, Unknown, promised
from bootstrap.repository.overrides.overridden import overridden
from bootstrap.repository.overrides.variables import variables
from bootstrap.repository.render import Renderer
from bootstrap.repository.source import Unit
from bootstrap.repository.unit import UnitResult
from bootstrap.resources import applications
from bootstrap.resources.applications import Source
from bootstrap.resources.index import APPLICATION, APPLICATION_SET, IN_CLUSTER, Resource

ANY = "*"
"""The namespace of what may be applied anywhere."""
JSONNET = "only Argo CD renders jsonnet"
_CHARTS = ("helm", "chart")
_SAME = 20
"""Of Applications that apply the same to the same namespace, this many are followed."""
_AGAIN = f"{_SAME} other Applications apply the same to the same namespace"
MAKER = "it generates Applications with values that are not in Git"
FETCH = "helm fetches charts only with --fetch-charts"


@dataclass
class Follower:
    """Follows starts in one repository; `infos` say what its files contain, `faults` what is wrong."""

    files: Files
    renderer: Renderer
    infos: Mapping[str, Info]
    urls: Sequence[str]
    fetch_charts: bool
    target: charts.Target
    faults: list[FileFault] = field(default_factory=list)
    made: int = 0
    placed: dict[tuple[int, str, str, str], int] = field(default_factory=lambda: defaultdict(int))

    @property
    def units(self) -> dict[str, UnitResult]:
        return self.renderer.units

    @cached_property
    def _named(self) -> set[str]:
        return leftovers.all_named(self.infos)

    def scope(self, start: Start) -> Scope:
        scope = Scope(start.name, start.complete, root=start.unit.path)
        wave = self._first(scope, start)
        seen: set[tuple[str, str]] = set()
        while wave:
            wave = self._rendered(scope, wave)
            scope.placements += wave
            following: list[Placement] = []
            for placement in wave:
                self._note(scope, placement)
                for application, digest in self._applications(placement, scope):
                    scope.applications.append(application)
                    scope.digests[f"{application.namespace}/{application.name}"] = digest
                    scope.promised |= promised(application)
                    following += self._follow(scope, application, placement, seen)
            wave = following
        return scope

    def _rendered(self, scope: Scope, wave: list[Placement]) -> list[Placement]:
        """Render a wave: its charts once it is known which CRDs the rest has.

        Charts may have CRDs, too: then those that check for them are rendered again.
        """
        others = [one.unit for one in wave if one.unit.tool not in _CHARTS]
        self.renderer.render(others)
        if len(others) == len(wave):
            return wave
        known: set[str] | None = None
        while (now := definitions.served(self.units, [*scope.placements, *wave])) != known:
            again, known = known is not None, now
            wave = [
                replace(one, unit=charts.with_apis(one.unit, now)) if one.unit.tool in _CHARTS else one
                for one in wave
            ]
            self.renderer.render([one.unit for one in wave])
            if again:
                break
        return wave

    def _first(self, scope: Scope, start: Start) -> list[Placement]:
        """The start, or the root Application next to it that leads to it."""
        first = Placement("", start.unit, IN_CLUSTER, start.namespace)
        if start.complete and start.unit.tool == "directory":
            return [replace(first, unit=plain(start.unit.path, self._not_applied(start, first)))]
        self.renderer.render([start.unit])
        if not start.complete or start.unit.tool != "kustomize" or start.unit in self._units_of(first):
            return [first]  # what is next to a kustomization that applies itself is switched off
        own = set(self.units[start.unit.key].closure) | leftovers.in_comments(self.files, start.unit.path)
        neighbours = [
            path
            for path in self.files.children(start.unit.path)
            if path not in own | self._named and {"object", "sources"} <= self.infos.get(path, {}).keys()
        ]
        if not neighbours:
            return [first]
        root = Placement("", plain(start.unit.path, neighbours), IN_CLUSTER, start.namespace)
        self.renderer.render([root.unit])
        return [root] if start.unit in self._units_of(root) else [root, first]

    def _units_of(self, placement: Placement) -> list[Unit]:
        """What the Applications among some objects apply."""
        return [
            unit
            for application, _ in self._applications(placement)
            for source in applications.sources(application.body)
            if (unit := self._unit(source, application, "")) is not None
        ]

    def _not_applied(self, start: Start, first: Placement) -> list[str]:
        """Of loose files, those that none of the Applications in them applies: a person applies them."""
        self.renderer.render([start.unit])
        self.renderer.render(units := [unit for unit in self._units_of(first) if unit.tool != "chart"])
        applied = {path for unit in units for path in self.units[unit.key].closure}
        return [path for path in start.files if path not in applied] or list(start.files)

    def _applications(
        self, placement: Placement, scope: Scope | None = None
    ) -> Iterator[tuple[Resource, str]]:
        """The Applications of a unit (and their checksums), including those of its ApplicationSets."""
        unit = self.units[placement.unit.key]
        for number, body in unit.public.items():
            kind, namespace, _, file, document, line = unit.facts[number]
            place = namespace or placement.namespace or "argocd"
            told = place, placement.application, file, document, line
            if kind == APPLICATION:
                yield Resource(body, *told), unit.digests[number]
            elif kind == APPLICATION_SET:
                for application in self._expanded(scope, placement, number, body).applications:
                    made = Resource(application, *told)
                    (scope.sets if scope else {})[f"{place}/{made.name}"] = Resource(body, *told)
                    yield made, f"{unit.digests[number]} {sets.digest(application)}"

    def _expanded(
        self, scope: Scope | None, placement: Placement, number: int, body: Mapping[str, Any]
    ) -> Expansion:
        """What a set generates; what is not known from Git is noted in the scope."""
        _, _, name, file, _, line = self.units[placement.unit.key].facts[number]
        inputs = Inputs(self.files, self.urls, self._clusters, self.files.elsewhere)
        made, fault, why = sets.followed(body, inputs, name, line, self.made)
        self.made += len(made.applications)
        if scope is None or fault is None:
            return made
        if (file, fault) not in self.faults:
            self.faults.append((file, fault))
        if made.partial:
            scope.opaque |= {(placement.cluster, ANY), (placement.cluster, "")}
        what = f"ApplicationSet {name}"
        unknown = Unknown(placement.application, what, why, placement.cluster, ANY, file, line)
        if why and unknown not in scope.unknown:
            scope.unknown.append(unknown)
        return made

    @cached_property
    def _clusters(self) -> list[Mapping[str, Any]]:
        """The clusters of Argo CD whose Secrets are in Git."""
        return [one for info in self.infos.values() for one in info.get("clusters", ())]

    def _follow(
        self, scope: Scope, application: Resource, parent: Placement, seen: set[tuple[str, str]]
    ) -> Iterator[Placement]:
        """Follow an Application's sources within this repository."""
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
            self.placed[(id(scope), cluster, namespace, unit.key)] += 1
            same = self.placed[(id(scope), cluster, namespace, unit.key)]
            if same > _SAME:
                if same == _SAME + 1:
                    place = (cluster, namespace, application.file, application.line)
                    scope.unknown.append(Unknown(name, unit.path or ".", _AGAIN, *place))
                continue
            yield Placement(name, unit, cluster, namespace, (*parent.trail, name))

    def _note(self, scope: Scope, placement: Placement) -> None:
        """Note what is not known about a unit that was read."""
        unit, cluster = self.units[placement.unit.key], placement.cluster
        for number, (kind, namespace, name, file, _, line) in enumerate(unit.facts):
            if (why := BRINGERS.get(kind)) is not None:
                own = namespace or placement.namespace or "default"
                space = brought_to(unit.public.get(number, {}), own)
                scope.opaque |= {(cluster, space), (cluster, "")}
                what = f"{kind.partition('.')[0]} {name}"
                scope.unknown.append(Unknown(placement.application, what, why, cluster, space, file, line))
        for path in index_sources.jsonnet_files(self.files, placement.unit):
            space = placement.namespace or ANY
            scope.opaque |= {(cluster, space), (cluster, "")}
            scope.unknown.append(Unknown(placement.application, path, JSONNET, cluster, space, path, 1))
        if not unit.opaque:
            return
        spaces = {placement.namespace or "default", "", *unit.namespaces}
        if self._may_hold_any(placement, unit):
            spaces.add(ANY)
        scope.opaque |= {(cluster, namespace) for namespace in spaces}
        if unit.broken and not all(self._is_meant(file, fault) for file, fault in unit.faults):
            scope.unreadable.setdefault(cluster, set()).add(placement.application)
            members = (self.infos.get(path, {}) for path in unit.closure)
            scope.lost = scope.lost or not placement.application or any("sources" in one for one in members)
        what = placement.unit.path or "."
        if placement.unit.tool == "chart":
            what = f"chart {json.loads(placement.unit.options)['chart']['name']}"
        file, fault = next(
            ((file, fault) for file, fault in unit.faults if fault.code != "duplicate"), unit.faults[0]
        )
        place = (cluster, ANY if ANY in spaces else placement.namespace, file, fault.line)
        scope.unknown.append(Unknown(placement.application, what, fault.message, *place))

    def _may_hold_any(self, placement: Placement, unit: UnitResult) -> bool:
        """Whether the unread part of a unit may have Applications, or go to any namespace.

        A kustomization that sets no namespace leaves it to what it includes; so what a plugin generates, or
        what is elsewhere, may go anywhere. For a chart, the release's namespace is known.
        """
        if unit.broken:
            return False  # what that hides is recorded separately (`lost`)
        if any("makes" in self.infos.get(path, {}) for path in unit.closure):
            return True
        if placement.unit.tool != "kustomize":
            return False
        own = kustomize.file_of(self.files, placement.unit.path)
        return not (own and (self.files.mapping(own) or {}).get("namespace"))

    def note_makers(self, scopes: Sequence[Scope], reached: Collection[str]) -> None:
        """Note charts of this repository that generate Applications, and that no Application leads to.

        Somebody installs them, with values that are not in Git: they may create anything.
        """
        charts = [posixpath.dirname(path) for path in self.files.named("Chart.yaml")]
        making = [path for path, info in self.infos.items() if "makes" in info and path not in reached]
        for chart in charts:
            if not any(path.startswith(f"{chart}/" if chart else "") for path in making):
                continue
            place = (IN_CLUSTER, ANY, posixpath.join(chart, "Chart.yaml"), 1)
            for scope in scopes:
                scope.opaque |= {(one.cluster, space) for one in scope.placements for space in (ANY, "")}
                scope.unknown.append(Unknown("", f"chart {chart or '.'}", MAKER, *place))

    def _is_meant(self, file: str, fault: Fault) -> bool:
        """Whether a comment says that it is intended."""
        comments = Comments(self.files.read(file) if self.files.has(file) else b"")
        return comments.covers(RULE_OF[fault.code], fault.line, fault.line)

    def _unknown(self, source: Source) -> tuple[str, str]:
        """A source that is not rendered, and why."""
        if source.chart is not None:
            return f"chart {source.chart}", FETCH
        path = str(source.path)
        if index_sources.is_unfilled(source):
            return path, "its template does not show where it is"
        if not applications.is_here(source, self.urls):
            return (path if source.folder else source.repo_url), "in another repository"
        if nested := self.files.nested_in(source.folder or "."):
            return path, f"in the Git repository {nested}"
        return path, "generated by a plugin" if "plugin" in source.body else "not in the repository"

    def _unit(self, source: Source, application: Resource, namespace: str) -> Unit | None:
        if source.chart is not None:
            if not self.fetch_charts:
                return None
            return charts.unit(source, application, namespace, self.urls, self.target)
        if not applications.is_here(source, self.urls) or index_sources.is_unfilled(source):
            return None
        values = variables(source, application, namespace)
        source = overridden(source, self.files, values["ARGOCD_APP_NAME"])
        unit = index_sources.unit(source, self.files, values)
        if unit is None or not (self.files.is_folder(unit.path) or unit.path == ""):
            return None
        if self.files.nested_in(unit.path):
            return None
        if unit.tool == "helm":
            return charts.local_unit(unit, source, application, namespace, self.urls, self.target)
        return None if unit.tool == "plugin" else unit


def share(scopes: Sequence[Scope], units: Mapping[str, UnitResult]) -> None:
    """Broken parts may contain what a folder needs that no cluster leads to.

    Such folders may be applied together. If not all Applications of a cluster can be read, an unread
    one may lead to the folder, and apply what it needs.
    """
    loose = [scope for scope in scopes if not scope.complete]
    broken = [scope for scope in loose if scope.unreadable]
    spaces = {space for scope in broken for space in scope.opaque}
    spaces |= {(IN_CLUSTER, space) for scope in scopes for _, space in scope.opaque}
    unread = [one for scope in scopes for one in scope.unknown]
    lost = any(scope.complete and scope.lost for scope in scopes)
    for scope in loose:
        scope.opaque |= spaces
        own = set(scope.unknown)
        scope.unknown += [one for one in unread if one not in own]
        if lost:
            namespaced = Repository.namespaced_in(scope, units)
            scope.opaque |= {
                (one.cluster, namespaced(fact, one))
                for one in scope.placements
                for fact in units[one.unit.key].facts
            }
        for one in broken:
            for cluster, names in one.unreadable.items():
                scope.unreadable.setdefault(cluster, set()).update(names)
