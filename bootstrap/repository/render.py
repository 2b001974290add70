"""Gets a result for every unit: from the last run, from the store, or rendered now."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bootstrap.core.invocation import Invocation
from bootstrap.manifests.reader import Fault
from bootstrap.programs import run
from bootstrap.repository import charts
from bootstrap.repository import kustomize as index_kustomize
from bootstrap.repository import plain as index_plain
from bootstrap.repository.faults import FileFault, replacement_fault
from bootstrap.repository.files import Files
from bootstrap.repository.source import Unit
from bootstrap.repository.store import Store
from bootstrap.repository.tools import Built, Overlay, build_many, kustomize
from bootstrap.repository.unit import Prepared, UnitResult, from_directory, from_list, prepare, result

CHUNK = 256
"""How many units to render before the parsed files are dropped."""
_RESTRICTED = re.compile(r"security; file .* is not in or below")
"""A file outside its folder: Flux includes it, and so does Argo CD if it is configured to."""
_PLUGINS = re.compile(r"external plugins disabled|--enable-(?:helm|alpha-plugins|exec)")
_BASES, _LOOKS = 50, 200
"""The most folders, per kustomization and in total, that are built alone to find the broken one."""


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
        report: Callable[[str], None],
    ) -> None:
        self.files, self.invocation, self.store = files, invocation, store
        self.units: dict[str, UnitResult] = {}
        self.rendered = 0
        self.dirty = False
        self._before, self._changed = before, changed
        self._listing_same, self._allow_remote = listing_same, allow_remote
        self.unrestricted = False
        self._program: str | None = None
        self._causes: dict[str, tuple[str, str]] = {}
        self._looked = 0
        self._report = report
        self._budget = run.budget(sum(stat[0] for stat in files.stats.values()))

    def render(self, units: Iterable[Unit]) -> None:
        """Get a result for each unit: from the last run, from the store, or rendered now."""
        wanted = list({unit.key: unit for unit in units if unit.key not in self.units}.values())
        fresh: list[Unit] = []
        for unit in wanted:
            known = self._before.get(unit.key)
            if known is not None and self._still_holds(known):
                self.units[unit.key] = UnitResult.from_data(known)
            else:
                fresh.append(unit)
        for start in range(0, len(fresh), CHUNK):
            self._chunk(fresh[start : start + CHUNK])

    def _still_holds(self, known: Mapping[str, Any]) -> bool:
        """Whether no file that the result depends on was changed, added or removed."""
        if self._changed.intersection(known["closure"]):
            return False
        return self._listing_same or not known["volatile"]

    def _chunk(self, units: Sequence[Unit]) -> None:
        self.dirty = True
        todo: list[Prepared] = []
        plain: list[Prepared] = []
        for unit in units:
            prepared = prepare(self.files, unit, self._allow_remote)
            known = self.store.get(f"unit:{prepared.key}")
            if known is not None and self.store.has(f"objects:{known['key']}"):
                self.units[unit.key] = UnitResult.from_data(known)
            elif _has_plain_part(prepared):
                plain.append(prepared)
            elif prepared.blocked and unit.tool == "kustomize" and not prepared.parts:
                self._keep(prepared, (), ())
            else:
                todo.append(prepared)
        for item, objects in zip(plain, self._plain(plain), strict=True):
            self._keep(item, objects, ())
        overlays = [item for item in todo if item.overlay is not None]
        if overlays:
            self._build(overlays)
        for item in todo:
            if item.unit.tool == "directory":
                self._keep(item, from_directory(self.files, item), ())
            elif item.unit.tool in ("helm", "chart"):
                built = charts.build(self.files, item.unit, self.invocation, self._budget)
                self._keep(item, built.objects, _helm_faults(item.unit, built.error))
        for item in todo:
            for name in item.closure:
                self.files.forget(name)

    def _build(self, items: Sequence[Prepared]) -> None:
        """Build kustomizations; those that are only lists are built from their parts if possible."""
        parts = {part.folder: part for item in items for part in item.parts if isinstance(part, Overlay)}
        whole = [item for item in items if not item.parts]
        asked = [*parts.values(), *(item.overlay for item in whole if item.overlay is not None)]
        answers = self._run(asked)
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
        self._take(rest, self._run([item.overlay for item in rest if item.overlay is not None]))

    def _run(self, overlays: Sequence[Overlay]) -> list[Built]:
        if not overlays:
            return []
        self._program = self._program or kustomize(self.invocation, self._report)
        given = (self.files.root, overlays, self._program, self._allow_remote, self._budget)
        answers = build_many(*given)
        if self.unrestricted:
            for number, built in enumerate(answers):
                if built.error is not None and _RESTRICTED.search(built.error):
                    again = (self.files.root, [overlays[number]], *given[2:], True)
                    answers[number] = build_many(*again)[0]
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
        program = self._program = self._program or kustomize(self.invocation, self._report)

        def build(item: Prepared) -> Sequence[tuple[Mapping[str, Any], str]]:
            options = json.loads(item.unit.options)
            return index_plain.build(self.files, item.unit.path, options, program).objects

        if len(items) == 1:
            return [build(items[0])]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
            return list(pool.map(build, items))

    def _cause(self, folder: str, error: str) -> tuple[str, str]:
        """The deepest of the included folders that cannot be built either."""
        if folder not in self._causes:
            self._causes[folder] = (folder, error)
            for inner in index_kustomize.folders(self.files, folder)[:_BASES]:
                self._looked += 1
                if self._looked > _LOOKS:
                    break
                alone = self._run([Overlay(inner)])[0]
                if alone.error is not None:
                    self._causes[folder] = self._cause(inner, alone.error)
                    break
        return self._causes[folder]

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
    if error == charts.NO_HELM:
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
