"""Findings lead to the place and the words of the fix: patches, replacements, folders that are not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conftest import Run
from tests.repositories import OURS, application, write

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
APPLICATION = "apps/shop/applications/dev/application.yaml"
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: shop.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: web
                port: {name: http}
"""
BASE = {
    **OURS,
    "apps/shop/base/kustomization.yaml": OURS["apps/shop/base/kustomization.yaml"].replace(
        "  - shop.yaml\n", "  - shop.yaml\n  - ingress.yaml\n"
    ),
    "apps/shop/base/ingress.yaml": INGRESS,
}
PATCH = """\
patches:
  - target: {kind: Ingress, name: web}
    patch: |-
      - op: replace
        path: /spec/rules/0/http/paths/0/backend/service/name
        value: wbe
"""


def found(run: Run, root: Path, rule: str) -> list[dict[str, Any]]:
    findings = json.loads(run("validate", str(root), "-o", "json").out)["findings"]
    return [one for one in findings if one["rule"] == rule]


def test_line_is_that_of_the_patch_that_gave_the_value(run: Run, tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, {**BASE, OVERLAY: BASE[OVERLAY] + PATCH})
    (one,) = found(run, root, "GB301")
    text = (root / OVERLAY).read_text().splitlines()
    assert (one["file"], text[one["line"] - 1].strip()) == (OVERLAY, "value: wbe")


def test_patch_may_be_a_file_or_stand_in_the_application(run: Run, tmp_path: Path, cache: Path) -> None:
    file = "apps/shop/overlays/dev/patch.yaml"
    merge = INGRESS.replace("name: web\n                port", "name: wbe\n                port")
    files = {**BASE, OVERLAY: BASE[OVERLAY] + "patches: [{path: patch.yaml}]\n", file: merge}
    (one,) = found(run, write(tmp_path / "file", files), "GB301")
    assert (one["file"], one["line"]) == (file, 13)
    inline = "    kustomize:\n" + "".join(f"      {line}\n" for line in PATCH.splitlines())
    files = {**BASE, APPLICATION: BASE[APPLICATION].replace("  destination:", f"{inline}  destination:")}
    root = write(tmp_path / "inline", files)
    (one,) = found(run, root, "GB301")
    assert one["file"] == APPLICATION
    assert (root / APPLICATION).read_text().splitlines()[one["line"] - 1].strip() == "value: wbe"


def test_value_of_the_base_stays_there(run: Run, tmp_path: Path, cache: Path) -> None:
    wrong = INGRESS.replace("name: web\n                port", "name: wbe\n                port")
    (one,) = found(run, write(tmp_path, {**BASE, "apps/shop/base/ingress.yaml": wrong}), "GB301")
    assert (one["file"], one["line"]) == ("apps/shop/base/ingress.yaml", 13)


def test_replacement_without_field_is_reported_in_the_component(
    run: Run, tmp_path: Path, cache: Path
) -> None:
    """kustomize#5128"""
    component = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
replacements:
  - source: {kind: Service, name: web, fieldPath: metadata.name}
    targets:
      - select: {kind: Deployment}
        fieldPaths:
          - metadata.annotations.[example.com/service]
"""
    file = "apps/shop/component/kustomization.yaml"
    files = {**BASE, OVERLAY: BASE[OVERLAY] + "components: [../../component]\n", file: component}
    (one,) = found(run, write(tmp_path / "wrong", files), "GB105")
    assert (one["file"], one["line"]) == (file, 8)
    assert "options: {create: true}" in one["fix"]
    files[file] += "        options: {create: true}\n"
    assert found(run, write(tmp_path / "right", files), "GB105") == []


def test_folder_below_one_that_is_read_flat_needs_recurse(run: Run, tmp_path: Path, cache: Path) -> None:
    """argo-cd#4501, gitops-bridge#52"""
    files = {
        **OURS,
        "clusters/one/kustomization.yaml": "resources: [project.yaml, root.yaml]\n",
        "clusters/one/root.yaml": application("root", "teams", "argocd"),
        "teams/readme.yaml": "a: b\n",
        "teams/a/web.yaml": application("web", "apps/shop/base", "shop"),
    }
    lost = [one for one in found(run, write(tmp_path, files), "GB207") if one["file"] == "teams/a/web.yaml"]
    assert "set directory.recurse: true in Application argocd/root" in lost[0]["fix"]


def test_kind_on_a_black_list_is_fixed_there(run: Run, tmp_path: Path, cache: Path) -> None:
    project = OURS["clusters/one/project.yaml"]
    black = "  namespaceResourceBlacklist: [{group: apps, kind: Deployment}]\n"
    files = {**OURS, "clusters/one/project.yaml": project + black}
    one = found(run, write(tmp_path, files), "GB204")[0]
    assert "remove it from namespaceResourceBlacklist of AppProject apps" in one["fix"]
