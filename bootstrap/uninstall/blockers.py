"""Pure: what a removal still waits for at its timeout: who owns each finalizer, and how to continue."""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap.core import next_run
from bootstrap.core.errors import NotReadyError
from bootstrap.core.text import counted
from bootstrap.kube.removal import Left

OWNERS = {
    "resources-finalizer.argocd.argoproj.io": "Argo CD's application controller, which deletes its objects",
    "post-delete-finalizer.argocd.argoproj.io": "Argo CD, which runs its PostDelete hooks",
    "pre-delete-finalizer.argocd.argoproj.io": "Argo CD, which runs its PreDelete hooks",
    "foregroundDeletion": "the garbage collector of kube-controller-manager: its dependents still exist",
    "orphan": "the garbage collector of kube-controller-manager",
    "kubernetes": "the namespace controller of kube-controller-manager: the namespace still has objects",
    "customresourcecleanup.apiextensions.k8s.io": "the API server: objects of the kind still exist",
    "kubernetes.io/pvc-protection": "Kubernetes: a pod still uses the claim",
    "kubernetes.io/pv-protection": "Kubernetes: a claim is still bound to the volume",
    "service.kubernetes.io/load-balancer-cleanup": "the cloud's load balancer controller",
}
"""Finalizer (up to the slash, if it has a suffix) → its owner."""
SHOWN = 12


def owner(finalizer: str) -> str:
    """The owner of a finalizer, as far as it is known."""
    for known, whose in OWNERS.items():
        if finalizer == known or finalizer.startswith(f"{known}/"):
            return whose
    domain = finalizer.partition("/")[0]
    return f"a controller of {domain}" if "." in domain else "an unknown controller"


def line(one: Left) -> str:
    """An object that is left, who holds it, and since when."""
    held = [f"{name} ({owner(name)})" for name in one.finalizers]
    since = f"has been terminating since {one.since}" if one.since else "is not being deleted"
    said = f"; it says {one.message}" if one.message else ""
    return f"{one.object} {since}, held by {', '.join(held) or 'nothing that it names'}{said}"


def too_late(tried: str, left: Sequence[Left], seconds: float) -> NotReadyError:
    """The error of a removal that has timed out: each blocker, and what to do about it."""
    lines = [line(one) for one in left[:SHOWN]]
    more = [f"and {len(left) - SHOWN} more"] if len(left) > SHOWN else []
    listed = "".join(f"\n    - {text}" for text in (*lines, *more))
    found = f"{counted(len(left), 'object')} left after {seconds:.0f} s of waiting:{listed}"
    return NotReadyError(tried, found, _fix(left), left[0].object.name if len(left) == 1 else None)


def _fix(left: Sequence[Left]) -> str:
    again = "run the same command again, which continues from here"
    ended_by_argocd = any("argocd.argoproj.io" in name for one in left for name in one.finalizers)
    foreign = next((one for one in left if any(not _ends_by_itself(name) for name in one.finalizers)), None)
    if foreign is not None:
        item = foreign.object
        place = f"-n {item.namespace} " if item.namespace else ""
        change = f"{place}patch {item.kind.lower()} {item.name}"
        patch = """'{"metadata":{"finalizers":null}}'"""
        more = "; --keep-workloads leaves the Applications' objects" if ended_by_argocd else ""
        return (
            f"have its controller run, then {again}; if that controller is gone for good: "
            f"{next_run.kubectl(change)} --type=merge -p {patch}{more}"
        )
    if ended_by_argocd:
        return (
            f"see what the Applications say ({next_run.command('status')}), then run the same command again; "
            "with --keep-workloads it leaves their objects and continues without Argo CD"
        )
    return again


def _ends_by_itself(finalizer: str) -> bool:
    """Whether it is Argo CD's, or one that Kubernetes removes once the dependents are gone."""
    return "argocd.argoproj.io" in finalizer or finalizer in ("kubernetes", "foregroundDeletion", "orphan")
