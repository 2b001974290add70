"""What is lost for good when Applications are deleted with their objects: claims, namespaces, addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap import kube
from bootstrap.core.text import counted
from bootstrap.kube.crds import CRD
from bootstrap.manifests.objects import ClusterObject
from bootstrap.resources.applications import sync_options

KEPT = ("Delete=false", "Prune=false")
LOOKED_AT = ("PersistentVolumeClaim", "Service", "StatefulSet")


@dataclass(frozen=True)
class Loss:
    """One thing that does not come back: what, and what it had."""

    object: ClusterObject
    what: str

    def __str__(self) -> str:
        return f"{self.object}: {self.what}"


@dataclass(frozen=True)
class Costs:
    """`losses` are gone for good; `crds` outlive their Application, and `kept` are marked to stay."""

    losses: tuple[Loss, ...] = ()
    crds: tuple[ClusterObject, ...] = ()
    kept: tuple[ClusterObject, ...] = ()


def costs(cluster: kube.Cluster, applications: Sequence[Mapping[str, Any]]) -> Costs:
    """The costs of deleting Applications with their objects."""
    wanted = list(_resources(applications))
    namespaces = {one.name for one in wanted if one.kind == "Namespace"}
    crds = [one for one in wanted if one.kind == CRD]
    kept: list[ClusterObject] = []
    for name in sorted(namespaces):
        live = kube.get(cluster, "v1", "Namespace", None, name)
        if live is None or _stays(live):
            namespaces.discard(name)
            kept += [ClusterObject("v1", "Namespace", "", name, b"")] if live else []
    losses = [*_of_namespaces(cluster, namespaces), *_of_objects(cluster, wanted, namespaces, kept)]
    return Costs(tuple(losses), tuple(crds), tuple(kept))


def _resources(applications: Iterable[Mapping[str, Any]]) -> Iterable[ClusterObject]:
    for application in applications:
        for item in (application.get("status") or {}).get("resources") or ():
            group = f"{item['group']}/" if item.get("group") else ""
            yield ClusterObject(
                f"{group}{item['version']}",
                str(item["kind"]),
                str(item.get("namespace") or ""),
                str(item["name"]),
                b"",
            )


def _stays(live: Mapping[str, Any]) -> bool:
    return any(option in KEPT[:1] for option in sync_options(live))


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
    cluster: kube.Cluster, wanted: Sequence[ClusterObject], namespaces: set[str], kept: list[ClusterObject]
) -> Iterable[Loss]:
    for item in wanted:
        if item.namespace in namespaces or item.kind not in LOOKED_AT:
            continue
        live = kube.get(cluster, item.api_version, item.kind, item.namespace, item.name)
        if live is None:
            continue
        if _stays(live):
            kept.append(item)
        elif item.kind == "PersistentVolumeClaim":
            yield _claim(cluster, live)
        elif item.kind == "Service" and _address(live):
            yield _balancer(live)
        elif _claims_go(live):
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
