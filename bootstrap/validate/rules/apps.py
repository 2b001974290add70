"""The app of apps: what Applications point to, who owns what, and in which order it is applied."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping

from bootstrap.core import git_refs
from bootstrap.core.names import GENERATE_PATHS
from bootstrap.core.text import names_near, near, suggest
from bootstrap.repository.kustomize import Tree
from bootstrap.repository.source import is_unfilled
from bootstrap.resources.applications import (
    FINALIZER,
    Source,
    destination,
    has_finalizer,
    is_here,
    referenced_values,
    sources,
)
from bootstrap.resources.index import APPLICATION, IN_CLUSTER, Resource, dig, mapping
from bootstrap.validate.rule import AppliedObject, Apps, Problem, Rule, Severity, problem
from bootstrap.validate.rules.app_relations import (
    covers,
    creates_namespace,
    files_of,
    in_cycles,
    is_root_again,
    key,
    of_charts_alone,
    without_paths,
)

PATH = Rule(
    "GB201",
    "application-path-missing",
    "error",
    "An Application points to a folder that is not in the repository: it is never synced.",
    "correct spec.source.path",
)
REVISION = Rule(
    "GB205",
    "revision-missing",
    "warning",
    "An Application names a branch or tag that this repository does not have.",
    "correct targetRevision, or push the branch",
)
TWO_OWNERS = Rule(
    "GB206",
    "two-owners",
    "error",
    "Two Applications apply the same object: they overwrite each other, and one of them prunes it.",
    "leave the object to one of them",
)
CYCLE = Rule(
    "GB208",
    "application-cycle",
    "error",
    "An Application applies the Application that applies it.",
    "take the Application out of the folder that it applies",
)
VALUES = Rule(
    "GB218",
    "values-file-missing",
    "error",
    "An Application names a values file that is not in the repository: it is never synced.",
    "correct the path in helm.valueFiles",
)
UNPINNED = Rule(
    "GB411",
    "chart-not-pinned",
    "warning",
    "A chart's version is not exact: what runs changes without a commit.",
    "name one version in targetRevision",
)
STALE_PATHS = Rule(
    "GB212",
    "generate-paths",
    "warning",
    "manifest-generate-paths omits a file that the Application depends on, so that a change "
    "there is not noticed; or it is missing where sibling Applications have it, and every commit "
    "renders this one again.",
    "name every folder that the Application depends on",
)
FINALIZER_MISSING = Rule(
    "GB213",
    "finalizer-missing",
    "info",
    "A child Application that prunes has no finalizer: when it is removed from Git, what it applied stays "
    "behind. Not required of those with a chart, CustomResourceDefinitions, StorageClasses, Applications or "
    "another Namespace than their own: deleting these would take away what others need.",
    f"add the finalizer {FINALIZER}",
)
NAMESPACE = Rule(
    "GB214",
    "namespace-not-created",
    "error",
    "Nothing creates an Application's namespace, or only a later wave does: its sync fails.",
    "add the sync option CreateNamespace=true, or a Namespace",
)


_MANY = 2000
"""From this number of folders on, their names are not compared."""
_OWN_CLUSTER = re.compile(r"(?<![\w-])in-cluster(?![\w-])")
"""What the cluster generator calls the cluster that Argo CD runs in, unless a Secret says otherwise."""
_COMMIT_OR_RANGE = re.compile(r"^[0-9a-f]{7,64}$|[*^~<>]")


def check(apps: Apps) -> Iterator[Problem]:
    """Every rule of this module."""
    owned: dict[str, list[AppliedObject]] = defaultdict(list)
    for item in apps.owned:
        owned[item.application].append(item)
    cycles, bare = in_cycles(apps), without_paths(apps)
    reported: set[str] = set()
    made = {item.name for item in apps.public.of("Namespace")} | _ALWAYS
    makers = {item.name: item.application for item in apps.public.of("Namespace")}
    by_name = {f"{item.namespace}/{item.name}": item for item in apps.applications}
    created = {destination(item.body) for item in apps.applications if creates_namespace(item)}
    bare_charts = of_charts_alone(apps)
    for application in apps.applications:
        name = f"{application.namespace}/{application.name}"
        for source in sources(application.body):
            yield from _source(apps, application, source)
        if name in cycles:
            if name in reported or is_root_again(name, cycles[name]):
                continue
            reported.add(name)
            yield _cycle(apps, application, cycles[name])
            continue
        yield from _paths(apps, application, files_of(apps, application))
        if name in bare:
            yield from _no_paths(application, files_of(apps, application))
        if name not in apps.unread:
            yield from _finalizer(application, owned[name])
        yield from _namespace(apps, application, made, created, bare_charts)
        yield from _later_namespace(apps, application, makers, by_name)
    yield from _two_owners(apps, cycles)


def _cycle(apps: Apps, application: Resource, other: str) -> Problem:
    """Two that apply one object fight over it; a cycle works until one of its Applications is deleted."""
    name, path = key(application), _own_path(apps, application)
    if any(key(one) == one.application == name for one in apps.applications):
        return problem(CYCLE, application, f"{application} is applied by itself, and by {other}", *path)
    message = f"{application} is applied by itself, through {other}: deleting one deletes both"
    return problem(CYCLE, application, message, *path, level="warning")


def _source(apps: Apps, application: Resource, source: Source) -> Iterator[Problem]:
    place = source.position
    if source.chart is not None:
        if re.search(r"[*^~><|, x]|^$|^HEAD$", source.revision) and not re.fullmatch(
            r"v?[\w.+-]+", source.revision
        ):
            message = f"{application}: version {source.revision!r} of chart {source.chart} is not exact"
            yield problem(UNPINNED, application, message, *place, "targetRevision")
        elif source.revision in ("HEAD", ""):
            message = f"{application}: chart {source.chart} has no version"
            yield problem(UNPINNED, application, message, *place)
    helm = mapping(source.body.get("helm"))
    named = () if helm.get("ignoreMissingValueFiles") else referenced_values(application.body, apps.urls)
    for owner, number, path in named:
        if owner.position == place and not apps.tree.has(posixpath.normpath(path)):
            beside = (
                file for file in apps.tree.below(posixpath.dirname(path)) if file.endswith((".yaml", ".yml"))
            )
            message = f"{application}: the values file {path} does not exist{names_near(path, beside)}"
            other = _other_revision(apps, application, str(helm["valueFiles"][number]).partition("/")[0][1:])
            where = (*place, "helm", "valueFiles", number)
            yield problem(VALUES, application, message + other, *where, level="info" if other else None)
    if not is_here(source, apps.urls) or is_unfilled(source):
        return
    if source.path is not None:
        path = source.folder
        if path and not apps.tree.is_folder(path):
            message = f"{application} points to {path}, which does not exist{_near_folder(apps.tree, path)}"
            other = _other_revision(apps, application, source.ref, source)
            level: Severity | None = "info" if other else None
            if not other and _OWN_CLUSTER.search(path):
                other, level = "; a Secret in the cluster may call Argo CD's own cluster otherwise", "warning"
            yield problem(PATH, application, message + other, *place, "path", level=level)
    revision = source.revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
    known = apps.revisions
    if known is None or revision == "HEAD" or revision in known or _COMMIT_OR_RANGE.search(revision):
        return
    message = (
        f"{application} names {revision}, which is not a branch or tag here{names_near(revision, known)}"
    )
    yield problem(REVISION, application, message, *place, "targetRevision")


def _other_revision(apps: Apps, application: Resource, ref: str | None, source: Source | None = None) -> str:
    """What to say if a source (or the one with that ref) names a revision that is not checked out."""
    found = [source] if source else [one for one in sources(application.body) if one.ref == ref]
    others = [one.revision for one in found if git_refs.is_elsewhere(one.revision, apps.elsewhere)]
    return f"; it may be in {others[0]}, which is not checked out" if others else ""


def _near_folder(tree: Tree, path: str) -> str:
    """A suggestion for a folder that does not exist: one below the part of its path that does."""
    start = posixpath.dirname(path)
    while start and not tree.is_folder(start):
        start = posixpath.dirname(start)
    folders: set[str] = set()
    for file in tree.below(start):
        folder = posixpath.dirname(file)
        while len(folder) > len(start) and folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    alike = {folder for folder in folders if folder.count("/") == path.count("/")}
    same = {folder for folder in folders if posixpath.basename(folder) == posixpath.basename(path)}
    if len(same) == 1:
        return f"; {suggest(same)}"
    hint = suggest(near(path, alike, cutoff=0.8)) if len(alike) < _MANY else ""
    return f"; {hint}" if hint else ""


def _own_path(apps: Apps, application: Resource) -> tuple[str | int, ...]:
    """Where an Application names the folder of this repository that it applies."""
    here = (one for one in sources(application.body) if one.path is not None and is_here(one, apps.urls))
    return next(((*one.position, "path") for one in here), ())


def _paths(apps: Apps, application: Resource, closure: frozenset[str]) -> Iterator[Problem]:
    text = application.annotations.get(GENERATE_PATHS)
    if text is None:
        return
    base = next(
        (item.path for item in sources(application.body) if item.path and is_here(item, apps.urls)), ""
    )
    patterns = []
    for part in str(text).split(";"):
        part = part.strip()
        if part:
            whole = part.lstrip("/") if part.startswith("/") else posixpath.join(base, part)
            patterns.append(posixpath.normpath(whole))
    for file in sorted(closure):
        if not any(covers(pattern, file) for pattern in patterns):
            message = f"{application} depends on {file}, which manifest-generate-paths omits"
            place = ("metadata", "annotations", GENERATE_PATHS)
            fix = f"add /{posixpath.dirname(file)} to the annotation"
            yield problem(STALE_PATHS, application, message, *place, fix=fix)
            return


def _no_paths(application: Resource, closure: frozenset[str]) -> Iterator[Problem]:
    """Without the annotation, where sibling Applications have it."""
    folders = {posixpath.dirname(file) for file in closure}
    outer = {one for one in folders if not any(one.startswith(f"{other}/") for other in folders)}
    message = f"{application} has no manifest-generate-paths, unlike its siblings"
    fix = f"add {GENERATE_PATHS}: {';'.join(f'/{folder}' for folder in sorted(outer))}"
    yield problem(STALE_PATHS, application, message, "metadata", "annotations", fix=fix)


_KEPT = ("CustomResourceDefinition.apiextensions.k8s.io", "StorageClass.storage.k8s.io", APPLICATION)


def _finalizer(application: Resource, owned: list[AppliedObject]) -> Iterator[Problem]:
    """Not for those that own CRDs, storage or others' namespaces, nor for those that do not prune."""
    own = destination(application.body)[1]
    prunes = dig(application.spec, "syncPolicy", "automated", "prune") is True
    has = has_finalizer(application.body)
    kept = any(item.kind in _KEPT or (item.kind == "Namespace" and item.name != own) for item in owned)
    charts = [item for item in sources(application.body) if item.chart is not None]
    if application.application and prunes and not has and not kept and not charts:
        yield problem(FINALIZER_MISSING, application, f"{application} has no finalizer", "metadata")


