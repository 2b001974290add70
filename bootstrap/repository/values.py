"""The values files that Applications of a repository pass to helm, and what is wrong with them as YAML."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from bootstrap.repository.faults import FileFault
from bootstrap.repository.files import Files
from bootstrap.repository.model import Repository
from bootstrap.resources.applications import is_here, referenced_values, sources
from bootstrap.resources.index import Resource, mapping, sequence

_VALUES_FILE = re.compile(r"(?:.*[-_.])?values(?:[-_.].*)?\.ya?ml", re.IGNORECASE)


def values_faults(repository: Repository) -> Iterator[FileFault]:
    """What prevents helm from reading values, whether or not their chart was rendered."""
    for path in sorted(values_files(repository)):
        for fault in repository.files.parsed(path).faults:
            yield path, fault


def values_files(repository: Repository) -> set[str]:
    """The values files that are in the repository."""
    return {
        path
        for scope in repository.scopes
        for application in scope.applications
        for path in _named(application, repository.files, repository.urls)
    }


def _named(application: Resource, files: Files, urls: list[str]) -> Iterator[str]:
    """The files that an Application names: `$ref/path`, or relative to a chart in this repository.

    Such a chart has its own values.yaml, which nobody names.
    """
    for _, _, path in referenced_values(application.body, urls):
        yield from _there(files, path)
    for source in sources(application.body):
        if source.path is None or not is_here(source, urls):
            continue
        folder = source.folder
        if files.has(posixpath.normpath(posixpath.join(folder, "Chart.yaml"))):
            yield from _there(files, posixpath.join(folder, "values.yaml"))
        for name in map(str, sequence(mapping(source.body.get("helm")).get("valueFiles"))):
            if not name.startswith("$"):
                yield from _there(files, name[1:] if name.startswith("/") else posixpath.join(folder, name))


def _there(files: Files, path: str) -> Iterator[str]:
    path = posixpath.normpath(path)
    if files.has(path):
        yield path


def is_values(path: str) -> bool:
    """Whether the file's name says that it has a chart's values."""
    return _VALUES_FILE.fullmatch(path.rsplit("/", 1)[-1]) is not None
