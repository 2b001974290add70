"""Which Secrets `bootstrap init` creates for a cluster's Applications, by the rule that `init` follows."""

from __future__ import annotations

import posixpath
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress

from bootstrap.core.errors import InputError
from bootstrap.layout import asked_secrets
from bootstrap.layout.settings import Settings, parse_record, recorded_settings
from bootstrap.manifests.reader import MAX_BYTES
from bootstrap.repository.files import Files
from bootstrap.repository.model import Repository, Scope, promised
from bootstrap.resources.index import SECRETS, Resource
from bootstrap.validate.config import records
from bootstrap.validate.rule import Problem, problem
from bootstrap.validate.rules.projects import REFUSED

_NOT_READ = (
    "only Applications directly in a folder that the cluster's kustomization.yaml names are asked for theirs"
)


_last: list[tuple[weakref.ref[Repository], list[tuple[str, list[asked_secrets.Judged]]]]] = []
"""Of the repository that was asked about last."""


class _Tree(Mapping[str, bytes]):
    """The repository's files as `init` reads them from a commit."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.paths = [path for path, known in files.stats.items() if known[0] <= MAX_BYTES]

    def __getitem__(self, path: str) -> bytes:
        if path not in self.files.stats:
            raise KeyError(path)
        return self.files.read(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def judge(repository: Repository, scope: Scope) -> list[Problem]:
    """What is wrong with the annotations of a scope's Applications; `scope.promised` keeps what is created.

    A repository without bootstrap.yaml has no layout for `init` to judge it by, and stays as it was read.
    """
    asking = {one.name: one for one in scope.applications if one.annotations.get(SECRETS)}
    if not asking:
        return []
    found: list[Problem] = []
    for folder, every in _known(repository):
        if scope.complete and folder != scope.root:
            continue
        here = {one.application: one for one in every if one.on == scope.complete}
        for name, application in asking.items():
            if one := here.get(name):
                found += _verdict(scope, application, one)
            elif scope.complete:
                found.append(_refusal(scope, application, "it does not read the annotation", _NOT_READ))
    return found


def _known(repository: Repository) -> list[tuple[str, list[asked_secrets.Judged]]]:
    """What is judged, once for all scopes of a repository: every file of a layout is looked at for it."""
    if not _last or _last[0][0]() is not repository:
        _last[:] = [(weakref.ref(repository), list(_judged(repository.files)))]
    return _last[0][1]


def _verdict(scope: Scope, application: Resource, one: asked_secrets.Judged) -> Iterator[Problem]:
    if one.refused is None:
        scope.promised.update({(each.namespace, each.name): each.keys for each in one.requests})
    else:
        yield _refusal(scope, application, one.refused.found, one.refused.hint)


def _refusal(scope: Scope, application: Resource, why: str, fix: str) -> Problem:
    for key in promised(application):
        scope.promised.pop(key, None)
    message = f"{application}: bootstrap init creates no Secret for it: {why}"
    return problem(REFUSED, application, message, "metadata", "annotations", SECRETS, fix=fix)


def _judged(files: Files) -> Iterator[tuple[str, list[asked_secrets.Judged]]]:
    """(folder of the cluster, its Applications) for every cluster that a bootstrap.yaml names."""
    tree = _Tree(files)
    for path in records(files):
        with suppress(InputError):  # a file that is not YAML, or an invalid record: a finding of its own
            record = parse_record(files.read(path), path)
            for name in record.clusters:
                place = Settings("", "main", cluster=name, path=posixpath.dirname(path))
                if (settings := recorded_settings(record, place)) is not None:
                    yield settings.folder, list(asked_secrets.judged(tree, settings))