_SYSTEM = ("openshift-", "open-cluster-management")
"""Prefixes of namespaces that distributions create."""
_ALWAYS = {"default", "kube-system", "kube-public", "kube-node-lease", ""}


def _later_namespace(
    apps: Apps, application: Resource, makers: Mapping[str, str], by_name: Mapping[str, Resource]
) -> Iterator[Problem]:
    """A namespace that a sibling of a later wave creates: the sync fails, and that wave never starts."""
    namespace = destination(application.body)[1]
    maker = by_name.get(makers.get(namespace, ""))
    if maker is None or maker is application or maker.application != application.application:
        return
    if application.wave < maker.wave and not creates_namespace(application):
        message = (
            f"{application} (wave {application.wave}) goes to namespace {namespace}, "
            f"which comes with {maker} (wave {maker.wave})"
        )
        yield problem(NAMESPACE, application, message, "spec", "destination", "namespace")


def _namespace(
    apps: Apps,
    application: Resource,
    made: set[str],
    created: set[tuple[str, str]],
    charts: set[tuple[str, str]],
) -> Iterator[Problem]:
    target = destination(application.body)
    namespace = target[1]
    if target[0] != IN_CLUSTER or namespace.startswith(_SYSTEM):
        return  # what another cluster has besides, or a distribution creates, is not in Git
    if (
        not apps.complete
        or apps.unread
        or namespace in made
        or target in created
        or namespace == application.namespace
    ):
        return
    if apps.public.knows(namespace) or target in charts:
        message = f"{application} goes to namespace {namespace}, which nothing creates: it must exist before"
        yield problem(NAMESPACE, application, message, "spec", "destination", "namespace", level="warning")


def _two_owners(apps: Apps, cycles: Container[str]) -> Iterator[Problem]:
    """Of what an Application in a cycle applies, nothing is reported: the cycle is the problem."""
    if not apps.complete:
        return
    seen: dict[tuple[str, str, str, str], AppliedObject] = {}
    for item in apps.owned:
        key = (item.cluster, item.kind, item.namespace, item.name)
        if item.application in cycles:
            continue
        first = seen.setdefault(key, item)
        if first.application == item.application:
            continue
        if "" in (first.application, item.application) and first.file == item.file:
            # A folder that is applied by hand once, and then by an Application in it: a common setup.
            seen[key] = item if item.application else first
        else:
            one, other = first.application or "the root folder", item.application or "the root folder"
            message = f"{item.resource} is applied by {one} and by {other}"
            copied = "" in (first.application, item.application) and item.kind.startswith("Application")
            yield problem(TWO_OWNERS, item.resource, message, level="warning" if copied else None)
