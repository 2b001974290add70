"""What `bootstrap diff` does, callable from Python: two revisions, or Git against a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from bootstrap.core import scratch
from bootstrap.core.errors import ExitStatus, InputError
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.diff import compare, images, starts
from bootstrap.diff import matters as what_matters
from bootstrap.diff.compare import Change, Key
from bootstrap.diff.deletion import Fleet
from bootstrap.diff.fleet import fleet
from bootstrap.diff.matters import Matter
from bootstrap.diff.shared import shared
from bootstrap.diff.unseen import unseen
from bootstrap.repository.coverage import changed, coverage_of, unread_of
from bootstrap.repository.coverage_line import Coverage
from bootstrap.repository.discover import remotes
from bootstrap.repository.locate import locate
from bootstrap.repository.lookup import check_application
from bootstrap.repository.model import Options, Repository, Scope
from bootstrap.repository.open import choose_scope
from bootstrap.repository.read import read
from bootstrap.repository.store import Store, open_store
from bootstrap.resources.index import IN_CLUSTER, Resource, mapping
from bootstrap.resources.pods import is_hook


@dataclass(frozen=True)
class Charts:
    """Whether charts are fetched, and what is known about the cluster that they are rendered for."""

    fetch: bool = False
    kubernetes: str = ""
    apis: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What was asked for; see the options of the command."""

    path: Path
    revisions: str | None = None
    live: bool = False
    cluster: str | None = None
    context: str | None = None
    application: str | None = None
    cached: bool = True
    check_images: bool = False
    charts: Charts = Charts()

    def options(self, urls: tuple[str, ...] = ()) -> Options:
        """What to read of the repository, or of a copy of one whose remotes are `urls`."""
        charts = self.charts
        return Options(self.cluster, False, charts.fetch, charts.kubernetes, charts.apis, urls)


def diff(request: Request, output: Output, format: str, limit: int = compare.LIMIT) -> int:
    """Print what differs; 1 when something does. For a folder, only what differs in its files."""
    place = locate(request.path, output.invocation)
    request = replace(request, path=place.top)
    store = open_store(output.invocation, request.cached)
    with scratch.removing() as remove:  # the revisions' files, while what differs is found and shown
        if request.live:
            found = against_cluster(request, output, store)
        else:
            found = between_revisions(request, output, store, remove)
        store.close()
        return _shown(found, request, place.within, output, format, limit)


def _shown(found: Found, request: Request, within: str, output: Output, format: str, limit: int) -> int:
    changes, unread, matters = found.changes, list(found.unread), found.matters
    check_application(request.application, found.names)
    if within:
        changes = [one for one in changes if one.where.startswith(f"{within}/")]
        unread = [one for one in unread if one[0].startswith(f"{within}/")]
        matters = [one for one in matters if one.where.startswith(f"{within}/")]
    if request.application is not None:
        asked = request.application
        changes = [one for one in changes if asked in {one.application, one.application.partition("/")[2]}]
        matters = [one for one in matters if asked in {one.application, one.application.partition("/")[2]}]
    show(replace(found, changes=changes, matters=matters, unread=tuple(unread)), output, format, limit)
    return ExitStatus.NO if changes or unread or matters else ExitStatus.OK


@dataclass(frozen=True)
class Found:
    """What differs, and the Applications (`namespace/name`) that are on either side.

    `unread` has (file, why) of changed files whose objects were not read; `read` is what was read;
    `matters` is what to look at first.
    """

    changes: list[Change]
    names: set[str]
    read: Coverage | None = None
    unread: tuple[tuple[str, str], ...] = ()
    matters: list[Matter] = field(default_factory=list)


