"""Renders a chart with helm, with the arguments that Argo CD's repo-server gives it."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.core import scratch, verbose
from bootstrap.manifests.reader import MAX_BYTES
from bootstrap.programs import run
from bootstrap.repository import tools
from bootstrap.repository.charts import archive, dependencies, generated
from bootstrap.repository.charts.values import Unresolved, file_places, places
from bootstrap.repository.files import Files
from bootstrap.repository.source import Unit


@dataclass(frozen=True)
class Given:
    """What a chart is rendered from: the repository's files, helm, and the archives of what was fetched.

    `chart` is the archive of a fetched chart, `packed` are those of a local chart's dependencies by name.
    """

    files: Files
    program: str
    budget: run.Budget
    chart: bytes | None = None
    packed: Mapping[str, bytes] | None = None


def build(unit: Unit, given: Given) -> tools.Built:
    """Render a chart; the error is helm's message, or what is missing.

    helm gets copies: of a chart's files, only those in the repository or in its archive. It has no network.
    """
    options = json.loads(unit.options)
    if (fault := _unfit(options["release"], options["namespace"])) is not None:
        return tools.Built(error=fault)
    with scratch.folder("chart") as folder:
        try:
            own = _chart(unit, given, folder / "chart")
            arguments = _arguments(unit, options, given.files, folder, own)
        except (Unresolved, archive.Unreadable) as error:
            return tools.Built(error=str(error))
        command = (given.program, "template", *arguments, "--", options["release"], str(folder / "chart"))
        ended = _run(command, unit.path or options["chart"]["name"], folder, given.budget)
        if (complaint := ended.complaint) is not None:
            complaint = complaint.replace(f"{folder}/", "").removeprefix("Error: ")
            return tools.Built(error=" ".join(complaint.split())[:600])
        objects, unreadable = tools.loaded(ended.out)
        if generated.holds_data(objects) and generated.generates(_files(folder / "chart")):
            again = _run(command, unit.path or options["chart"]["name"], folder, given.budget)
            objects = generated.settled(objects, tools.loaded(again.out)[0])
    files = _templates(ended.out.decode("utf-8", "replace"), unit, given.files, len(objects))
    placed = [(body, file) for one, file in zip(objects, files, strict=True) for body in _unlisted(one)]
    return tools.Built(tuple(placed), unreadable)


_DOCUMENT = re.compile(r"^---[ \t]*\n", re.MULTILINE)
_SOURCE = re.compile(r"^# Source: [^/\n]+/(\S+)$", re.MULTILINE)
_CONTENT = re.compile(r"^[^#\s]", re.MULTILINE)


def _templates(text: str, unit: Unit, files: Files, count: int) -> list[str]:
    """For each of `count` objects that helm printed, its template in the repository; "" where unknown."""
    if unit.tool != "helm":
        return [""] * count
    found = []
    for document in _DOCUMENT.split(text):
        if _CONTENT.search(document):
            source = _SOURCE.search(document)
            path = posixpath.join(unit.path, source[1]) if source is not None else ""
            found.append(path if files.has(path) else "")
    return found if len(found) == count else [""] * count


def _run(command: Sequence[str], chart: str, folder: Path, budget: run.Budget) -> run.Ended:
    with verbose.call(f"helm template {command[-2]} {chart}") as call:
        ended = run.run(command, folder, os.environ, (folder,), False, budget)
        call.ended = "refused" if ended.complaint else f"{len(ended.out):,} bytes"
    return ended


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    return ((path.name, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file())


def _unlisted(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The items of a list, else the object itself."""
    items = body.get("items")
    if str(body.get("kind") or "").endswith("List") and isinstance(items, list):
        return [one for one in items if isinstance(one, dict)]
    return [body]


def _chart(unit: Unit, given: Given, folder: Path) -> Collection[str]:
    """Write the chart to `folder`; returns its files. Raises Unresolved, Unreadable."""
    if given.chart is not None:
        return archive.unpack(given.chart, folder)
    files = given.files
    _copied(files, unit.path, folder)
    for name, path in dependencies.local(files, unit.path).items():
        _copied(files, path, folder / "charts" / name)
    for name, content in (given.packed or {}).items():
        archive.unpack(content, folder / "charts" / name)
    return ()


def _copied(files: Files, path: str, folder: Path) -> None:
    start = f"{path}/" if path else ""
    for one in files.below(path):
        if files.stats[one][0] > MAX_BYTES:
            raise Unresolved(f"{one} has more than {MAX_BYTES / 1e6:.0f} MB")
        _written(folder / one.removeprefix(start), files.read(one))


_PARAMETER = re.compile(r"(?:[^,={}\\\n]|\\.)+")
"""A name that helm reads as one: after a comma, it would read another name, and the file that it gives."""


def _arguments(
    unit: Unit, options: Mapping[str, Any], files: Files, folder: Path, own: Collection[str]
) -> list[str]:
    """helm's options; what a repository names is only ever part of one. Raises Unresolved."""
    read: dict[str, Callable[[str], bytes]] = {
        "repository": files.read,
        "chart": lambda path: (folder / "chart" / path).read_bytes(),
    }
    there = {"repository": files.stats, "chart": own}
    arguments = [f"--namespace={options['namespace'] or 'default'}"]
    if options["kubernetes"]:
        arguments.append(f"--kube-version={options['kubernetes']}")
    arguments += [f"--set={one}" for one in options["set"]]
    arguments += [f"--set-string={one}" for one in options["set_string"]]
    for number, (name, (kind, path)) in enumerate(file_places(options, unit.tool, unit.path)):
        if not _PARAMETER.fullmatch(name):
            raise Unresolved(f"the file parameter {name[:80]!r} is not the name of a single value")
        if path not in there[kind]:
            raise Unresolved(f"the file {path} of the parameter {name} is not in this {kind}")
        arguments.append(f"--set-file={name}={_written(folder / f'set-{number}', read[kind](path))}")
    contents = [read[kind](path) for kind, path in places(options, unit.tool, unit.path, there)]
    contents += [options["values"].encode()] if options["values"] else []
    for number, content in enumerate(contents):
        arguments.append(f"--values={_written(folder / f'values-{number}.yaml', content)}")
    arguments += [f"--api-versions={one}" for one in options["apis"]]
    skipped = {"SchemaValidation": "--skip-schema-validation", "Tests": "--skip-tests"}
    arguments += [flag for name, flag in skipped.items() if name in options["skip"]]
    return arguments if "Crds" in options["skip"] else [*arguments, "--include-crds"]


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


_RELEASE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def _unfit(name: str, namespace: str) -> str | None:
    """Why these names are not passed to helm: they come from a repository, and could be options."""
    if len(name) > 53 or not _RELEASE.fullmatch(name):
        return (
            f"{name!r} is not a valid release name: lower-case letters, digits and -, at most 53 characters"
        )
    if namespace and (len(namespace) > 63 or not _NAMESPACE.fullmatch(namespace)):
        return (
            f"{namespace!r} is not a valid namespace: lower-case letters, digits and -, at most 63 characters"
        )
    return None
