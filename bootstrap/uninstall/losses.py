"""What is lost for good when Applications are deleted with their objects: claims, namespaces, addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap import kube
from bootstrap.argocd.removal import Outliving
from bootstrap.core.errors import ApiError
from bootstrap.core.text import counted
from bootstrap.kube.crds import CRD
from bootstrap.kube.parallel import in_parallel
from bootstrap.manifests.objects import ClusterObject
from bootstrap.resources.applications import kept_by
from bootstrap.resources.index import dig, sequence

CREATED = "CreateNamespace=true"
Place = tuple[str, str, str, str]
"""API version, kind, namespace and name of an object."""


@dataclass(frozen=True)
class Loss:
    """One thing that does not come back: what, and what it had."""

    object: ClusterObject
    what: str

    def __str__(self) -> str:
        return f"{self.object}: {self.what}"


@dataclass(frozen=True)
class Costs:
    """`losses` are gone for good; `kept` outlives its Application, with the reason."""

    losses: tuple[Loss, ...] = ()
    kept: tuple[Outliving, ...] = ()


def costs(
    cluster: kube.Cluster, applications: Sequence[Mapping[str, Any]], known: Sequence[Outliving] = ()
) -> Costs:
    """The costs of deleting Applications with their objects.

    `known`: what an earlier run found to be kept; its Applications may be gone.
    """
    named = {_place(item): item for item in map(_named, known)}
    owners: dict[Place, Mapping[str, Any]] = {}
    for application in applications:
        for item in _resources(application):
            named[_place(item)] = item
            owners[_place(item)] = application
    lives = dict(zip(named, in_parallel(lambda one: _live(cluster, one), named.values()), strict=True))
    reasons = {one[:4]: one[4] for one in known}
    why = {
        place: (kept_by(live, owners[place]) or _as_crd(live)) if place in owners else reasons[place]
        for place, live in lives.items()
        if live
    }
    wanted = [item for place, item in named.items() if place in owners]
    namespaces = {one.name for one in wanted if one.kind == "Namespace" and not why.get(_place(one), "-")}
    losses = [*_of_namespaces(cluster, namespaces), *_of_objects(cluster, wanted, lives, why, namespaces)]
    kept = [(*place, reason) for place, reason in why.items() if reason and place[2] not in namespaces]
    created = [*_created(cluster, applications, {*namespaces, *(place[3] for place in why)})]
    return Costs(tuple(losses), tuple(sorted({*kept, *created})))


def _place(item: ClusterObject) -> Place:
    return item.api_version, item.kind, item.namespace, item.name


def _named(one: Outliving) -> ClusterObject:
    return ClusterObject(*one[:4], b"")


def _as_crd(live: Mapping[str, Any]) -> str:
    return CRD if live["kind"] == CRD else ""


def _live(cluster: kube.Cluster, item: ClusterObject) -> Mapping[str, Any] | None:
    """The object; None if it is gone, or of a kind that cannot be read."""
    try:
        return kube.get(cluster, item.api_version, item.kind, item.namespace or None, item.name)
    except ApiError:
        return None


def _created(
    cluster: kube.Cluster, applications: Sequence[Mapping[str, Any]], known: set[str]
) -> Iterable[Outliving]:
    """The namespaces that Argo CD created for an Application, and deletes with none."""
    for application in applications:
        name = str(dig(application, "spec", "destination", "namespace") or "")
        general = map(str, sequence(dig(application, "spec", "syncPolicy", "syncOptions")))
        if name and name not in known and CREATED in general:
            item = ClusterObject("v1", "Namespace", "", name, b"")
            if _live(cluster, item):
                yield ("v1", "Namespace", "", name, CREATED)


def _resources(application: Mapping[str, Any]) -> Iterable[ClusterObject]:
    for item in (application.get("status") or {}).get("resources") or ():
        group = f"{item['group']}/" if item.get("group") else ""
        yield ClusterObject(
            f"{group}{item['version']}",
            str(item["kind"]),
            str(item.get("namespace") or ""),
            str(item["name"]),
            b"",
        )


def _of_namespaces(cluster: kube.Cluster, names: set[str]) -> Iterable[Loss]:
    for name in sorted(names):
        pods = kube.list_objects(cluster, "v1", "Pod", name)
        claims = kube.list_objects(cluster, "v1", "PersistentVolumeClaim", name)
        services = [one for one in kube.list_objects(cluster, "v1", "Service", name) if _address(one)]
        item = ClusterObject("v1", "Namespace", "", name, b"")
        yield Loss(item, f"everything in it, with {counted(len(pods), 'pod')}")
        yield from (_claim(cluster, one) for one in claims)
        yield from (_balancer(one) for one in services)


def _of_objects(
    cluster: kube.Cluster,
    wanted: Sequence[ClusterObject],
    lives: Mapping[Place, Mapping[str, Any] | None],
    why: Mapping[Place, str],
    namespaces: set[str],
) -> Iterable[Loss]:
    for item in wanted:
        live = lives[_place(item)]
        if live is None or item.namespace in namespaces or why[_place(item)]:
            continue
        if item.kind == "PersistentVolumeClaim":
            yield _claim(cluster, live)
        elif item.kind == "Service" and _address(live):
            yield _balancer(live)
        elif item.kind == "StatefulSet" and _claims_go(live):
            yield Loss(item, "its claims, which its retention policy deletes with it")


def _claims_go(live: Mapping[str, Any]) -> bool:
    spec = live.get("spec") or {}
    policy = (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get("whenDeleted")
    return bool(policy == "Delete" and spec.get("volumeClaimTemplates"))


def _claim(cluster: kube.Cluster, live: Mapping[str, Any]) -> Loss:
    metadata, spec = live["metadata"], live.get("spec") or {}
    size = ((live.get("status") or {}).get("capacity") or {}).get("storage")
    size = size or ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    volume = kube.get(cluster, "v1", "PersistentVolume", None, str(spec.get("volumeName") or "-"))
    policy = ((volume or {}).get("spec") or {}).get("persistentVolumeReclaimPolicy")
    ends = {"Delete": "its data is deleted", "Retain": "its volume stays, without the claim"}
    item = ClusterObject("v1", "PersistentVolumeClaim", metadata["namespace"], metadata["name"], b"")
    return Loss(item, f"{size or 'unknown size'}, {ends.get(str(policy), 'not bound to a volume')}")


def _address(service: Mapping[str, Any]) -> str:
    given = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return ", ".join(str(one.get("ip") or one.get("hostname")) for one in given)


def _balancer(live: Mapping[str, Any]) -> Loss:
    metadata = live["metadata"]
    item = ClusterObject("v1", "Service", metadata["namespace"], metadata["name"], b"")
    return Loss(item, f"the load balancer's address {_address(live)}")


def instances(cluster: kube.Cluster, crd: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every object of a CRD's kind."""
    spec = crd["spec"]
    versions = [one["name"] for one in spec["versions"] if one.get("served")]
    if not versions:
        return []
    return kube.list_objects(cluster, f"{spec['group']}/{versions[0]}", spec["names"]["kind"])
