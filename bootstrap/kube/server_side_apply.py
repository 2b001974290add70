"""Server-side apply in phases: namespaces; CRDs along with what runs nothing; what runs or needs a CRD."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from bootstrap.kube import discovery
from bootstrap.kube.connection import JSON, METADATA_ONLY, Cluster
from bootstrap.kube.crds import defined_by, is_crd, is_established, wait_until_established, wait_until_served
from bootstrap.kube.parallel import in_parallel
from bootstrap.kube.send import Placed, apply_one
from bootstrap.manifests.objects import ClusterObject

PASSIVE = re.compile(r"v1|(networking|rbac\.authorization|policy|scheduling|storage)(\.k8s\.io)?/v1")
"""API versions whose objects run nothing and need no CRD: they are applied along with the CRDs."""
ACTIVE_KINDS = ("Pod", "ReplicationController")
"""Kinds of those API versions that do run something."""


@dataclass(frozen=True)
class Applied:
    """An object that was applied, with the namespace it went to; whether the server changed it."""

    object: ClusterObject
    changed: bool


def apply(
    cluster: Cluster,
    objects: Sequence[ClusterObject],
    force: bool = False,
    report: Callable[[str], None] = lambda _: None,
    namespace: str = "default",
    over: Collection[str] = (),
) -> list[Applied]:
    """Apply with field manager `bootstrap`; `force` takes fields that others own, `over` those of managers.

    `namespace` is for namespaced objects that name none. The order of the result is the phases'. A CRD is
    awaited (Established, served) by the objects that it defines, in this batch or a later one: a long
    one takes the server seconds to establish, and nothing else has to wait for it.
    FieldsOwned, Invalid, Forbidden, …: of every object that was refused in a phase, together.
    NotReadyError: a CRD was not Established.
    """
    discovery.learn(cluster, {item.api_version for item in objects})
    done: list[Applied] = []
    new_namespaces: set[str] = set()
    pending: dict[tuple[str, str], str] = {}  # (group, kind) → the CRD that is not Established yet

    def tell(item: Applied | None) -> None:
        if item is not None:
            done.append(item)
            report(f"{len(done)}/{len(objects)} {item.object}")

    def one(item: ClusterObject) -> Applied:
        resource = wait_until_served(cluster, item)
        there = (item.namespace or namespace) if resource.namespaced else ""
        placed = Placed(replace(item, namespace=there), resource)
        accept = JSON if is_crd(item) else METADATA_ONLY
        outcome = apply_one(cluster, placed, force, absent=there in new_namespaces, accept=accept, over=over)
        if is_crd(item) and not is_established(outcome.found):
            pending[defined_by(outcome.found)] = item.name
        if item.kind == "Namespace" and outcome.created:
            new_namespaces.add(item.name)
        return Applied(placed.object, outcome.changed)

    def one_or_wait(item: ClusterObject | str) -> Applied | None:
        if isinstance(item, ClusterObject):
            return one(item)
        wait_until_established(cluster, item)
        return None

    namespaces, first, last = phases(objects)
    in_parallel(one, namespaces, tell)
    in_parallel(one, first, tell)
    custom = [item for item in last if _defined(item) in pending]
    needed = sorted({pending[_defined(item)] for item in custom})
    alongside: list[ClusterObject | str] = [*needed, *(item for item in last if item not in custom)]
    in_parallel(one_or_wait, alongside, tell)
    in_parallel(one, custom, tell)
    return done


def phases(
    objects: Sequence[ClusterObject],
) -> tuple[list[ClusterObject], list[ClusterObject], list[ClusterObject]]:
    """Namespaces; CRDs and what runs nothing; the rest: workloads and custom resources.

    The longest first, because the longest CRD takes the server longer than everything else in the phase.
    """
    namespaces = [item for item in objects if item.kind == "Namespace" and item.api_version == "v1"]
    rest = sorted((item for item in objects if item not in namespaces), key=lambda item: -len(item.text))
    first = [item for item in rest if is_crd(item) or _is_passive(item)]
    return namespaces, first, [item for item in rest if item not in first]


def _is_passive(item: ClusterObject) -> bool:
    return bool(PASSIVE.fullmatch(item.api_version)) and item.kind not in ACTIVE_KINDS


def _defined(item: ClusterObject) -> tuple[str, str]:
    return item.api_version.partition("/")[0], item.kind
