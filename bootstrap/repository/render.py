"""Gets a result for every unit: from the last run, from the store, or rendered now."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bootstrap.core.invocation import Invocation
from bootstrap.manifests.reader import Fault
from bootstrap.programs import run
from bootstrap.repository import kustomize as index_kustomize
from bootstrap.repository import plain as index_plain
from bootstrap.repository import renderers
from bootstrap.repository.charts import archive, identity
from bootstrap.repository.charts.fetch import NO_HELM, Fetched, Fetcher, Wanted, is_one_version
from bootstrap.repository.charts.template import Given
from bootstrap.repository.charts.template import build as build_chart
from bootstrap.repository.faults import FileFault, replacement_fault
from bootstrap.repository.files import Files
from bootstrap.repository.listed import from_list
from bootstrap.repository.source import Unit
from bootstrap.repository.store import Store
from bootstrap.repository.tools import Builder, Built, Overlay, in_parallel, workers
from bootstrap.repository.unit import Prepared, UnitResult, from_directory, prepare, result

if TYPE_CHECKING:
    from concurrent.futures import Executor

CHUNK, AHEAD = 64, 2
"""How many units are prepared at once, and how many such chunks while others are built."""
KEPT = 256
"""How many units to render before the parsed files are dropped."""
_RESTRICTED = re.compile(r"security; file .* is not in or below")
"""A file outside its folder: Flux includes it, and so does Argo CD if it is configured to."""
_PLUGINS = re.compile(r"external plugins disabled|--enable-(?:helm|alpha-plugins|exec)")
_BASES, _LOOKS = 50, 200
"""The most folders, per kustomization and in total, that are built alone to find the broken one."""


@dataclass
class _Begun:
    """What was prepared, by how it is rendered; `built` waits for the overlays and keeps their results."""

    plain: list[Prepared] = field(default_factory=list)
    directories: list[Prepared] = field(default_factory=list)
    charts: list[tuple[Prepared, Mapping[str, Fetched]]] = field(default_factory=list)
    overlays: list[Prepared] = field(default_factory=list)
    built: Callable[[], None] = lambda: None


class Renderer:
    """`units` are the results so far; `before` those of the last run, valid unless a file has changed."""

    def __init__(
        self,
        files: Files,
        invocation: Invocation,
        store: Store,
        before: Mapping[str, Any],
        changed: set[str],
        listing_same: bool,
        allow_remote: bool,
        fetch_charts: bool,
        report: Callable[[str], None],
        lost: run.Lost,
    ) -> None:
        self.files, self.invocation, self.store = files, invocation, store
        self.units: dict[str, UnitResult] = {}
        self.rendered = 0
        self.dirty = False
        self._before, self._changed = before, changed
        self._listing_same, self._allow_remote = listing_same, allow_remote
        self.unrestricted = False
        self.argocd = ""
        self._program: str | None = None
        self._helm: tuple[renderers.Renderer | None] | None = None
        self._fetch_charts = fetch_charts
        self._causes: dict[tuple[str, str], tuple[str, str]] = {}
        self._looked = 0
        self._read: list[Prepared] = []
        self._report = report
        self._budget = run.budget(sum(stat[0] for stat in files.stats.values()), lost)
        self._fetcher = Fetcher(invocation, store, self._budget, report)

    def render(self, units: Iterable[Unit]) -> None:
        """Get a result for each unit: from the last run, from the store, or rendered now."""
        wanted = list({unit.key: unit for unit in units if unit.key not in self.units}.values())
        fresh: list[Unit] = []
        for unit in wanted:
            known = self._before.get(unit.key)
            if known is not None and self._still_holds(known) and not self._may_be_another(unit):
                self.units[unit.key] = UnitResult.from_data(known)
            else:
                fresh.append(unit)
        self._render(fresh)

    def again(self, unit: Unit) -> None:
        """Render a unit again, whatever is known about it."""
        self._render([unit])

    def _still_holds(self, known: Mapping[str, Any]) -> bool:
        """Whether no file that the result depends on was changed, added or removed."""
        if self._changed.intersection(known["closure"]):
            return False
        return self._listing_same or not known["volatile"]

    def _may_be_another(self, unit: Unit) -> bool:
        """Whether a unit has a range of versions, which may mean another chart by now."""
        wanted = identity.wanted(self.files, unit).values() if self._fetch_charts else ()
        return not all(is_one_version(one.version) for one in wanted)

    def _render(self, units: Sequence[Unit]) -> None:
        """Render units, in their order: some are prepared, and others kept, while kustomize builds more."""
        if not units:
            return
        self.dirty = True
        needed = {unit.key: identity.wanted(self.files, unit) for unit in units} if self._fetch_charts else {}
        self._fetcher.fetch((one for some in needed.values() for one in some.values()), self._helm_path)
        begun: deque[_Begun] = deque()
        with workers() if len(units) > 1 else nullcontext() as pool:
            for start in range(0, len(units), CHUNK):
                begun.append(self._begin(units[start : start + CHUNK], needed, pool))
                if len(begun) > AHEAD:
                    self._finish(begun.popleft())
            while begun:
                self._finish(begun.popleft())
        self._forget(0)

    def _begin(
        self, units: Sequence[Unit], needed: Mapping[str, Mapping[str, Wanted]], pool: Executor | None
    ) -> _Begun:
        """Take what is in the store, and begin to build the rest."""
        begun = _Begun()
        for unit in units:
            charts = {name: self._fetcher.get(one) for name, one in needed.get(unit.key, {}).items()}
            fetched = {name: one for name, one in charts.items() if isinstance(one, Fetched)}
            named = [(one.digest, one.asks) for one in fetched.values()]
            prepared = prepare(self.files, unit, self._allow_remote, named)
            known = self.store.get(f"unit:{prepared.key}")
            if known is not None and self.store.has(f"objects:{known['key']}"):
                self.units[unit.key] = UnitResult.from_data(known)
            elif error := next((one for one in charts.values() if isinstance(one, str)), None):
                self._keep(prepared, (), _helm_faults(unit, error))
            elif unit.tool in ("helm", "chart"):
                begun.charts.append((prepared, fetched))
            elif _has_plain_part(prepared):
                begun.plain.append(prepared)
            elif prepared.blocked and unit.tool == "kustomize" and not prepared.parts:
                self._keep(prepared, (), ())
            elif prepared.overlay is None:
                begun.directories.append(prepared)
            else:
                begun.overlays.append(prepared)
        if begun.overlays:
            begun.built = self._build(begun.overlays, pool)
        return begun

    def _finish(self, begun: _Begun) -> None:
        """Keep the results of what was begun."""
        for item, objects in zip(begun.plain, self._plain(begun.plain), strict=True):
            self._keep(item, objects, ())
        begun.built()
        for item in begun.directories:
            self._keep(item, from_directory(self.files, item), ())
        for (item, _), built in zip(begun.charts, self._charts(begun.charts), strict=True):
            self._keep(item, built.objects, _helm_faults(item.unit, built.error))
        self._read += [*begun.directories, *begun.overlays, *(one for one, _ in begun.charts)]
        self._forget(KEPT)

    def _forget(self, most: int) -> None:
        """Drop the parsed files of what was rendered, if it is more than `most` units."""
        if len(self._read) > most:
            for name in {name for item in self._read for name in item.closure}:
                self.files.forget(name)
            self._read.clear()

    def _charts(self, items: Sequence[tuple[Prepared, Mapping[str, Fetched]]]) -> list[Built]:
        """Render charts, in parallel."""
        if not items:
            return []
        program = self._helm_path()
        if program is None:
            return [Built(error=NO_HELM)] * len(items)

        def build(item: tuple[Prepared, Mapping[str, Fetched]]) -> Built:
            unit = item[0].unit
            try:
                packed = {name: self._fetcher.content(one) for name, one in item[1].items()}
            except archive.Unreadable as error:
                return Built(error=str(error))
            chart = next(iter(packed.values())) if unit.tool == "chart" else None
            return build_chart(unit, Given(self.files, program, self._budget, chart, packed))

        return in_parallel(build, items)

    def _helm_path(self) -> str | None:
        if self._helm is None:
            self._helm = (renderers.helm(self.argocd, self.invocation, self._report),)
        return self._helm[0].path if self._helm[0] is not None else None

    def _kustomize(self) -> str:
        self._program = self._program or renderers.kustomize(self.argocd, self.invocation, self._report)
        return self._program

    def _build(self, items: Sequence[Prepared], pool: Executor | None) -> Callable[[], None]:
        """Begin to build kustomizations; those that are only lists are built from their parts if possible.

        Returns what keeps the results.
        """
        parts = {part.folder: part for item in items for part in item.parts if isinstance(part, Overlay)}
        whole = [item for item in items if not item.parts]
        asked = [*parts.values(), *(item.overlay for item in whole if item.overlay is not None)]
        begun = self._run(asked, pool)

        def keep() -> None:
            answers = begun()
            built = dict(zip(parts, answers, strict=False))
            rest: list[Prepared] = []
            for item in items:
                if item.blocked:
                    fine = [one for one in item.parts if isinstance(one, str) or not built[one.folder].error]
                    self._keep(item, from_list(self.files, fine, built) or (), ())
                elif item.parts:
                    objects = from_list(self.files, item.parts, built)
                    if objects is None:
                        rest.append(item)
                    else:
                        self._keep(item, objects, ())
            self._take(whole, answers[len(parts) :])
            self._take(rest, self._run([item.overlay for item in rest if item.overlay is not None], pool)())

        return keep

    def _run(self, overlays: Sequence[Overlay], pool: Executor | None = None) -> Callable[[], list[Built]]:
        """Begin to build overlays; returns what waits for the results."""
        if not overlays:
            return list
        builder = Builder(self.files.root, self._kustomize(), self._allow_remote, self._budget)
        begun = builder.begin(overlays, pool)

        def answers() -> list[Built]:
            found = begun()
            for number, built in enumerate(found if self.unrestricted else ()):
                if built.error is not None and _RESTRICTED.search(built.error):
                    found[number] = replace(builder, unrestricted=True).build([overlays[number]])[0]
            return found

        return answers

    def _take(self, items: Sequence[Prepared], answers: Sequence[Built]) -> None:
        for item, built in zip(items, answers, strict=True):
            faults: list[FileFault] = []
            if built.error is not None:
                folder, error = self._cause(item.unit.path, built.error)
                file = index_kustomize.file_of(self.files, folder) or folder
                fix = f"fix what kustomize reports; `kustomize build {folder or '.'}` shows the same"
                faults = [(file, Fault("build", 1, f"kustomize cannot build it: {error}", fix))]
                if (replaced := replacement_fault(self.files, item.closure, error)) is not None:
                    faults = [replaced]
                if _PLUGINS.search(error):
                    fix = f"check the output of `kustomize build {folder or '.'}` with plugins allowed"
                    faults = [(file, Fault("inflate", 1, "it needs helm or a kustomize plugin", fix))]
                    self._keep(item, self._plain([item])[0], faults)
                    continue
            self._keep(item, built.objects, faults)

    def _plain(self, items: Sequence[Prepared]) -> list[Sequence[tuple[Mapping[str, Any], str]]]:
        """Build kustomizations without their charts, plugins and remote parts, in parallel."""
        if not items:
            return []
        program = self._kustomize()

        def build(item: Prepared) -> Sequence[tuple[Mapping[str, Any], str]]:
            options = json.loads(item.unit.options)
            return index_plain.build(self.files, item.unit.path, options, program).objects

        return in_parallel(build, items)

    def _cause(self, folder: str, error: str) -> tuple[str, str]:
        """The deepest of the included folders that cannot be built either."""
        key = (folder, error)  # an Application's own fields may be the cause
        if key not in self._causes:
            self._causes[key] = (folder, error)
            for inner in index_kustomize.folders(self.files, folder)[:_BASES]:
                self._looked += 1
                if self._looked > _LOOKS:
                    break
                alone = self._run([Overlay(inner)])()[0]
                if alone.error is not None:
                    self._causes[key] = self._cause(inner, alone.error)
                    break
        return self._causes[key]

    def _keep(
        self,
        item: Prepared,
        objects: Sequence[tuple[Mapping[str, Any], str]],
        faults: Sequence[FileFault],
    ) -> None:
        made = result(self.files, item, objects, faults)
        self.units[item.unit.key] = made
        self.rendered += 1
        if lasts(made):
            self.store.put(f"unit:{item.key}", made.data())
        self.store.put(f"objects:{made.key}", [body for body, _ in objects])


def _has_plain_part(item: Prepared) -> bool:
    """Whether a kustomization is only blocked by what is outside what is read."""
    codes = {fault.code for _, fault in item.faults}
    return item.blocked and item.unit.tool == "kustomize" and codes <= index_plain.UNREAD


def _helm_faults(unit: Unit, error: str | None) -> list[FileFault]:
    if error is None:
        return []
    options = json.loads(unit.options)
    fix = "make it reachable" if unit.tool == "chart" else f"check the output of `helm template {unit.path}`"
    if error == NO_HELM:
        fix = "install helm"
    message = f"the chart is not rendered: {error}"
    return [(options["file"], Fault("chart", options["line"] or 1, message, fix))]


def lasts(unit: UnitResult) -> bool:
    """Whether a result may be stored: a chart that could not be rendered now may be next time.

    The same is true for what a limit ended.
    """
    return not any(
        fault.code == "chart" or (fault.code == "build" and run.was_limited(fault.message))
        for _, fault in unit.faults
    )
