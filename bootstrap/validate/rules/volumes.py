"""Claims that name a volume but would never be bound to it."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.index import Index, Resource, dig, mapping, sequence
from bootstrap.resources.quantity import amount
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

NOT_BOUND = Rule(
    "GB378",
    "volume-does-not-fit-claim",
    "error",
    "A claim names a PersistentVolume that does not match it (class, access mode, size, claimRef): it stays "
    "Pending.",
    "use the storageClassName, accessModes and size of the volume",
)

PV = "PersistentVolume"
PVC = "PersistentVolumeClaim"
_DEFAULT = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for claim in index.of(PVC):
        volume = volume_of(context.public, claim)
        if volume is not None and (fault := _fault(context, claim, volume)):
            message, field, fix = fault
            yield problem(NOT_BOUND, claim, message, "spec", field, fix=fix)
        elif volume is None and claim.spec.get("volumeName") and context.knows_cluster_objects():
            message = f"{claim} names PersistentVolume {claim.spec['volumeName']}, which does not exist"
            there = (PV, "", str(claim.spec["volumeName"]))
            yield problem(NOT_BOUND, claim, message, "spec", "volumeName", fix="add the volume", unless=there)


def volume_of(public: Index, claim: Resource) -> Resource | None:
    """The volume in Git that a claim names, or that its claimRef reserves for the claim."""
    if name := claim.spec.get("volumeName"):
        return public.get(PV, "", name)
    for volume in public.of(PV):
        kept = mapping(volume.spec.get("claimRef"))
        if (kept.get("namespace"), kept.get("name")) == (claim.namespace, claim.name):
            return volume
    return None


def _fault(context: ClusterContext, claim: Resource, volume: Resource) -> tuple[str, str, str] | None:
    kept = mapping(volume.spec.get("claimRef"))
    if kept and (kept.get("namespace"), kept.get("name")) != (claim.namespace, claim.name):
        message = f"{claim} names {volume}, which is reserved for {kept.get('namespace')}/{kept.get('name')}"
        return message, "volumeName", "correct the volume's claimRef, or name another volume"
    wanted, by_default = _class(context, claim)
    has = str(volume.spec.get("storageClassName") or "")
    if wanted is not None and wanted != has:
        whose = f"the default class, {wanted}" if by_default else f"class {wanted or chr(34) * 2}"
        message = f"{claim} gets {whose}, but {volume}, which it is for, has class {has or chr(34) * 2}"
        return message, "volumeName" if by_default else "storageClassName", f'set storageClassName: "{has}"'
    modes = set(map(str, sequence(claim.spec.get("accessModes"))))
    lacking = modes - set(map(str, sequence(volume.spec.get("accessModes"))))
    if lacking:
        message = f"{claim} asks for {', '.join(sorted(lacking))}, which {volume} does not offer"
        return message, "accessModes", "ask for an access mode of the volume"
    asked = amount(dig(claim.body, "spec", "resources", "requests", "storage"))
    size = amount(dig(volume.body, "spec", "capacity", "storage"))
    if asked is not None and size is not None and asked > size:
        message = (
            f"{claim} asks for more than {volume} has ({dig(volume.body, 'spec', 'capacity', 'storage')})"
        )
        return message, "resources", "ask for no more than the volume's size"
    return None


def _class(context: ClusterContext, claim: Resource) -> tuple[str | None, bool]:
    """(the claim's class, whether it is the default one); None where Git does not say."""
    if "storageClassName" in claim.spec and claim.spec["storageClassName"] is not None:
        return str(claim.spec["storageClassName"]), False
    classes = context.public.of("StorageClass.storage.k8s.io")
    defaults = [one.name for one in classes if is_default(one)]
    return (defaults[0], True) if len(defaults) == 1 else (None, True)


def is_default(storage_class: Resource) -> bool:
    """Whether a StorageClass is the one that claims without a class get."""
    return any(str(storage_class.annotations.get(key)) == "true" for key in _DEFAULT)
