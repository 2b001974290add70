"""Pure: what a rendered chart depends on: its files, its values, and what it asks of the cluster."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bootstrap.repository.charts import archive, dependencies
from bootstrap.repository.charts.application import Target
from bootstrap.repository.charts.application import unit as asked
from bootstrap.repository.charts.fetch import Wanted
from bootstrap.repository.charts.values import files_of as values_files
from bootstrap.repository.files import Files
from bootstrap.repository.source import Unit
from bootstrap.resources.applications import destination, sources
from bootstrap.resources.index import Resource


def files_of(files: Files, unit: Unit) -> list[str]:
    """The files of this repository that the result depends on: a chart's own, and its values."""
    options = json.loads(unit.options)
    found = values_files(options, unit.tool, unit.path, files.stats)
    if unit.tool == "helm":
        found |= set(files.below(unit.path))
        for path in dependencies.local(files, unit.path).values():
            found |= set(files.below(path))
    return sorted(found)


def values_of(files: Files, application: Resource, urls: Sequence[str]) -> set[str]:
    """The values files outside of charts that an Application names with `$ref/`: globs and variables, too.

    Also those of a chart that is not rendered; what is missing is left out.
    """
    found: set[str] = set()
    namespace = destination(application.body)[1]
    for source in sources(application.body):
        if source.body.get("helm"):
            unit = asked(source, application, namespace, urls, Target(""))
            found |= values_files(json.loads(unit.options), unit.tool, "", files.stats)
    return found


def wanted(files: Files, unit: Unit) -> dict[str, Wanted]:
    """The charts that have to be fetched for it, by name."""
    if unit.tool == "chart":
        chart = json.loads(unit.options)["chart"]
        return {chart["name"]: Wanted(chart["repo"], chart["name"], chart["version"])}
    return dependencies.remote(files, unit.path) if unit.tool == "helm" else {}


def key(files: Files, unit: Unit, names: Sequence[str], fetched: Sequence[tuple[str, bool]]) -> str:
    """What its result is stored under, in addition to its files: not where its Application is written.

    The cluster's API versions count only for a chart that looks at them.
    """
    options = json.loads(unit.options)
    looks = any(asks for _, asks in fetched) or (
        unit.tool == "helm"
        and any(path.endswith(".tgz") or archive.ASKS in files.read(path) for path in names)
    )
    dropped = {"file", "line", "own_apis", *(() if looks else ("apis",))}
    rest = {name: value for name, value in options.items() if name not in dropped}
    digests = sorted(digest for digest, _ in fetched)
    return json.dumps([unit.tool, unit.path, rest, digests], sort_keys=True)
