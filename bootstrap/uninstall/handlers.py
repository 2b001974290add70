"""Carry out the steps of a removal: each can be repeated, and all share one budget of waiting time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap import kube
from bootstrap.argocd import removal, syncs
from bootstrap.argocd.status import Key
from bootstrap.argocd.wait import API_VERSION
from bootstrap.core.errors import ApiError, RefusedError
from bootstrap.core.invocation import Invocation
from bootstrap.core.text import counted
from bootstrap.kube import removal as removing
from bootstrap.kube.crds import API_VERSION as CRD_API
from bootstrap.kube.crds import CRD
from bootstrap.kube.parallel import in_parallel
from bootstrap.kube.removal import Left
from bootstrap.manifests.objects import ClusterObject
from bootstrap.plan.execute import Handler
from bootstrap.resources.index import dig, mapping, sequence
from bootstrap.uninstall import blockers, losses, repository
from bootstrap.uninstall.observe import OWN_PROJECT
from bootstrap.uninstall.request import Request
from bootstrap.uninstall.steps import (
    Begin,
    End,
    ReleaseSets,
    RemoveApplications,
    RemoveCRDs,
    RemoveFromGit,
    RemoveFromHost,
    RemoveNamespace,
    RemoveObjects,
    StopSync,
)

FINALIZERS = "argocd.argoproj.io"
"""In the name of every finalizer that Argo CD sets."""


@dataclass
class Acting:
    """What the handlers act on. `seconds`: the waiting time that is left for all steps together."""

    cluster: kube.Cluster | None
    invocation: Invocation
    request: Request
    seconds: float
    detail: Callable[[str], None] = lambda _: None
    notes: list[str] = field(default_factory=list)

    @property
    def there(self) -> kube.Cluster:
        """The cluster of a run that has one."""
        assert self.cluster is not None  # noqa: S101 - planned only with a cluster
        return self.cluster

    def wait(self, tried: str, wait: Callable[[float], Sequence[Left]]) -> None:
        """Wait until a deadline, within what is left; NotReadyError with the blockers when it is over."""
        began = time.monotonic()
        left = wait(began + self.seconds)
        self.seconds = max(0.0, self.seconds - (time.monotonic() - began))
        if left:
            raise blockers.too_late(tried, left, self.request.timeout)


def handlers_for(acting: Acting) -> dict[type, Handler]:
    """The handlers of every step of a removal."""
    return {
        Begin: lambda step: _begin(acting, step),
        End: lambda step: _delete(
            acting, "deleting the record of the removal", removal.names(step.namespace)
        ),
        StopSync: lambda step: _stop_sync(acting, step),
        ReleaseSets: lambda step: _delete(acting, "releasing ApplicationSets", step.objects, "Orphan"),
        RemoveApplications: lambda step: _applications(acting, step),
        RemoveObjects: lambda step: _delete(acting, f"deleting {step.title}", step.objects),
        RemoveCRDs: lambda step: _crds(acting, step),
        RemoveNamespace: lambda step: _delete(
            acting,
            f"deleting Namespace {step.name}",
            (ClusterObject("v1", "Namespace", "", step.name, b""),),
        ),
        RemoveFromHost: lambda step: repository.from_host(acting, step),
        RemoveFromGit: lambda step: repository.from_git(acting, step),
    }


def _begin(acting: Acting, step: Begin) -> bool:
    done = kube.apply(acting.there, [removal.note(step.removal)], force=True, namespace=removal.PLACE)
    return any(item.changed for item in done)


def _stop_sync(acting: Acting, step: StopSync) -> bool:
    """Switch automatic sync off and end a running operation: it would go on to apply what is deleted."""
    for key in step.applications:
        live = kube.get(acting.there, API_VERSION, "Application", *key)
        if live is not None:
            syncs.end(acting.there, live, {"spec": {"syncPolicy": {"automated": None}}})
    return True


def _applications(acting: Acting, step: RemoveApplications) -> bool:
    objects = [_application(key) for key in step.applications]
    if not step.cascade:
        for item in objects:
            _release(acting.there, item)
    tried = f"deleting {counted(len(objects), 'Application')} of wave {step.wave}"

    def wait(deadline: float) -> Sequence[Left]:
        found = removing.delete_together(acting.there, objects, deadline, "Background", acting.detail)
        return [*found, *(held for one in found for held in _held_below(acting.there, one.object))]

    acting.wait(tried, wait)
    return True


def _held_below(cluster: kube.Cluster, item: ClusterObject) -> list[Left]:
    """The objects of an Application whose deletion something else blocks: it waits for them."""
    live = kube.get(cluster, item.api_version, item.kind, item.namespace, item.name) or {}
    listed = dig(live, "status", "resources")
    objects = [
        ClusterObject(
            "/".join(filter(None, (one.get("group"), one.get("version")))),
            str(one.get("kind")),
            str(one.get("namespace") or ""),
            str(one.get("name")),
            b"",
        )
        for one in map(mapping, sequence(listed))
    ]
    found = in_parallel(lambda one: _left_if_read(cluster, one), objects)
    return [one for one in found if one and one.since and one.finalizers]


def _left_if_read(cluster: kube.Cluster, item: ClusterObject) -> Left | None:
    try:
        return removing.left(cluster, item)
    except ApiError:
        return None


def _application(key: Key) -> ClusterObject:
    return ClusterObject(API_VERSION, "Application", *key, b"")


def _release(cluster: kube.Cluster, item: ClusterObject) -> None:
    """Remove Argo CD's finalizers, and nobody else's, so that the objects stay."""
    live = kube.get(cluster, item.api_version, item.kind, item.namespace, item.name)
    held = ((live or {}).get("metadata") or {}).get("finalizers") or []
    rest = [name for name in held if FINALIZERS not in name]
    if rest != held:
        patch = {"metadata": {"finalizers": rest or None}}
        removing.merge_patch(cluster, item.api_version, item.kind, item.namespace, item.name, patch)


def _delete(
    acting: Acting, tried: str, objects: Sequence[ClusterObject], propagation: str = "Foreground"
) -> bool:
    def wait(deadline: float) -> Sequence[Left]:
        return removing.delete_together(acting.there, objects, deadline, propagation, acting.detail)

    acting.wait(tried, wait)
    return True


def _crds(acting: Acting, step: RemoveCRDs) -> bool:
    """RefusedError if a kind still has objects: they would be deleted, and nobody has agreed to that."""
    for name in step.names:
        live = kube.get(acting.there, CRD_API, CRD, None, name)
        if live is None or live["metadata"].get("deletionTimestamp"):
            continue
        there = [one for one in losses.instances(acting.there, live) if not _is_argocds(one)]
        if there:
            first = there[0]["metadata"]
            named = f"{first.get('namespace')}/{first['name']}"
            found = f"{counted(len(there), 'object')} still there, such as {named}"
            hint = "run the same command again, which shows them; or keep the CRDs with --keep-crds"
            raise RefusedError(f"deleting CRD {name}", found, hint)
    objects = [ClusterObject(CRD_API, CRD, "", name, b"") for name in step.names]
    return _delete(acting, f"deleting {counted(len(objects), 'CRD')}", objects)


def _is_argocds(item: Mapping[str, Any]) -> bool:
    """Whether it is Argo CD's own AppProject, which Argo CD creates again as long as it runs."""
    return bool(item["kind"] == "AppProject" and item["metadata"]["name"] == OWN_PROJECT)
