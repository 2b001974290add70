"""What becomes of an object that Git no longer has; a real Argo CD is asked in tests/sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.diff.deletion import Applications, tracks_by_label
from bootstrap.resources.index import Resource

FINALIZER = "resources-finalizer.argocd.argoproj.io"


def application(name: str, parent: str = "", *, finalizer: bool = True, **policy: Any) -> Resource:
    metadata = {"name": name, "finalizers": [f"{FINALIZER}/foreground"] if finalizer else []}
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata}
    return Resource({**body, "spec": {"syncPolicy": policy}}, "argocd", parent)


def thing(owner: str = "argocd/web", kind: str = "ConfigMap", **annotations: str) -> Resource:
    version = "apiextensions.k8s.io/v1" if kind.startswith("Custom") else "v1"
    metadata = {"name": "x", "annotations": annotations}
    return Resource({"apiVersion": version, "kind": kind, "metadata": metadata}, "shop", owner)


PRUNES = {"automated": {"prune": True}}
TRACKING = "argocd.argoproj.io/tracking-id"
OPTIONS = "argocd.argoproj.io/sync-options"


@pytest.mark.parametrize(
    ("policy", "options", "deleted", "word"),
    [
        (PRUNES, "", True, "prunes"),
        (PRUNES, "Prune=false", False, "Prune=false"),
        (PRUNES, "Validate=false, Prune=confirm", None, "confirms"),
        ({**PRUNES, "syncOptions": ["Prune=false"]}, "", False, "Prune=false"),
        ({**PRUNES, "syncOptions": ["Prune=false"]}, "Prune=true", True, "prunes"),
        ({"automated": {}}, "", None, "until somebody prunes"),
        ({"automated": {"prune": True, "enabled": False}}, "", None, "synced by hand"),
        ({}, "", None, "synced by hand"),
    ],
)
def test_what_an_application_that_goes_on_does(
    policy: dict[str, Any], options: str, deleted: bool | None, word: str
) -> None:
    web = application("web", **policy)
    fate = Applications({"argocd/web": web}, {"argocd/web": web}).fate(thing(**{OPTIONS: options}))
    assert fate.deleted is deleted
    assert word in fate.why


@pytest.mark.parametrize(
    ("automated", "options", "deleted", "word"),
    [
        ({"prune": True}, "", None, "only with allowEmpty: true"),
        ({"prune": True, "allowEmpty": True}, "", True, "prunes"),
        ({"prune": True}, "Prune=false", False, "Prune=false"),
        ({"prune": False}, "", None, "its Application does not"),
    ],
)
def test_the_last_objects_of_an_application(
    automated: dict[str, Any], options: str, deleted: bool | None, word: str
) -> None:
    web = {"argocd/web": application("web", automated=automated)}
    fate = Applications(web, web, emptied=frozenset({"argocd/web"})).fate(thing(**{OPTIONS: options}))
    assert fate.deleted is deleted
    assert word in fate.why


@pytest.mark.parametrize(
    ("was", "now", "word"),
    [
        ({}, {"server": "https://one"}, "in the cluster of Argo CD, and nobody manages it there"),
        ({"server": "https://one"}, {"server": "https://two"}, "goes to cluster https://two"),
        ({"name": "one"}, {"server": "https://two"}, "unless that is the same cluster"),
        ({"name": "in-cluster"}, {"server": "https://kubernetes.default.svc"}, ""),
        ({"namespace": "a"}, {"namespace": "b"}, ""),
    ],
)
def test_an_application_that_goes_to_another_cluster_leaves_what_it_applied(
    was: dict[str, str], now: dict[str, str], word: str
) -> None:
    before, after = application("web", **PRUNES), application("web", **PRUNES)
    for one, place in ((before, was), (after, now)):
        one.body["spec"]["destination"] = place
    fate = Applications({"argocd/web": before}, {"argocd/web": after}).fate(thing())
    assert fate.deleted is (not word)
    assert word in fate.why


@pytest.mark.parametrize(
    ("kind", "annotations", "finalizer", "deleted", "word"),
    [
        ("ConfigMap", {}, True, True, "with its Application"),
        ("ConfigMap", {}, False, False, "no finalizer"),
        ("ConfigMap", {OPTIONS: "Delete=false"}, True, False, "Delete=false"),
        ("ConfigMap", {OPTIONS: "Delete=confirm"}, True, None, "confirms"),
        ("ConfigMap", {OPTIONS: "Prune=false"}, True, True, "with its Application"),
        ("ConfigMap", {"helm.sh/resource-policy": "keep"}, True, False, "keep"),
        ("CustomResourceDefinition", {}, True, False, "definition"),
    ],
)
def test_what_goes_with_an_application_that_is_removed(
    kind: str, annotations: dict[str, str], finalizer: bool, deleted: bool | None, word: str
) -> None:
    root = application("root", **PRUNES)
    web = application("web", "argocd/root", finalizer=finalizer, **PRUNES)
    both = Applications({"argocd/root": root, "argocd/web": web}, {"argocd/root": root})
    fate = both.fate(thing(kind=kind, **annotations))
    assert fate.deleted is deleted
    assert word in fate.why


@pytest.mark.parametrize(
    ("own", "by_label", "deleted"),
    [
        ({}, False, False),
        (
            {"annotations": {TRACKING: "web:g/k:n/x"}},
            False,
            True,
        ),
        (
            {"annotations": {TRACKING: "other:g/k:n/x"}},
            False,
            False,
        ),
        ({"labels": {"app.kubernetes.io/instance": "web"}}, False, False),
        ({"labels": {"app.kubernetes.io/instance": "web"}}, True, True),
        ({}, True, False),
    ],
)
def test_a_dropped_definition_is_pruned_only_if_it_bears_the_tracking_in_git(
    own: dict[str, Any], by_label: bool, deleted: bool
) -> None:
    web = {"argocd/web": application("web", **PRUNES)}
    definition = thing(kind="CustomResourceDefinition")
    definition.body["metadata"].update(own)
    fate = Applications(web, web, by_label=by_label).fate(definition)
    assert fate.deleted is deleted
    assert ("does not track definitions" in fate.why) is not deleted


def test_the_way_of_tracking_is_read_from_the_settings_of_argo_cd() -> None:
    metadata = {"name": "argocd-cm"}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    label = {**settings, "data": {"application.resourceTrackingMethod": "label"}}
    assert tracks_by_label([thing(), Resource(label, "argocd")])
    both = {**settings, "data": {"application.resourceTrackingMethod": "annotation+label"}}
    assert not tracks_by_label([thing(), Resource(settings, "argocd"), Resource(both, "argocd")])


def test_an_application_that_its_parent_does_not_delete_keeps_what_it_applied() -> None:
    root = application("root", automated={})
    web = application("web", "argocd/root", **PRUNES)
    fate = Applications({"argocd/root": root, "argocd/web": web}, {"argocd/root": root}).fate(thing())
    assert fate.deleted is None
    assert "argocd/web is not deleted by itself" in fate.why


def test_what_nobody_applies_and_what_is_unknown_is_said_as_that() -> None:
    assert Applications({}, {}).fate(thing("")).deleted is False
    unknown = Applications({}, {}).fate(thing("argocd/elsewhere"))
    assert unknown.deleted is None
    assert "unknown" in unknown.why
    itself = application("web", "argocd/web", **PRUNES)
    assert Applications({"argocd/web": itself}, {}).fate(thing()).deleted is None
