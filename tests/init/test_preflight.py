"""Every finding at once, each with its fix."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.core.errors import GitUnreachable, RefusedError
from bootstrap.git.changes import RepositoryState
from bootstrap.init import preflight
from bootstrap.kube.state import ArgoCDInstallation, ClusterState, Preview
from bootstrap.manifests.objects import ClusterObject

CLUSTER = ClusterState("admin@lab", "https://10.0.0.1:6443", "v1.36.3", ready_nodes=3)
REPO = RepositoryState("https://git.example.org/a.git", "main", exists=True)


def fatal(findings: object) -> list[str]:
    return [item.found for item in findings if item.fatal]  # type: ignore[attr-defined]


def test_a_fitting_cluster_and_repository_give_no_finding() -> None:
    assert list(preflight.of_cluster(CLUSTER, adopt=False)) == []
    assert list(preflight.of_repository(REPO, CLUSTER, writes=True)) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"version": "v1.29.9"}, "v1.29.9"),
        ({"missing_rights": ("create namespaces",)}, "create namespaces"),
        ({"argocd": ArgoCDInstallation("argocd", "v3.5.1", "helm")}, "by helm"),
    ],
)
def test_what_prevents_a_run_is_found(change: dict[str, object], word: str) -> None:
    assert word in fatal(preflight.of_cluster(replace(CLUSTER, **change), adopt=False))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"clock_skew": 300.0}, {"ready_nodes": 0}])
def test_what_only_warns_is_not_fatal(change: dict[str, object]) -> None:
    findings = list(preflight.of_cluster(replace(CLUSTER, **change), adopt=False))  # type: ignore[arg-type]
    assert findings
    assert not fatal(findings)


def test_high_availability_wants_three_nodes() -> None:
    two = replace(CLUSTER, ready_nodes=2)
    assert [item.fatal for item in preflight.of_variant(two, "ha")] == [False]
    assert not list(preflight.of_variant(two, "install"))
    assert not list(preflight.of_variant(CLUSTER, "ha"))


def test_argocd_without_a_credential_is_reported_and_over_ssh_prevents_the_run() -> None:
    assert [item.fatal for item in preflight.of_argocd_credential("https://h/a/b.git", False)] == [False]
    assert [item.fatal for item in preflight.of_argocd_credential("git@h:a/b.git", False)] == [True]
    assert not list(preflight.of_argocd_credential("git@h:a/b.git", True))


def test_adopting_needs_an_argocd_where_the_layout_has_it() -> None:
    there = replace(CLUSTER, argocd=ArgoCDInstallation("argocd", "v3.6.1", "manifest"))
    elsewhere = replace(CLUSTER, argocd=ArgoCDInstallation("cd", "v3.6.1", "manifest"))
    assert not fatal(preflight.of_cluster(there, adopt=True))
    assert "--argocd-namespace cd" in next(preflight.of_cluster(elsewhere, adopt=True)).fix
    assert not fatal(preflight.of_cluster(elsewhere, adopt=True, namespace="cd"))
    assert fatal(preflight.of_cluster(CLUSTER, adopt=True))


def test_our_own_argocd_is_not_an_obstacle() -> None:
    ours = replace(CLUSTER, argocd=ArgoCDInstallation("argocd", "v3.6.1", "bootstrap"))
    assert not fatal(preflight.of_cluster(ours, adopt=False))


def test_loopback_repository_is_refused_for_a_cluster_elsewhere() -> None:
    here = replace(REPO, url="http://127.0.0.1:3000/a.git")
    assert fatal(preflight.of_repository(here, CLUSTER, writes=True))
    assert not fatal(
        preflight.of_repository(here, replace(CLUSTER, server="https://127.0.0.1:6443"), writes=True)
    )


def test_refused_push_matters_only_when_writing() -> None:
    refused = replace(REPO, push_refusal="protected branch")
    assert fatal(preflight.of_repository(refused, None, writes=True))
    assert not fatal(preflight.of_repository(refused, None, writes=False))


def test_one_error_is_raised_as_it_is() -> None:
    error = GitUnreachable("a", "b", "c")
    with pytest.raises(GitUnreachable):
        preflight.refuse([], [error])


def test_several_are_reported_together_each_with_its_fix() -> None:
    finding = preflight.Finding("no right", "get it")
    with pytest.raises(RefusedError) as caught:
        preflight.refuse([finding, finding], [GitUnreachable("asking git", "silence", "wait")])
    assert "3 problems" in caught.value.found
    assert "no right (get it)" in caught.value.found
    assert "asking git: silence (wait)" in caught.value.found


def test_little_disk_is_found() -> None:
    (finding,) = preflight.of_disk({"/small": 1, "/var": 10**12})
    assert finding.found.startswith("/small")


FOLDER = "clusters/default"


def _root(url: str, *, before: bool = True, path: str = "clusters/default") -> Preview:
    source = {"ref": "repo", "repoURL": url, "path": path}
    spec = {"sources": [{"chart": "x", "repoURL": "https://charts.example"}, source]}
    item = ClusterObject("argoproj.io/v1alpha1", "Application", "argocd", "root", b"")
    return Preview(item, "change" if before else "create", {"spec": spec} if before else None)


def test_cluster_that_follows_another_repository_is_not_taken_by_accident() -> None:
    here, there = "https://git.example/a/gitops.git", "https://git.example/b/gitops.git"
    (finding,) = preflight.of_root([_root(there)], here, FOLDER, force=False)
    assert finding.fatal
    assert there in finding.found
    assert "--force-conflicts" in finding.fix
    (told,) = preflight.of_root([_root(there)], here, FOLDER, force=True)
    assert not told.fatal
    assert not list(preflight.of_root([_root(there, before=False)], here, FOLDER, force=False))


@pytest.mark.parametrize(
    "other",
    ["ssh://git@git.example:22/a/gitops", "git@git.example:a/gitops.git", "https://git.example/A/gitops"],
)
def test_another_way_to_the_same_repository_is_not_another_repository(other: str) -> None:
    assert not list(
        preflight.of_root([_root(other)], "https://git.example/a/gitops.git", FOLDER, force=False)
    )


def test_cluster_that_follows_another_folder_is_not_taken_by_accident() -> None:
    url = "https://git.example/a/gitops.git"
    (finding,) = preflight.of_root([_root(url)], url, "clusters/second", force=False)
    assert finding.fatal
    assert "follows clusters/default" in finding.found
    assert "--cluster default" in finding.fix
    (told,) = preflight.of_root([_root(url)], url, "clusters/second", force=True)
    assert not told.fatal
    assert not list(preflight.of_root([_root(url, path="./clusters/default/")], url, FOLDER, force=False))


@pytest.mark.parametrize(
    ("classes", "is_made", "fix"),
    [
        ({"gp2": False, "gp3": True}, False, "--storage-class gp3"),
        ({"local-path": False}, False, "--storage-class local-path"),
        ({}, False, "--with local-path-storage"),
        ({}, True, None),
        ({"standard": False}, False, None),
        (None, False, None),
    ],
)
def test_storage_class_that_the_cluster_lacks_is_reported_with_one_that_it_has(
    classes: dict[str, bool] | None, is_made: bool, fix: str | None
) -> None:
    found = [finding.fix for finding in preflight.of_storage_class(classes, "standard", is_made)]
    assert (fix in found[0]) if fix else not found
