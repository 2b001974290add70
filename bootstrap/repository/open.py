"""What commands need from a repository: read it through the cache, and choose a scope."""

from __future__ import annotations

import gc
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.output import Output
from bootstrap.repository.files import LOOKING
from bootstrap.repository.locate import Place, locate
from bootstrap.repository.model import Options, Repository, Scope
from bootstrap.repository.read import read
from bootstrap.repository.store import open_store
from bootstrap.resources.index import Index


@contextmanager
def opened(path: Path, output: Output, options: Options, cached: bool = True) -> Iterator[Repository]:
    """Read the repository that `path` is in; what takes long, or is left out, is reported on stderr.

    What was rendered is stored if the block ends without an error.
    """
    place = locate(path, output.invocation)
    with _few_collections():
        store = open_store(output.invocation, cached)
        try:
            repository = read(place.top, output.invocation, store, options, output.info)
        except InputError as error:
            if not place.within or error.tried != LOOKING:
                raise
            output.info(f"{place.within} is read without the rest of {place.top}: {error.found}")
            place = Place(place.top / place.within)
            repository = read(place.top, output.invocation, store, options, output.info)
        repository.within = place.within
        if place.within:
            output.info(f"{place.within} is part of {place.top}: paths are relative to that")
        if nested := repository.files.nested:
            names = ", ".join(sorted(nested)[:5]) + (" and more" if len(nested) > 5 else "")
            many = "Git repositories" if len(nested) > 1 else "Git repository"
            output.info(f"left out: {len(nested)} {many} inside ({names})")
        yield repository
        store.close()


@contextmanager
def _few_collections() -> Iterator[None]:
    """Collect garbage less often: hundreds of thousands of objects are read, and hardly any are in cycles."""
    before = gc.get_threshold()
    gc.set_threshold(20_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def nothing_in(repository: Repository) -> InputError:
    """The error for a folder without anything to read."""
    where = repository.files.root / repository.within
    found = "it has no kustomization and no Kubernetes manifest"
    if nested := sorted(repository.files.nested):
        found += f"; Git repositories in it are not read ({', '.join(nested[:5])})"
    if charts := repository.files.named("Chart.yaml"):
        names = ", ".join(posixpath.dirname(path) or "." for path in charts[:3])
        names += ", …" * (len(charts) > 3)
        which = f"one of its {len(charts)} charts" if len(charts) > 1 else "its chart"
        found += f"; no Application names {which} ({names})"
    if repository.templated:
        found += f"; {len(repository.templated)} files are templates of another program"
    return InputError(LOOKING, found, "name the folder of a GitOps repository", str(where))


def choose_scope(repository: Repository, cluster: str | None) -> Scope:
    """The scope to use: the requested one, else the first that is a complete cluster.

    For a folder, the first that it is part of.
    """
    complete = choose_scopes(repository, cluster)
    return next((scope for scope in complete if repository.is_within(scope.root)), complete[0])


def choose_scopes(repository: Repository, cluster: str | None) -> list[Scope]:
    """The scopes that may be meant: the clusters, or without one every folder that no cluster leads to."""
    scopes = repository.scopes
    if cluster is not None:
        scopes = [scope for scope in scopes if scope.name == cluster]
    if repository.within:
        scopes = [scope for scope in scopes if any(map(repository.concerns, scope.placements))] or scopes
    complete = [scope for scope in scopes if scope.complete] or scopes
    if not complete:
        raise nothing_in(repository)
    return complete


def cluster_index(repository: Repository, scope: Scope) -> Index:
    """Everything of a scope that goes to the cluster where Argo CD runs, else to its first one."""
    index = repository.index(scope)
    if index.resources or not scope.placements:
        return index
    return repository.index(scope, scope.placements[0].cluster)
