"""Siblings and parents among Applications: cycles, and what one lacks that the others have."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index, Resource
from bootstrap.validate.rule import AppliedObject, Apps
from bootstrap.validate.rules import apps as rules
from tests.validate.rules.world import URL, Tree, resources

FILES = Tree("clusters/one/kustomization.yaml", *(f"apps/{name}/all.yaml" for name in "abc"), "values/c.yaml")
CHILD = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: NAME
  namespace: argocd
  finalizers: [resources-finalizer.argocd.argoproj.io]
  annotations: {argocd.argoproj.io/manifest-generate-paths: /apps/NAME}
spec:
  source: SOURCE
  destination: {server: https://kubernetes.default.svc, namespace: NAME}
  syncPolicy: {automated: {prune: true}, syncOptions: [CreateNamespace=true]}
"""
PATHS = "  annotations: {argocd.argoproj.io/manifest-generate-paths: /apps/NAME}\n"
CREATE = ", syncOptions: [CreateNamespace=true]"
FINALIZER = "  finalizers: [resources-finalizer.argocd.argoproj.io]\n"
CHART = "{repoURL: https://charts.example.com, chart: cert-manager, targetRevision: 1.0.0}"
SOURCE = f"{{repoURL: {URL}, path: apps/NAME}}"
ROOT = "argocd/root"


def child(name: str, *without: str, parent: str = ROOT, source: str = SOURCE) -> Resource:
    text = CHILD.replace("SOURCE", source)
    for part in without:
        text = text.replace(part, "")
    return resources(text.replace("NAME", name), "clusters/one/apps.yaml", parent)[0]


def found(*applications: Resource, more: str = "", opaque: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    owned = [
        AppliedObject("", item.kind, item.namespace, item.name, item.application, item.file, 0, 1)
        for item in [*applications, *resources(more, "apps/a/all.yaml", "argocd/a")]
    ]
    closures = {
        f"argocd/{item.name}": frozenset({f"apps/{item.name}/all.yaml"})
        for item in applications
        if item.spec["source"]["repoURL"] == URL
    }
    world = Index(applications, opaque)
    told = rules.check(Apps(list(applications), world, owned, closures, FILES, [URL], True))
    return [(one.rule.id, one.message) for one in told]


def test_application_that_applies_its_own_cluster_is_one_finding() -> None:
    here = [child("a"), child("b"), child("a", parent="argocd/a"), child("b", parent="argocd/a")]
    assert found(*here) == [("GB208", "Application argocd/a is applied by itself, and by argocd/root")]


def test_root_that_applies_itself_is_not_a_cycle() -> None:
    assert found(child("a", parent=""), child("a", parent="argocd/a")) == []


def test_root_that_applies_itself_into_the_namespace_of_its_destination_is_not_a_cycle() -> None:
    own = child("root", parent="argocd/root")
    own.body["metadata"]["namespace"] = "default"
    again = child("root", parent="default/root")
    again.body["metadata"]["namespace"] = "default"
    twice = [child("a"), child("a", parent="default/root")]  # one of the two roots is not there
    told = [rule for rule, _ in found(child("root", parent=""), own, again, *twice)]
    assert "GB208" not in told
    assert "GB206" not in told


def test_child_without_the_paths_that_its_siblings_have_is_reported() -> None:
    told = found(child("a"), child("b"), child("c", PATHS))
    assert [(rule, "argocd/c has no manifest-generate-paths" in text) for rule, text in told] == [
        ("GB212", True)
    ]


def test_children_of_which_most_have_no_paths_are_left_alone() -> None:
    assert found(child("a"), child("b", PATHS), child("c", PATHS)) == []


def test_values_file_that_the_paths_leave_out_is_reported() -> None:
    source = f"{{repoURL: {URL}, path: apps/NAME, ref: here, helm: {{valueFiles: [$here/values/NAME.yaml]}}}}"
    assert found(child("a"), child("c", source=source)) == [
        (
            "GB212",
            "Application argocd/c depends on values/c.yaml, which manifest-generate-paths omits",
        )
    ]


@pytest.mark.parametrize(
    ("source", "without", "rules_found"),
    [
        (CHART, (CREATE,), ["GB214"]),
        (CHART, (), []),
        ("{repoURL: https://elsewhere.example.com/x.git, path: namespaces}", (CREATE,), []),
    ],
)
def test_namespace_of_a_chart_alone_is_created_by_someone(
    source: str, without: tuple[str, ...], rules_found: list[str]
) -> None:
    told = found(child("a"), child("c", *without, PATHS, source=source), opaque=("c", ""))
    assert [rule for rule, _ in told] == rules_found


def test_namespace_of_a_chart_is_not_asked_for_where_git_makes_none() -> None:
    assert found(child("a", CREATE, PATHS, source=CHART), opaque=("a", "")) == []


@pytest.mark.parametrize(("namespace", "rules_found"), [("a", ["GB213"]), ("other", []), (None, ["GB213"])])
def test_finalizer_is_asked_of_those_that_own_no_other_namespace(
    namespace: str | None, rules_found: list[str]
) -> None:
    more = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n" if namespace else ""
    assert [rule for rule, _ in found(child("a", FINALIZER), more=more)] == rules_found
