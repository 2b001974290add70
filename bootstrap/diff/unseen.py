"""Pure: changes whose effect is not shown, because what an Application names was not rendered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bootstrap.diff.compare import where_of
from bootstrap.diff.deletion import Applications
from bootstrap.diff.matters import Matter
from bootstrap.repository.model import Unknown
from bootstrap.resources.applications import Source, sources
from bootstrap.resources.index import Resource


def unseen(applications: Applications, unread: Iterable[Unknown]) -> Iterator[Matter]:
    """For each Application that is new or whose sources have changed: what of it was not read."""
    parts: dict[str, list[Unknown]] = {}
    for part in unread:
        parts.setdefault(part.application, []).append(part)
    for name, unread_parts in parts.items():
        old, new = applications.before.get(name), applications.after.get(name)
        if new is None or not is_asked_anew(old, new):
            continue
        if old is None and new.application in applications.broken_before:
            continue  # it may be in the cluster already
        told = _versions(old, new)
        for part in unread_parts:
            version = told.get(part.what, "")
            text = f"{part.what}{version}: what it changes in the cluster is not shown; {part.why}"
            yield Matter("unseen", text, f"Application {name}", name, where_of(new))


def is_asked_anew(old: Resource | None, new: Resource) -> bool:
    """Whether an Application is new, or its sources have changed."""
    return old is None or _asked(old) != _asked(new)


def _asked(application: Resource) -> list[object]:
    return [application.spec.get("source"), application.spec.get("sources")]


def _versions(old: Resource | None, new: Resource) -> Mapping[str, str]:
    """`chart NAME` → its version, or both."""
    before = _charts(old) if old is not None else {}
    found = {}
    for name, one in _charts(new).items():
        was = before.get(name)
        if was is not None and was.revision != one.revision:
            found[f"chart {name}"] = f" {was.revision} → {one.revision}"
        else:
            found[f"chart {name}"] = f" {one.revision}" + ("" if was is None else " with other settings")
    return found


def _charts(application: Resource) -> dict[str, Source]:
    return {one.chart: one for one in sources(application.body) if one.chart}
