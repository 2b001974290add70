"""Pure: what a removal does, from what the cluster has; and what prevents it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bootstrap.argocd.removal import Outliving, Removal
from bootstrap.argocd.status import Key
from bootstrap.core.errors import RefusedError
from bootstrap.core.text import counted
from bootstrap.kube.crds import CRD
from bootstrap.manifests.objects import ClusterObject
from bootstrap.resources.applications import has_finalizer
from bootstrap.uninstall.losses import CREATED
from bootstrap.uninstall.observe import OWN_PROJECT, WORKLOADS, Seen
from bootstrap.uninstall.steps import (
    Begin,
    End,
    Plan,
    ReleaseSets,
    RemoveApplications,
    RemoveCRDs,
    RemoveFromGit,
    RemoveFromHost,
    RemoveNamespace,
    RemoveObjects,
    Step,
    StopSync,
    some,
)

CREDENTIAL = re.compile(r"repository-[0-9a-f]{10}")
"""The name that `init`, and nobody else, gives a repository's Secret."""
SELF = "argocd"
"""The Application by which Argo CD manages itself: its objects are removed in steps of their own, last."""


@dataclass(frozen=True)
class Wanted:
    """What was decided. `argocd`: Argo CD itself is removed."""

    prune: bool
    keep_crds: bool
    argocd: bool
    repository: bool


def wanted(
    seen: Seen, prune: bool | None, keep_crds: bool | None, keep_argocd: bool, repository: bool
) -> Wanted:
    """From the options, else from an unfinished removal, else the defaults."""
    before = seen.pending
    return Wanted(
        prune=prune if prune is not None else bool(before and before.prune),
        keep_crds=keep_crds if keep_crds is not None else bool(before and before.keep_crds),
        argocd=seen.ours and not keep_argocd and (before is None or before.argocd),
        repository=repository,
    )


def refuse(seen: Seen, decided: Wanted) -> None:
    """RefusedError if the removal would take what is somebody else's, or could not be carried out."""
    if decided.argocd and seen.foreign:
        raise RefusedError(
            "checking what would be removed with Argo CD",
            f"others use it: {'; '.join(seen.foreign)}",
            "delete or move them first, or leave Argo CD in place with --keep-argocd",
            seen.server,
        )
    if decided.prune and not seen.controller_runs and any(_cascades(seen, key) for key in seen.tree):
        raise RefusedError(
            "checking what would delete the Applications' objects",
            "Argo CD's application controller is not running",
            "see why with bootstrap doctor; or keep the objects with --keep-workloads",
            seen.server,
        )


def is_there(seen: Seen, decided: Wanted) -> bool:
    """Whether there is anything to remove."""
    objects = (*seen.objects, *seen.cluster_wide, *seen.crds) if decided.argocd else ()
    projects = [one for one in seen.projects if one.name != OWN_PROJECT]
    return bool(seen.tree or seen.sets or projects or objects or seen.pending or seen.going)


def plan(seen: Seen, decided: Wanted) -> Plan:
    """Self-heal off, Applications by wave from the last, projects, controllers, CRDs, namespace."""
    if not is_there(seen, decided):
        return Plan(tuple(_git(seen)) if decided.repository else ())
    steps: list[Step] = []
    note = _note(seen, decided)
    if note != seen.pending and seen.namespace:
        steps.append(Begin(note))
    if seen.tree:
        steps.append(StopSync(tuple(sorted(seen.tree, key=lambda key: (key != seen.root, key)))))
    if seen.sets:
        steps.append(ReleaseSets(seen.sets))
    steps += _applications(seen, decided)
    projects = tuple(one for one in seen.projects if one.name != OWN_PROJECT)
    if projects:
        steps.append(RemoveObjects("AppProjects", projects))
    if decided.repository:
        steps += _git(seen)
    steps += _argocd(seen, decided)
    steps.append(End(seen.home))
    return Plan(tuple(steps))


def _note(seen: Seen, decided: Wanted) -> Removal:
    before = set(seen.pending.applications) if seen.pending else set()
    names = before | {f"{namespace}/{name}" for namespace, name in seen.tree}
    return Removal(
        prune=decided.prune,
        keep_crds=decided.keep_crds,
        applications=tuple(sorted(names)),
        repo_url=seen.place.repo_url,
        branch=seen.place.branch,
        folder=seen.place.folder,
        argocd=decided.argocd,
        left=tuple(sorted({*_left_before(seen), *(f"{key[0]}/{key[1]}" for key in _left(seen, decided))})),
        kept=seen.costs.kept,
        namespace=seen.home,
    )


def _left(seen: Seen, decided: Wanted) -> list[Key]:
    """The Applications that are deleted without their objects, but the root and Argo CD's own."""
    children = [key for key in seen.tree if key not in ((seen.home, SELF), seen.root)]
    return [key for key in children if not (decided.prune and _cascades(seen, key))]


