"""An error in what nothing applies is a warning in a repository that has what applies things."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import application, write

pytestmark = pytest.mark.usefixtures("cache")

WRONG = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}], kind: internal}
"""
LEFT = "left/web.yaml"
ROOT = {"clusters/one/root.yaml": application("shop", "apps/shop", "shop")}
ARGOCD = ROOT | {"apps/shop/space.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"}
FLUX = {
    "cluster/apps.yaml": """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {interval: 1h, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
"""
}
SAID = "; nothing that was read applies this file"


def levels(run: Run, root: Path, file: str) -> set[tuple[str, str, bool]]:
    """The rule and severity of the errors in a file, and those that were errors."""
    findings = json.loads(run("validate", str(root), "--fail-on", "info", "-o", "json").out)["findings"]
    return {
        (one["rule"], one["severity"], SAID in one["message"])
        for one in findings
        if one["file"] == file and (one["severity"] == "error" or SAID in one["message"])
    }


@pytest.mark.parametrize("starts", [ARGOCD, FLUX])
def test_error_in_what_nothing_applies_is_a_warning(run: Run, tmp_path: Path, starts: dict[str, str]) -> None:
    found = levels(run, write(tmp_path, starts, {LEFT: WRONG}), LEFT)
    assert found == {("GB121", "warning", True)}


def test_error_in_a_repository_of_nothing_but_manifests_is_one(run: Run, tmp_path: Path) -> None:
    found = levels(run, write(tmp_path, {LEFT: WRONG}), LEFT)
    assert found == {("GB121", "error", False)}


@pytest.mark.parametrize("kustomization", [{}, {"apps/kustomization.yaml": "resources: [shop]\n"}])
def test_what_flux_applies_has_to_be_right(run: Run, tmp_path: Path, kustomization: dict[str, str]) -> None:
    files = {"apps/shop/kustomization.yaml": "resources: [web.yaml]\n", "apps/shop/web.yaml": WRONG}
    found = levels(run, write(tmp_path, FLUX, files, kustomization), "apps/shop/web.yaml")
    assert found == {("GB121", "error", False)}


def test_what_the_kustomization_that_flux_builds_leaves_out_is_not_applied(run: Run, tmp_path: Path) -> None:
    files = {"apps/kustomization.yaml": "resources: []\n", "apps/web.yaml": WRONG}
    assert {one[1] for one in levels(run, write(tmp_path, FLUX, files), "apps/web.yaml")} == {"warning"}


def test_password_in_what_nothing_applies_is_an_error(run: Run, tmp_path: Path) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: Xk29fjSl2a}\n"
    assert levels(run, write(tmp_path, ARGOCD, {LEFT: secret}), LEFT) == {("GB401", "error", False)}


def test_unreadable_file_is_an_error_where_a_kustomization_names_it(run: Run, tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: web\n"
    named = {"left/kustomization.yaml": "resources: [web.yaml]\n"}
    assert levels(run, write(tmp_path / "a", ARGOCD, {LEFT: text}, named), LEFT) == {
        ("GB101", "error", False)
    }
    assert levels(run, write(tmp_path / "b", ARGOCD, {LEFT: text}), LEFT) == {("GB101", "warning", True)}


def test_application_that_points_nowhere_is_an_error_wherever_it_is(run: Run, tmp_path: Path) -> None:
    files = {LEFT: application("lost", "apps/lost", "lost")}
    assert levels(run, write(tmp_path, ARGOCD, files), LEFT) == {("GB201", "error", False)}


def test_application_beside_an_app_of_apps_that_does_not_lead_to_it_is_not_used(
    run: Run, tmp_path: Path
) -> None:
    files = {
        "root.yaml": application("root", "applications", "argocd"),
        "applications/shop.yaml": application("shop", "apps/shop", "shop"),
        "solutions/two/demo.yaml": application("demo", "apps/demo", "demo"),
        "applications/gone.yaml": application("gone", "apps/gone", "gone"),
    }
    root = write(tmp_path, ARGOCD, files, {"clusters/one/root.yaml": None})
    assert levels(run, root, "solutions/two/demo.yaml") == {("GB201", "warning", True)}
    assert levels(run, root, "applications/gone.yaml") == {("GB201", "error", False)}


def test_severity_that_the_repository_chose_stays(run: Run, tmp_path: Path) -> None:
    files = {LEFT: WRONG, "bootstrap.yaml": "checks: {severity: {GB121: error}}\n"}
    found = levels(run, write(tmp_path, ARGOCD, files), LEFT)
    assert found == {("GB121", "error", True)}


def test_application_that_a_cluster_has_switched_off_is_not_a_part_of_it(run: Run, tmp_path: Path) -> None:
    route = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec: {parentRefs: [{name: edge, namespace: edge}]}
"""
    gateway = route.replace("HTTPRoute", "Gateway").replace("web, namespace: shop", "edge, namespace: edge")
    gateway = gateway.partition("spec:")[0] + "spec: {gatewayClassName: cilium, listeners: []}\n"
    files = {
        "apps/kustomization.yaml": "resources: [apps.yaml, edge.yaml]\n#  - shop.yaml\n",
        "apps/apps.yaml": application("apps", "apps", "argocd"),
        "apps/edge.yaml": application("edge", "gateways", "edge"),
        "apps/shop.yaml": application("shop", "web", "shop"),
        "gateways/gateway.yaml": gateway,
        "web/route.yaml": route,
    }
    assert levels(run, write(tmp_path, files), "web/route.yaml") == set()
