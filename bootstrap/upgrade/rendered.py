"""What an upgrade changes in the cluster, by Application: charts, objects, and which pods restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bootstrap.core import scratch
from bootstrap.core.invocation import Invocation
from bootstrap.diff import compare
from bootstrap.diff.compare import Change, Key
from bootstrap.diff.run import objects
from bootstrap.repository.model import Options
from bootstrap.repository.read import read
from bootstrap.repository.store import open_store
from bootstrap.resources.applications import sources
from bootstrap.resources.index import Resource, mapping

_PODS = {"Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "Deployment", "StatefulSet", "DaemonSet"}

Files = Mapping[str, bytes]
Charts = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Bump:
    """A chart of an Application, with its version before and after ("" if absent)."""

    application: str
    chart: str
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """`restarts` are the workloads whose pods change; `fetched`: whether charts were rendered."""

    changes: tuple[Change, ...] = ()
    bumps: tuple[Bump, ...] = ()
    restarts: tuple[str, ...] = ()
    before: Mapping[Key, Resource] = field(default_factory=dict, repr=False)
    after: Mapping[Key, Resource] = field(default_factory=dict, repr=False)
    fetched: bool = False


def difference(
    before: Files,
    after: Files,
    urls: tuple[str, ...],
    invocation: Invocation,
    report: Callable[[str], None],
    fetch_charts: bool = False,
) -> Difference:
    """Both sides read as `bootstrap diff` reads them; `urls` are this repository's."""
    sides: list[dict[Key, Resource]] = []
    store = open_store(invocation, True)
    with scratch.folder("upgrade", invocation.environ.get("TMPDIR")) as folder:
        for number, files in enumerate((before, after)):
            root = folder / str(number)
            _write(root, files)
            options = Options(urls=urls, fetch_charts=fetch_charts)
            sides.append(objects(read(root, invocation, store, options, report)))
        store.close()
    changes = [
        replace(one, application=one.application.partition("/")[2] or one.application)
        for one in compare.compare(sides[0], sides[1])
    ]
    return Difference(
        tuple(changes),
        tuple(_bumps(*(_charts(side) for side in sides))),
        tuple(_restarts(*sides)),
        sides[0],
        sides[1],
        fetched=fetch_charts,
    )


def lines(found: Difference, full: bool) -> Iterator[str]:
    """As text: an Application, its chart, its objects; with `full`, what changes in each."""
    described = {one.application for one in found.changes} | {one.application for one in found.bumps}
    if not described:
        yield "none of the rendered objects changes in the cluster"
        return
    for application in sorted(described):
        yield f"Application {application or '(applied by hand)'}"
        for bump in (one for one in found.bumps if one.application == application):
            versions = f"{bump.before or '(none)'} -> {bump.after or '(none)'}"
            yield f"  chart {bump.chart} {versions}{_how(found, bump)}"
        for change in (one for one in found.changes if one.application == application):
            restart = "  (its pods restart)" if change.object in found.restarts else ""
            yield f"  {compare.SIGNS[change.kind]} {change.object}{restart}"
            if change.refused:
                yield f"    ! {change.refused}"
            if full:
                yield from (f"      {line}" for line in change.lines)


def data(found: Difference) -> dict[str, Any]:
    """As JSON data (docs/json.md)."""
    return {
        "changes": compare.data(found.changes),
        "charts": [
            {"application": one.application, "chart": one.chart, "before": one.before, "after": one.after}
            for one in found.bumps
        ],
        "restarts": list(found.restarts),
    }


def _how(found: Difference, bump: Bump) -> str:
    return "" if found.fetched or not (bump.before and bump.after) else " (its objects: --fetch-charts)"


def _write(root: Path, files: Files) -> None:
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def _charts(side: Mapping[Key, Resource]) -> Charts:
    """Application → chart → version."""
    found: Charts = {}
    for one in side.values():
        if str(one.body.get("kind")) == "Application":
            charts = {item.chart: item.revision for item in sources(one.body) if item.chart}
            found.setdefault(one.name, {}).update(charts)
    return found


def _bumps(before: Charts, after: Charts) -> Iterator[Bump]:
    for application in sorted({*before, *after}):
        old, new = before.get(application, {}), after.get(application, {})
        for chart in sorted({*old, *new}):
            if old.get(chart) != new.get(chart):
                yield Bump(application, chart, old.get(chart, ""), new.get(chart, ""))


def _restarts(before: Mapping[Key, Resource], after: Mapping[Key, Resource]) -> Iterator[str]:
    for key, one in sorted(after.items()):
        old = before.get(key)
        if old is None or str(one.body.get("kind")) not in _PODS:
            continue
        if mapping(old.spec.get("template")) != mapping(one.spec.get("template")):
            yield str(one)
