"""What goes with an Application, and what Argo CD keeps whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.component.prune import Pruned, pruned
from bootstrap.resources.applications import FINALIZER

FOLDER = "apps/shop"


def application(*sources: dict[str, Any], finalizers: tuple[str, ...] = (FINALIZER,)) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "finalizers": list(finalizers)},
        "spec": {"sources": list(sources), "destination": {"namespace": "shop"}},
    }


def own(text: str) -> Pruned:
    files = {f"{FOLDER}/kustomization.yaml": b"resources: [all.yaml]\n", f"{FOLDER}/all.yaml": text.encode()}
    return pruned(application({"repoURL": "https://git.example.com/a/b.git", "path": FOLDER}), False, files)


def item(kind: str, name: str, annotations: str = "{}") -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, annotations: {annotations}}}\n---\n"


def test_a_crd_of_the_repository_stays_with_its_application_gone() -> None:
    found = own(item("CustomResourceDefinition", "gadgets.example.com") + item("Service", "web"))
    assert found.deleted == ("Service web",)
    assert found.kept == ("CustomResourceDefinition gadgets.example.com",)
    assert "kept: CustomResourceDefinition gadgets.example.com" in found.sentence()


@pytest.mark.parametrize(
    "annotation",
    ['"helm.sh/resource-policy": keep', '"argocd.argoproj.io/sync-options": "Prune=false, Delete=false"'],
)
def test_what_says_that_it_stays_does(annotation: str) -> None:
    found = own(item("ConfigMap", "state", f"{{{annotation}}}"))
    assert (found.deleted, found.kept) == ((), ("ConfigMap state",))


def test_an_option_of_the_application_holds_unless_the_object_has_its_own() -> None:
    own_option = '{"argocd.argoproj.io/sync-options": Delete=true}'
    text = item("ConfigMap", "state") + item("ConfigMap", "cache", own_option)
    files = {f"{FOLDER}/kustomization.yaml": b"resources: [all.yaml]\n", f"{FOLDER}/all.yaml": text.encode()}
    one = application({"repoURL": "https://git.example.com/a/b.git", "path": FOLDER})
    one["spec"]["syncPolicy"] = {"syncOptions": ["CreateNamespace=true", "Delete=false"]}
    found = pruned(one, False, files)
    assert (found.deleted, found.kept) == (("ConfigMap cache",), ("ConfigMap state",))


def chart(name: str, **helm: Any) -> dict[str, Any]:
    return {"repoURL": "https://charts.example.com", "chart": name, "targetRevision": "1.0.0", "helm": helm}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (chart("cert-manager"), "its CRDs (cert-manager.io, acme.cert-manager.io) with all their objects"),
        (chart("metrics-server"), ""),
        (chart("metrics-server-of-ours"), "CRDs, if metrics-server-of-ours has any"),
        (chart("of-ours", skipCrds=True), ""),
        ({"repoURL": "https://github.com/x/y", "path": "config"}, "CRDs, if config has any"),
    ],
)
def test_of_a_chart_that_was_not_read_what_is_known_is_said(source: dict[str, Any], said: str) -> None:
    found = pruned(application(source), True, {})
    assert found.kept == ("Namespace shop", *([said] if said else []))
    assert found.deleted == ()


def test_without_a_finalizer_everything_stays() -> None:
    found = pruned(application(chart("cert-manager"), finalizers=()), True, {})
    assert found.sentence() == "shop has no finalizer: what it applied is kept"
