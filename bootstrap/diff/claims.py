"""Pure: claims that are replaced by others, which are empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.diff.compare import Key, cluster_of, moved
from bootstrap.resources import pods
from bootstrap.resources.index import Resource, mapping, mappings

_CLAIM = "PersistentVolumeClaim"


def emptied(before: Mapping[Key, Resource], after: Mapping[Key, Resource]) -> Iterator[tuple[Resource, str]]:
    """(object, text) for each workload that mounts another claim than before, and each renamed claim."""
    told: set[tuple[str, str]] = set()
    for key, new in after.items():
        old = before.get(key)
        if old is None or new.kind not in pods.WORKLOADS or old.body == new.body:
            continue
        had, has = _mounted(old), _mounted(new)
        for volume, source in _others(new):
            if (was := had.get(volume)) is not None:
                yield new, f"volume {volume}: claim {was} → {source}; what is in {was} is no longer mounted"
        for volume, claim in has.items():
            if (was := had.get(volume)) is not None and was != claim:
                told.add((new.namespace, claim))
                yield new, f"volume {volume}: claim {was} → {claim}; what is in {was} is not moved"
    for old_key, key in moved(before, after).items():
        if (new := after[key]).kind == _CLAIM or new.spec.get("volumeClaimTemplates"):
            was, now = cluster_of(old_key), cluster_of(key)
            yield new, f"it begins empty in cluster {now}: its data in {was} is not moved"
    gone = [one for key, one in before.items() if one.kind == _CLAIM and key not in after]
    for key, new in after.items():
        if new.kind != _CLAIM or key in before or (new.namespace, new.name) in told:
            continue
        for old in gone:
            if _like(old) == _like(new) and (old.namespace, old.name) != (new.namespace, new.name):
                yield (
                    new,
                    f"it is new and empty, and {old.name} is no longer in Git: its data is not moved",
                )
                break


def _mounted(workload: Resource) -> dict[str, str]:
    """Volume → the claim that it names."""
    found = {}
    for volume in mappings(pods.pod_spec(workload).get("volumes")):
        claim = mapping(volume.get("persistentVolumeClaim")).get("claimName")
        if claim:
            found[str(volume.get("name"))] = str(claim)
    return found


def _others(workload: Resource) -> Iterator[tuple[str, str]]:
    """(volume, kind of its source) of those that are no claims."""
    for volume in mappings(pods.pod_spec(workload).get("volumes")):
        kinds = [str(kind) for kind in volume if kind != "name"]
        if kinds and "persistentVolumeClaim" not in kinds:
            yield str(volume.get("name")), kinds[0]


def _like(claim: Resource) -> tuple[Any, ...]:
    return (
        claim.application,
        claim.namespace,
        claim.spec.get("accessModes"),
        claim.spec.get("storageClassName"),
    )
