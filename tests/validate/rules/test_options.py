"""Sync options that Argo CD does not know, and Applications that it does not see."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.validate.rule import Apps, ClusterContext
from bootstrap.validate.rules import options
from tests.validate.rules.world import TREE, URL, Tree, resources

CHILD = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: a, namespace: argo-cd}
spec: {project: apps, syncPolicy: {syncOptions: [OPTION]}}
"""
PROJECT = """\
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: apps, namespace: argocd}
spec: {sourceNamespaces: [NAMESPACES]}
"""


@pytest.mark.parametrize(
    ("option", "count"),
    [
        ("ServerSideApply=true", 0),
        ("PrunePropagationPolicy=foreground", 0),
        ("Prune=confirm", 0),
        ("NewInNextRelease=true", 0),
        ("createNamespace=true", 1),
        ("CreateNamespace=True", 1),
        ("CreateNamespace", 1),
        ("SkipDryRunOnMissingResources=true", 1),
    ],
)
def test_option_is_reported_when_it_is_like_a_known_one(option: str, count: int) -> None:
    here = Index(resources(CHILD.replace("OPTION", option), "a.yaml", "argocd/root"), ())
    assert len(list(options.check_objects(here, ClusterContext(here, True)))) == count


@pytest.mark.parametrize(
    ("namespace", "more", "count"),
    [
        ("argo-cd", PROJECT.replace("NAMESPACES", ""), 1),
        ("team", PROJECT.replace("NAMESPACES", ""), 1),
        ("argocd", PROJECT.replace("NAMESPACES", ""), 0),
        ("team", PROJECT.replace("NAMESPACES", "te*"), 0),
        ("team", PROJECT.replace("argocd", "team"), 0),
        ("argo-cd", "", 1),
        ("team", "", 0),
        (
            "team",
            PROJECT.replace("NAMESPACES", "") + "---\napiVersion: v1\nkind: ConfigMap\n"
            "metadata: {name: argocd-cmd-params-cm, namespace: argocd}\n"
            "data: {application.namespaces: team}\n",
            0,
        ),
    ],
)
def test_application_next_to_argo_cd_is_reported_unless_its_project_allows_it(
    namespace: str, more: str, count: int
) -> None:
    text = CHILD.replace("argo-cd", namespace) + more
    here = resources(text.replace("OPTION", ""), "a.yaml", "argocd/root")
    found = list(options.check(Apps(here[:1], Index(here, ()), [], {}, TREE, [], complete=True)))
    assert len(found) == count
    assert all("but Argo CD is in argocd" in one.message and one.fix == "move it to argocd" for one in found)


SOURCE = "{repoURL: https://git.example.com/a.git, path: a, ref: here}"
VALUES = "{repoURL: https://git.example.com/b.git, ref: values}"
CHART = "{repoURL: https://charts.example.com, chart: c, targetRevision: 1.0.0}"


@pytest.mark.parametrize(
    ("sources", "automated", "count"),
    [
        (SOURCE, "{}", 1),
        (SOURCE, "{enabled: false}", 0),
        (SOURCE, "null", 0),
        (f"{VALUES}, {SOURCE}", "{selfHeal: true}", 1),
        (f"{CHART}, {SOURCE}", "{}", 0),
        (f"{VALUES}, {CHART}", "{}", 0),
        (SOURCE.replace(", ref: here", ""), "{}", 0),
    ],
)
def test_manifests_whose_every_source_has_a_ref_are_reported(
    sources: str, automated: str, count: int
) -> None:
    text = CHILD.replace("syncOptions: [OPTION]", f"automated: {automated}")
    text = text.replace("project: apps,", f"project: apps, sources: [{sources}],")
    here = Index(resources(text, "a.yaml", "argocd/root"), ())
    found = list(options.check_objects(here, ClusterContext(here, True)))
    assert [one.rule.id for one in found] == ["GB235"] * count
    assert all("the manifests of a are in a source with the ref here" in one.message for one in found)


@pytest.mark.parametrize(
    ("directory", "says"),
    [
        ("{include: '*.yaml'}", ""),
        ("{include: 'shop*'}", "2 manifests in base: include: shop*"),
        ("{exclude: '*.yaml'}", "2 manifests in base: exclude: *.yaml"),
        ("{include: 'more/*.yaml'}", "2 manifests in base: include: more/*.yaml"),
        ("{recurse: true, include: 'more/*.yaml'}", ""),
        ("{include: '*.jsonnet'}", ""),
        ("{}", ""),
    ],
)
def test_pattern_that_leaves_no_file_of_a_folder_is_reported(directory: str, says: str) -> None:
    """The last folder has jsonnet, which the same patterns choose from."""
    path = "base" if "jsonnet" not in directory else "mixed"
    source = f"{{repoURL: {URL}, path: {path}, directory: {directory}}}"
    text = CHILD.replace("syncPolicy: {syncOptions: [OPTION]}", f"source: {source}")
    here = resources(text, "a.yaml", "argocd/root")
    tree = Tree("base/a.yaml", "base/b.yaml", "base/more/c.yaml", "mixed/a.yaml", "mixed/b.jsonnet")
    found = list(options.check_folders(Apps(here, Index(here, ()), [], {}, tree, [URL], complete=True)))
    assert [one.rule.id for one in found] == (["GB236"] if says else [])
    assert all(one.message.endswith(f"applies none of the {says}") for one in found)