def _left_before(seen: Seen) -> list[str]:
    """As namespace/name, those that an earlier run has deleted so."""
    there = {f"{namespace}/{name}" for namespace, name in seen.tree}
    return [name for name in (seen.pending.left if seen.pending else ()) if name not in there]


def _cascades(seen: Seen, key: Key) -> bool:
    """Whether an Application's objects are deleted with it: as Git says, except for Argo CD's own."""
    return key not in ((seen.home, SELF), seen.root) and has_finalizer(seen.applications[key])


def _applications(seen: Seen, decided: Wanted) -> Iterator[Step]:
    """The last wave first, as Argo CD itself does it; in a wave, first those that delete their objects.

    The root goes last, and Argo CD's own Application with it: neither ever takes its objects along.
    """
    last = [key for key in ((seen.home, SELF), seen.root) if key is not None and key in seen.tree]
    children = [key for key in seen.tree if key not in last]
    for wave in sorted({seen.tree[key] for key in children}, reverse=True):
        keys = sorted(key for key in children if seen.tree[key] == wave)
        cascading = [key for key in keys if decided.prune and _cascades(seen, key)]
        for some_, cascade in ((cascading, True), ([key for key in keys if key not in cascading], False)):
            if some_:
                yield RemoveApplications(tuple(some_), wave, cascade)
    for key in dict.fromkeys(last):
        yield RemoveApplications((key,), seen.tree[key], False)


def _argocd(seen: Seen, decided: Wanted) -> Iterator[Step]:
    if not decided.argocd:
        ours = tuple(one for one in seen.objects if one.kind == "Secret" and CREDENTIAL.fullmatch(one.name))
        if ours:
            yield RemoveObjects("the repository's credential", ours)
        return
    if not seen.going:
        workloads = tuple(one for one in seen.objects if one.kind in WORKLOADS)
        if workloads:
            yield RemoveObjects("Argo CD's controllers", workloads)
        if seen.cluster_wide:
            yield RemoveObjects("Argo CD's cluster roles and bindings", seen.cluster_wide)
    if seen.crds and not decided.keep_crds:
        yield RemoveCRDs(seen.crds)
    if namespace_goes(seen):
        yield RemoveNamespace(seen.home)
    elif seen.namespace:
        rest = tuple(one for one in seen.objects if one.kind not in (*WORKLOADS, "Namespace"))
        if rest:
            yield RemoveObjects("what is left of Argo CD", rest)


def namespace_goes(seen: Seen) -> bool:
    """Whether it is deleted: only if nothing in it is somebody else's."""
    return seen.namespace is not None and (seen.going or not seen.others)


def _git(seen: Seen) -> Iterator[Step]:
    if seen.place.repo_url:
        yield RemoveFromHost(seen.place.repo_url)
        yield RemoveFromGit(seen.place.repo_url, seen.place.branch, seen.place.folder)


def _kept(kept: Sequence[Outliving]) -> Iterator[str]:
    """What outlives the Applications, a line for each reason."""
    reasons: dict[str, list[ClusterObject]] = {}
    for one in kept:
        reasons.setdefault(one[4], []).append(ClusterObject(*one[:4], b""))
    for why, objects in sorted(reasons.items()):
        if why == CRD:
            count, names = counted(len(objects), "CRD"), some([one.name for one in objects])
            yield f"{count} of the Applications, since Argo CD deletes none: {names}"
        elif why == CREATED:
            yield f"{some([str(one) for one in objects])}: Argo CD deletes no namespace that it created"
        else:
            yield f"{some([str(one) for one in objects])}: kept by {why}"


def stays(seen: Seen, decided: Wanted) -> list[str]:
    """What is left in the cluster, a line each."""
    lines = []
    rest = sorted(name for _, name in _left(seen, decided))
    before = sorted(one.partition("/")[2] for one in _left_before(seen))
    if rest and decided.prune:
        lines.append(f"the objects of {some(rest)}: in Git, it has no finalizer that deletes them")
    elif rest:
        lines.append(f"the workloads of {counted(len(rest), 'Application')}: {some(rest)}")
    if before:
        lines.append(f"the objects of {some(before)}: an earlier run has deleted it without them")
    lines += _kept(seen.costs.kept)
    if seen.argocd and not decided.argocd:
        why = "--keep-argocd" if seen.ours else f"installed by {seen.argocd.installed_by}, not by bootstrap"
        lines.append(f"Argo CD in {seen.argocd.namespace} ({why})")
    elif decided.argocd and seen.crds and decided.keep_crds:
        lines.append(f"Argo CD's CRDs: {some(seen.crds)}")
    if decided.argocd and seen.namespace and not namespace_goes(seen):
        lines.append(f"Namespace {seen.home}, for what others have in it: {some(list(seen.others))}")
    if not decided.repository and seen.place.repo_url:
        lines.append(f"the repository {seen.place.repo_url}, unchanged")
    return lines
