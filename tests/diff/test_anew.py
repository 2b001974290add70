"""What stays in Git and is deleted all the same is told (as a real Argo CD does it: tests/sandbox/diff)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.diff.compare import compare
from bootstrap.diff.deletion import Applications, Fleet
from bootstrap.diff.matters import matters
from bootstrap.resources.index import Resource
from tests.diff.test_matters import one, options, told

PRUNES = {"syncPolicy": {"automated": {"prune": True}}}
FINALIZER = "resources-finalizer.argocd.argoproj.io"


@pytest.mark.parametrize(
    ("kind", "own", "general", "starts"),
    [
        ("ConfigMap", "Replace=true,Force=true", "", "deletes: "),
        ("ConfigMap", "Force=true", "Replace=true", "deletes: "),
        ("PersistentVolumeClaim", "Replace=true,Force=true", "", "data: "),
        ("Job", "Replace=true,Force=true", "", ""),
        ("ConfigMap", "Replace=true", "Force=true", ""),
        ("ConfigMap", "Force=true", "", ""),
        ("Namespace", "Replace=true,Force=true", "", ""),
    ],
)
def test_what_every_change_makes_anew_is_told(kind: str, own: str, general: str, starts: str) -> None:
    version = "batch/v1" if kind == "Job" else "v1"
    before, after = (
        one(kind, version=version, metadata={"labels": {"a": value}, **options(own)}) for value in "12"
    )
    lines = told([before], [after], {"syncPolicy": {"syncOptions": [general]}})
    assert len(lines) == bool(starts)
    assert all(line.startswith(starts) and "made anew" in line for line in lines)


@pytest.mark.parametrize(
    ("own", "option", "compare", "starts"),
    [
        ("Replace=true,Force=true", "ServerSideApply=true", "", "fails: "),
        ("Replace=true,Force=true", "", "IgnoreExtraneous, ServerSideDiff=true", "fails: "),
        ("Replace=true,Force=true", "ServerSideApply=true", "ServerSideDiff=false", "deletes: "),
        ("Force=true", "ServerSideApply=true", "ServerSideDiff=false", "fails: "),
        ("Force=true", "", "ServerSideDiff=true", "fails: "),
        ("Force=true", "", "", "deletes: "),
    ],
)
def test_where_the_api_server_compares_a_refused_change_makes_nothing_anew_for_certain(
    own: str, option: str, compare: str, starts: str
) -> None:
    before, after = (one("Secret", metadata=options(own), type=f"example.com/{end}") for end in "ab")
    notes = {"argocd.argoproj.io/compare-options": compare}
    (line,) = told([before], [after], {"syncPolicy": {"syncOptions": [option]}}, notes)
    assert line.startswith(starts)
    by_server = starts == "fails: " and "ServerSideDiff=false" not in compare
    assert ("it syncs nothing of it" in line) is by_server
    assert ("Replace=true,Force=true takes effect only with" in line) is by_server
    later = by_server and ("Replace" in own or not option)  # a server-side apply alone never deletes
    assert ("makes it anew at a later try" in line) is later


def application(name: str, *finalizers: str, spec: Any = None) -> Resource:
    body = one(
        "Application",
        name,
        version="argoproj.io/v1alpha1",
        owner="argocd/root",
        metadata={"finalizers": list(finalizers)},
        spec=spec or {},
    )
    return replace(body, namespace="argocd")


def taken_over(kind: str, *finalizers: str) -> list[str]:
    """What is told of an object whose Application is removed while another one applies it, too."""
    claim = one(kind, owner="argocd/old")
    key = ("default", claim.kind, claim.namespace, claim.name)
    root, other = application("root", spec=PRUNES), application("new")
    before = {"argocd/root": root, "argocd/old": application("old", *finalizers)}
    fleet = Fleet({"": Applications(before, {"argocd/root": root, "argocd/new": other})})
    old, new = {key: claim}, {key: replace(claim, application="argocd/new")}
    return [f"{each.topic}: {each.text}" for each in matters(old, new, compare(old, new), fleet)]


def test_a_claim_that_another_application_takes_over_may_be_deleted_with_the_first() -> None:
    (line,) = taken_over("PersistentVolumeClaim", FINALIZER)
    assert line.startswith(
        "data: it is deleted with its Application argocd/old, unless argocd/new has taken it"
    )
    assert taken_over("PersistentVolumeClaim") == []
    assert taken_over("ConfigMap", FINALIZER) == []


def test_a_definition_that_is_forced_is_deleted_with_its_objects_only_where_it_is_refused() -> None:
    def definition(scope: str, forced: str) -> Resource:
        spec = {"scope": scope, "group": "example.com"}
        return one(
            "CustomResourceDefinition", version="apiextensions.k8s.io/v1", metadata=options(forced), spec=spec
        )

    for forced, start in (("Force=true", "data: "), ("Replace=true,Force=true", "fails: ")):
        lines = told([definition("Namespaced", forced)], [definition("Cluster", forced)])
        assert [line[: len(start)] for line in lines] == [start]
    same = definition("Namespaced", "Force=true")
    same.body["metadata"]["labels"] = {"a": "b"}
    assert told([definition("Namespaced", "Force=true")], [same]) == []
