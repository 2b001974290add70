"""Breaking notes: found where they apply, silent where they do not."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.core.errors import BootstrapError, InputError, RefusedError
from bootstrap.layout import catalog
from bootstrap.resources.index import Resource
from bootstrap.upgrade import argocd_minors, argocd_notes, checks

VALUES = "infrastructure/loki/values.yaml"


def crd(*versions: str, served: bool = True) -> Resource:
    return Resource(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.example.com"},
            "spec": {
                "group": "example.com",
                "names": {"kind": "Thing"},
                "versions": [{"name": one, "served": served} for one in versions],
            },
        }
    )


def thing(version: str) -> Resource:
    body = {"apiVersion": f"example.com/{version}", "kind": "Thing", "metadata": {"name": "mine"}}
    return Resource(body, file="apps/a.yaml", line=3)


def test_a_value_that_the_catalog_gave_up_and_that_is_set_here_is_found() -> None:
    base = {VALUES: b"a: {b: 1, c: 2}\nd: 1\n"}
    theirs = {VALUES: b"a: {c: 2}\n"}
    (note,) = checks.removed_values(base, theirs, {VALUES: b"a: {b: 7, c: 2}\n"}, "")
    assert (note.where, note.fatal) == (VALUES, False)
    assert note.found.startswith("a.b is set")
    assert not list(checks.removed_values(base, theirs, {VALUES: b"a: {c: 2}\n"}, ""))
    assert not list(checks.removed_values(base, base, {VALUES: base[VALUES]}, ""))


def test_a_version_that_a_crd_gives_up_is_fatal_where_git_still_has_it() -> None:
    before, after = [crd("v1alpha1", "v1")], [crd("v1"), thing("v1alpha1")]
    (note,) = checks.served_no_more(before, after)
    assert note.fatal
    assert note.where == "apps/a.yaml:3"
    (unused,) = checks.served_no_more(before, [crd("v1"), thing("v1")])
    assert not unused.fatal
    assert not list(checks.served_no_more([crd("v1")], [crd("v1", "v2"), thing("v1")]))


def test_a_version_that_the_cluster_still_stores_is_fatal() -> None:
    live: dict[str, Any] = {**crd("v1alpha1", "v1").body, "status": {"storedVersions": ["v1alpha1", "v1"]}}
    (note,) = checks.stored_versions([live], [crd("v1")])
    assert note.fatal
    assert "example.com/v1alpha1" in note.found
    assert not list(checks.stored_versions([live], [crd("v1alpha1", "v1")]))
    assert not list(checks.stored_versions([live], []))


def test_argocds_breaks_are_looked_for_in_the_minors_that_are_crossed() -> None:
    path = "infrastructure/argocd/manifests/argocd-cm.yaml"
    files = {path: b"data:\n  oidc.config: |\n    enablePKCEAuthentication: true\n"}
    (note,) = argocd_notes.crossed("v3.0.9", "v3.1.0", files, [], "")
    assert note.where == f"{path}:3"
    assert not list(argocd_notes.crossed("v3.1.0", "v3.2.0", files, [], ""))
    assert not list(argocd_notes.crossed("v3.0.0", "v3.0.9", files, [], ""))


def test_an_application_that_asks_for_helm_3_is_found_from_3_5_on() -> None:
    body = {
        "kind": "Application",
        "metadata": {"name": "loki"},
        "spec": {"sources": [{"repoURL": "x", "chart": "loki", "helm": {"version": "v3"}}]},
    }
    asks = Resource(body, file="infrastructure/loki/application.yaml", line=1)
    assert list(argocd_notes.crossed("v3.4.13", "v3.5.7", {}, [asks], ""))
    assert not list(argocd_notes.crossed("v3.5.7", "v3.6.1", {}, [asks], ""))


def test_the_catalog_of_today_crosses_every_minor_without_a_fatal_note() -> None:
    found = argocd_notes.crossed("v3.0.0", "v3.6.1", catalog.load(), [], "")
    assert not [note for note in found if note.fatal]


@pytest.mark.parametrize(
    ("current", "wanted", "way"),
    [
        ("v3.4.13", "v3.6.1", ("v3.5.7", "v3.6.1")),
        ("v3.5.0", "3.5.7", ("v3.5.7",)),
        ("v3.6.1", "v3.6.1", ()),
        ("v3.5.7", "v3.6.1", ("v3.6.1",)),
    ],
)
def test_argocd_moves_minor_by_minor(current: str, wanted: str, way: tuple[str, ...]) -> None:
    assert argocd_minors.way(current, wanted, argocd_minors.known_versions("install"), False) == way


@pytest.mark.parametrize(
    ("current", "wanted", "error", "words"),
    [
        ("v3.2.0", "v3.6.1", RefusedError, "leads through v3.3, whose checksum is not known"),
        ("v3.6.1", "v3.5.7", RefusedError, "is older"),
        ("v2.14.0", "v3.0.0", RefusedError, "different major versions"),
        ("v3.6.1", "newest", InputError, "is not a version"),
    ],
)
def test_a_path_that_leads_nowhere_is_reported(
    current: str, wanted: str, error: type[BootstrapError], words: str
) -> None:
    with pytest.raises(error, match=words):
        argocd_minors.way(current, wanted, argocd_minors.known_versions("install"), False)
