"""manifest-generate-paths: the folders of what an Application reads, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.repository.files import Files, scan
from bootstrap.repository.generate_paths import annotation, files_read

FILES = {
    "apps/shop/base/kustomization.yaml": "resources: [web.yaml]\n",
    "apps/shop/base/web.yaml": "kind: Deployment\n",
    "apps/shop/parts/ingress/kustomization.yaml": "kind: Component\nresources: [ingress.yaml]\n",
    "apps/shop/parts/ingress/ingress.yaml": "kind: Ingress\n",
    "apps/shop/parts/mesh/kustomization.yaml": "kind: Component\n",
    "apps/shop/overlays/dev/kustomization.yaml": (
        "resources: [../../base]\ncomponents: [../../parts/ingress]\n"
        "configMapGenerator: [{name: a, files: [conf/a.txt]}]\n"
    ),
    "apps/shop/overlays/dev/conf/a.txt": "a\n",
    "infrastructure/loki/values.yaml": "replicas: 1\n",
    "infrastructure/loki/rules/kustomization.yaml": "resources: [rules.yaml]\n",
    "infrastructure/loki/rules/rules.yaml": "kind: ConfigMap\n",
    "plain/a.yaml": "kind: ConfigMap\n",
    "plain/below/b.yaml": "kind: ConfigMap\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Files:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return scan(tmp_path)


def application(*sources: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Application", "spec": {"sources": list(sources)}}


def chart(*value_files: str) -> dict[str, Any]:
    return {"repoURL": "https://charts.test", "chart": "x", "helm": {"valueFiles": list(value_files)}}


def here(**more: str) -> dict[str, Any]:
    return {"repoURL": "https://git.test/x.git", "ref": "repo", **more}


def test_an_overlay_reads_its_base_and_the_components_that_are_on(tree: Files) -> None:
    overlay = application(here(path="apps/shop/overlays/dev"))
    assert annotation(overlay, tree, "apps/shop") == (
        "/apps/shop/base;/apps/shop/overlays/dev;/apps/shop/parts/ingress"
    )
    assert "apps/shop/overlays/dev/conf/a.txt" in files_read(overlay, tree)
    assert "apps/shop/parts/mesh/kustomization.yaml" not in files_read(overlay, tree)


def test_a_chart_reads_its_value_files_of_this_repository_only(tree: Files) -> None:
    loki = application(chart("$repo/infrastructure/loki/values.yaml", "values-production.yaml"), here())
    assert files_read(loki, tree) == {"infrastructure/loki/values.yaml"}
    assert annotation(loki, tree, "infrastructure/loki") == "/infrastructure/loki"


def test_folders_below_a_folder_are_not_named_again(tree: Files) -> None:
    loki = application(chart("$repo/infrastructure/loki/values.yaml"), here(path="infrastructure/loki/rules"))
    assert annotation(loki, tree, "infrastructure/loki") == "/infrastructure/loki"


def test_a_folder_without_a_kustomization_is_read_whole(tree: Files) -> None:
    assert annotation(application(here(path="plain/")), tree, "apps/plain") == "/plain"


def test_what_reads_nothing_here_is_left_alone_by_commits_elsewhere(tree: Files) -> None:
    crds = application({"repoURL": "https://git.elsewhere.test/crds", "path": "plain"}, here())
    assert annotation(crds, tree, "infrastructure/crds") == "/infrastructure/crds"


def test_a_neighbours_name_that_begins_the_same_is_another_folder(tree: Files) -> None:
    both = application(chart("$repo/infrastructure/loki/values.yaml", "$repo/infrastructure/loki-ha/v.yaml"))
    assert annotation(both, tree, "x") == "/infrastructure/loki;/infrastructure/loki-ha"