def show(found: Found, output: Output, format: str, limit: int = compare.LIMIT) -> None:
    """Print changes as text, Markdown (its objects up to `limit` characters) or JSON."""
    changes = found.changes
    if format == "json":
        unread = [{"file": path, "why": why} for path, why in found.unread]
        covered = found.read.data() if found.read is not None else None
        matters = [one.data() for one in found.matters]
        data = {"matters": matters, "changes": compare.data(changes), "unread": unread, "coverage": covered}
        output.result(data)
    elif format == "markdown":
        if found.matters:
            output.line(what_matters.markdown(found.matters))
        output.line(compare.markdown(changes, limit, found.unread, found.read).rstrip("\n"))
    else:
        for line in (*compare.text(changes), *what_matters.text(found.matters)):
            output.line(line)
        for path, why in found.unread:
            output.line(f"? {path} changed, but its objects were not read ({why})")
        output.info(
            f"{counted(len(changes), 'object')} differ{'s' if len(changes) == 1 else ''}"
            if changes
            else "none of the objects that were read differs; "
            f"{counted(len(found.unread), 'file')} changed without being read"
            if found.unread
            else "nothing differs"
        )
        if found.read is not None:
            output.info(str(found.read))


def between_revisions(
    request: Request, output: Output, store: Store, remove: Callable[[Path], object]
) -> Found:
    """`A..B`, or `A` against the work tree; without either, HEAD against the work tree.

    `A...B` is what B has changed since it branched off A, as in `git diff`. `remove` is given the folder
    that the revisions were written to.
    """
    from concurrent.futures import ThreadPoolExecutor

    from bootstrap.git.revisions import extract, sizes

    read_: list[tuple[Repository, list[Scope]] | None] = []
    names: set[str] = set()
    cluster_is_there = False
    report = cache(output.info)  # what holds for both sides is said once
    options = request.options(tuple(remotes(request.path)))
    revisions = _revisions(request, output)
    place = scratch.in_memory(
        size for one in revisions if one for size in sizes(request.path, one, output.invocation)
    )
    with scratch.folder("diff", place, remove) as folder, ThreadPoolExecutor(2) as pool:

        def written(number: int, revision: str) -> Path:
            if not revision:
                return request.path
            root = folder / str(number)
            root.mkdir()
            extract(request.path, revision, root, output.invocation)
            return root

        # The second one is written while the first is read.
        roots = [pool.submit(written, *one) for one in enumerate(revisions)]
        for number, ready in enumerate(roots):
            root = ready.result()
            if _has_cluster(root, request.cluster):
                cluster_is_there = True
            elif number == 0 or cluster_is_there:
                # A revision may be older than the cluster's folder: then everything in it is new.
                read_.append(None)
                continue
            like = read_[0][0].files if read_ and read_[0] else None
            repository = read(root, output.invocation, store, options, report, like)
            names |= applications(repository)
            read_.append((repository, _chosen(repository)))
        before, after = read_
        if before and after:
            starts.rename(before[1], after[1])
        sides: list[dict[Key, Resource]] = [objects(*one) if one else {} for one in read_]
        seen = set(sides[1])
        if before and after:
            starts.settle(sides[0], sides[1], before[1], after[1])
        gone = {(key[0].rpartition(" ")[0], f"Application {key[2]}/{key[3]}") for key in seen - set(sides[1])}
        last = after or before
        covered = coverage_of(*last) if last else None
        unread = changed(before[0], after[0]) if before and after else []
        both = fleet(before, after, sides[1])
        # What is not seen because its Application is broken now is not removed: Argo CD leaves it as it is.
        sides[1] = {
            **{
                key: one
                for key, one in sides[0].items()
                if key not in sides[1] and both.at(key).is_unknown(one)
            },
            **sides[1],
        }
        changes = compare.compare(sides[0], sides[1], lambda key, one: both.at(key).syncing(one))
        # Their files are compared while there are both.
        together = list(shared(before, after, changes)) if before and after else []
    matters = [*_matters(sides[0], sides[1], changes, both, request, output), *together]
    for scope in last[1] if last else ():
        told = unseen(both.of[scope.name], unread_of([scope]))
        matters += (one for one in told if one not in matters and (scope.name, one.object) not in gone)
    matters = what_matters.ordered(matters)
    return Found(changes, names, covered, tuple(unread), matters)


