"""The layout of a cluster whose adopted Argo CD is in another namespace."""

from __future__ import annotations

from dataclasses import replace

from bootstrap.layout import argocd_namespace, catalog, files
from bootstrap.layout.settings import parse_record, recorded_settings, render_record
from bootstrap.manifests.reader import documents
from tests.layouts import settings

SETTINGS = settings(adopted=True, argocd_namespace="gitops")
KUSTOMIZATION = "clusters/default/kustomization.yaml"


def laid_out() -> dict[str, bytes]:
    return files.edited(files.shipped(catalog.load(), None, [SETTINGS]), [SETTINGS])


def test_the_root_and_the_projects_are_where_argocd_reads_them() -> None:
    tree = laid_out()
    (root,) = documents(tree["clusters/default/root.yaml"], "root.yaml")
    assert root["metadata"]["namespace"] == root["spec"]["destination"]["namespace"] == "gitops"
    projects = documents(tree["clusters/default/projects.yaml"], "projects.yaml")
    assert {one["metadata"]["namespace"] for one in projects} == {"gitops"}


def test_no_app_may_deploy_next_to_that_argocd() -> None:
    text = laid_out()["clusters/default/projects.yaml"]
    apps = next(one for one in documents(text, "projects.yaml") if one["metadata"]["name"] == "apps")
    denied = {one["namespace"] for one in apps["spec"]["destinations"]}
    assert "!gitops" in denied
    assert "!argocd" not in denied
    assert "gitops" in {one.get("name") for one in apps["spec"]["clusterResourceBlacklist"]}


def test_one_patch_moves_every_application_and_goes_with_the_namespace() -> None:
    tree = laid_out()
    (kustomization,) = documents(tree[KUSTOMIZATION], KUSTOMIZATION)
    (patch,) = kustomization["patches"]
    assert '"value": "gitops"' in patch["patch"]
    again = argocd_namespace.changed(tree, "gitops", replace(SETTINGS, argocd_namespace="cd"))
    (kustomization,) = documents(again[KUSTOMIZATION], KUSTOMIZATION)
    (patch,) = kustomization["patches"]
    assert '"value": "cd"' in patch["patch"]


def test_patches_of_ones_own_stay_as_they_are_written() -> None:
    own = b"patches:\n  # ours\n  - path: ours.yaml  # first\n".replace(b"  # ours\n", b"")
    before = catalog.load()[KUSTOMIZATION] + own
    found = argocd_namespace.changed({KUSTOMIZATION: before}, "argocd", SETTINGS)[KUSTOMIZATION]
    assert b"  - path: ours.yaml  # first\n" in found
    (kustomization,) = documents(found, KUSTOMIZATION)
    assert [set(one) for one in kustomization["patches"]] == [{"target", "patch"}, {"path"}]
    back = argocd_namespace.changed({KUSTOMIZATION: found}, "gitops", settings())
    assert back[KUSTOMIZATION] == before


def test_the_namespace_is_recorded() -> None:
    record = render_record(None, SETTINGS, "1", "c")
    assert b"argocdNamespace: gitops" in record
    assert recorded_settings(parse_record(record), settings()) == replace(
        settings(), adopted=True, argocd_namespace="gitops"
    )


def test_where_argocd_has_its_usual_namespace_nothing_is_changed() -> None:
    plain = settings(adopted=True)
    tree = files.edited(files.shipped(catalog.load(), None, [plain]), [plain])
    assert b"patches" not in tree[KUSTOMIZATION]
    assert b"argocdNamespace" not in render_record(None, plain, "1", "c")
