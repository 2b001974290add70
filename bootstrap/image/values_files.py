"""Pure: values files of any name: those that Applications and kustomizations name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from bootstrap.core.errors import InputError
from bootstrap.edit.files import Files
from bootstrap.image import paths as images_layout
from bootstrap.image.paths import Home
from bootstrap.image.place import ImagePlace, Reading
from bootstrap.image.places import find, is_kustomization
from bootstrap.yamledit.walk import Place, decode, walk

_KEYS = (b"valueFiles", b"valuesFile", b"additionalValuesFiles")


class Named(NamedTuple):
    """A values file, the ones that it overrides, and what it belongs to."""

    file: str
    over: tuple[str, ...]
    home: Home


def named(paths: Iterator[str], files: Files) -> list[Named]:
    """The values files that the objects in these files name, in order, each once."""
    found: dict[str, Named] = {}
    for path in paths:
        content = files.read(path)
        if content is None or not any(key in content for key in _KEYS):
            continue
        try:
            reading = Reading(path, walk(decode(content, path), path))
        except InputError:
            continue
        for one in _of_charts(reading) if is_kustomization(path) else _of_applications(reading):
            if files.read(one.file) is not None:
                found.setdefault(one.file, one)
    return list(found.values())


def places(one: Named, files: Files) -> list[ImagePlace]:
    """The images in a values file of any name; none if it is not valid YAML."""
    bases: list[ImagePlace] = []
    for file in (*one.over, one.file):
        content = files.read(file)
        try:
            found = find(file, content, bases, values=True) if content is not None else []
        except InputError:
            found = []
        if file == one.file:
            return found
        bases += [place for place in found if place.kind == "values"]
    return []


def _of_applications(reading: Reading) -> Iterator[Named]:
    """`helm.valueFiles` of Applications and ApplicationSets."""
    sources: dict[Place, list[str]] = {}
    for span in reading.file.spans:
        if span.path[-3:-1] == ("helm", "valueFiles") and isinstance(span.path[-1], int):
            sources.setdefault(span.path[:-3], []).append(span.value)
    for source, listed in sources.items():
        folder = _plain(reading.text(*source, "path"))
        own = images_layout.home_of(f"{folder}/kustomization.yaml") if folder else Home(None, None)
        told = [file for name in listed if (file := _file(name, folder)) is not None]
        default = [f"{folder}/values.yaml"] if folder else []
        for number, file in enumerate(told):
            environment = images_layout.home_of(file).environment or own.environment or _stem(file)
            yield Named(file, (*default, *told[:number]), Home(own.app, environment))


def _of_charts(reading: Reading) -> Iterator[Named]:
    """`valuesFile` and `additionalValuesFiles` of a kustomization's `helmCharts`."""
    folder, home = posixpath.dirname(reading.path), images_layout.home_of(reading.path)
    charts: dict[Place, list[str]] = {}
    for span in reading.file.spans:
        if span.path[1:2] == ("helmCharts",) and (
            span.path[-1] == "valuesFile" or "additionalValuesFiles" in span.path
        ):
            charts.setdefault(span.path[:3], []).append(
                posixpath.normpath(posixpath.join(folder, span.value))
            )
    for listed in charts.values():
        for number, file in enumerate(listed):
            yield Named(file, tuple(listed[:number]), home)


def _file(name: str, folder: str | None) -> str | None:
    """Where a values file is: `$ref/path` and `/path` from the root, else from the chart's folder."""
    if "{" in name or "://" in name:
        return None
    if name.startswith(("$", "/")):
        _, _, path = name.partition("/")
        return posixpath.normpath(path)
    path = posixpath.normpath(posixpath.join(folder, name)) if folder is not None else ""
    return path if path and not path.startswith("..") else None


def _plain(path: str) -> str | None:
    folder = posixpath.normpath(path.strip().strip("/") or ".")
    return None if not path.strip() or "{" in path or folder.startswith("..") else folder.removeprefix(".")


def _stem(file: str) -> str:
    return posixpath.basename(file).partition(".")[0]
