"""Whose a finalizer is, and how to go on when the time is over."""

from __future__ import annotations

import pytest

from bootstrap.kube.removal import Left
from bootstrap.manifests.objects import ClusterObject
from bootstrap.uninstall import blockers


def left(*finalizers: str, kind: str = "Application", since: str = "2030-01-02T03:04:05Z") -> Left:
    return Left(ClusterObject("argoproj.io/v1alpha1", kind, "argocd", "shop", b""), finalizers, since)


@pytest.mark.parametrize(
    ("finalizer", "whose"),
    [
        ("resources-finalizer.argocd.argoproj.io", "Argo CD's application controller"),
        ("resources-finalizer.argocd.argoproj.io/background", "Argo CD's application controller"),
        ("post-delete-finalizer.argocd.argoproj.io/cleanup", "PostDelete hooks"),
        ("service.kubernetes.io/load-balancer-cleanup", "the cloud's load balancer controller"),
        ("kubernetes.io/pvc-protection", "a pod still uses the claim"),
        ("backup.example.com/keep", "a controller of backup.example.com"),
        ("keep", "an unknown controller"),
    ],
)
def test_a_finalizers_owner_is_named_as_far_as_it_is_known(finalizer: str, whose: str) -> None:
    assert whose in blockers.owner(finalizer)


def test_what_is_not_being_deleted_is_told_apart_from_what_is() -> None:
    assert "has been terminating since 2030-01-02T03:04:05Z" in blockers.line(left("a.example.com/b"))
    assert "is not being deleted" in blockers.line(left(since=""))


def test_argocds_own_finalizer_leads_to_keep_workloads_and_another_one_to_its_controller() -> None:
    argocds = blockers.too_late("deleting", [left("resources-finalizer.argocd.argoproj.io")], 120)
    assert "--keep-workloads" in argocds.hint
    theirs = blockers.too_late("deleting", [left("backup.example.com/keep")], 120)
    assert "kubectl -n argocd patch application shop --type=merge" in theirs.hint
    kubernetes = blockers.too_late("deleting", [left("kubernetes", kind="Namespace")], 120)
    assert kubernetes.hint == "run the same command again, which continues from here"


def test_what_an_applications_deletion_waits_for_is_what_is_to_be_freed() -> None:
    held = Left(ClusterObject("apps/v1", "Deployment", "shop", "db", b""), ("gone.example.com/x",), "2030")
    found = blockers.too_late("deleting", [left("resources-finalizer.argocd.argoproj.io"), held], 120)
    assert "Deployment shop/db has been terminating since 2030" in found.found
    assert "kubectl -n shop patch deployment db --type=merge" in found.hint
    assert "--keep-workloads" in found.hint


def test_many_blockers_are_counted_and_the_first_named() -> None:
    error = blockers.too_late("deleting", [left("a.example.com/b")] * 20, 120)
    assert "20 objects left after 120 s" in error.found
    assert error.found.count("Application argocd/shop") == blockers.SHOWN
    assert "and 8 more" in error.found