def _matters(
    before: Mapping[Key, Resource],
    after: Mapping[Key, Resource],
    changes: list[Change],
    both: Fleet,
    request: Request,
    output: Output,
) -> list[Matter]:
    found = what_matters.matters(before, after, changes, both)
    if request.check_images:
        return [*images.missing(what_matters.new_images(before, after), output), *found]
    return found


def _revisions(request: Request, output: Output) -> tuple[str, str]:
    """The two sides; "" is the work tree."""
    from bootstrap.git.revisions import merge_base

    first, dots, second = (request.revisions or "HEAD").partition("..")
    if second.startswith("."):
        second = second[1:] or "HEAD"
        return merge_base(request.path, first or "HEAD", second, output.invocation), second
    return first or "HEAD", second or ("HEAD" if dots else "")


def _has_cluster(root: Path, cluster: str | None) -> bool:
    return cluster is None or any(root.glob(f"**/clusters/{cluster}"))


def applications(repository: Repository) -> set[str]:
    """The Applications of every cluster and folder."""
    return {name for scope in repository.scopes for name in scope.by_name}


def objects(repository: Repository, scopes: Iterable[Scope] | None = None) -> dict[Key, Resource]:
    """Every object of the clusters (or, without clusters, of what no cluster leads to)."""
    found: dict[Key, Resource] = {}
    for scope in _chosen(repository) if scopes is None else scopes:
        for cluster in sorted({placement.cluster for placement in scope.placements}):
            for one in repository.index(scope, cluster).resources:
                found[(f"{scope.name} {cluster}", one.kind, one.namespace, one.name)] = one
    return found


def _chosen(repository: Repository) -> list[Scope]:
    """The clusters, or without any what no cluster leads to."""
    return [scope for scope in repository.scopes if scope.complete] or repository.scopes


def against_cluster(request: Request, output: Output, store: Store) -> Found:
    """What the API server would change if Git were applied as it is, by its own dry run."""
    from bootstrap import kube
    from bootstrap.kube import served
    from bootstrap.manifests.objects import ClusterObject

    cluster = kube.connect(output.invocation, request.context)
    if request.charts.fetch:
        apis = (*request.charts.apis, *served.api_versions(cluster))
        charts = Charts(True, request.charts.kubernetes or served.release(cluster), apis)
        request = replace(request, charts=charts)
    repository = read(request.path, output.invocation, store, request.options(), output.info)
    index = repository.index(choose_scope(repository, request.cluster), IN_CLUSTER)
    wanted = [one for one in index.resources if not is_hook(one)]
    if not wanted:
        raise InputError(
            "comparing with the cluster", "Git has no objects for this cluster", "check --cluster"
        )
    sent = [
        ClusterObject(
            str(one.body.get("apiVersion")),
            str(one.body.get("kind")),
            one.namespace,
            one.name,
            json.dumps(_placed(one)).encode(),
        )
        for one in wanted
    ]
    previews = kube.preview(cluster, sent, force=True)
    before: dict[Key, Resource] = {}
    after: dict[Key, Resource] = {}
    for resource, preview in zip(wanted, previews, strict=True):
        key = ("", resource.kind, resource.namespace, resource.name)
        if preview.change == "same":
            continue
        if preview.before is not None:
            before[key] = _like(resource, preview.before)
        after[key] = _like(resource, preview.after or resource.body)
    changes = compare.compare(before, after)
    found = Found(changes, applications(repository), coverage_of(repository))
    return replace(found, matters=_matters(before, after, changes, Fleet({}), request, output))


def _placed(resource: Resource) -> dict[str, object]:
    """The object with the namespace that Argo CD applies it to."""
    body = dict(resource.body)
    if resource.namespace:
        body["metadata"] = {**mapping(body.get("metadata")), "namespace": resource.namespace}
    return body


def _like(resource: Resource, body: Mapping[str, Any]) -> Resource:
    """The object in another state."""
    return replace(resource, body=dict(body))
