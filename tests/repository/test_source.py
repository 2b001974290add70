"""By which tool Argo CD renders an Application's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.repository.files import scan
from bootstrap.repository.source import directory_files, unit
from bootstrap.resources.applications import sources
from tests.repositories import write

FILES = {
    "built/kustomization.yaml": "resources: [a.yaml]\n",
    "built/a.yaml": "a: 1\n",
    "chart/Chart.yaml": "name: a\nversion: 1.0.0\n",
    "both/Chart.yaml": "name: a\nversion: 1.0.0\n",
    "both/kustomization.yaml": "resources: [a.yaml]\n",
    "plain/a.yaml": "a: 1\n",
}


@pytest.mark.parametrize(
    ("path", "section", "tool"),
    [
        ("built", {}, "kustomize"),
        ("built", {"directory": {}}, "kustomize"),
        ("built", {"directory": {"recurse": False}}, "kustomize"),
        ("built", {"directory": {"recurse": False, "jsonnet": {}}}, "kustomize"),
        ("built", {"directory": {"recurse": True}}, "directory"),
        ("built", {"directory": {"recurse": False, "exclude": "x.yaml"}}, "directory"),
        ("built", {"directory": {"include": "a.yaml"}}, "directory"),
        ("built", {"directory": {"jsonnet": {"tlas": [{"name": "a", "value": "b"}]}}}, "directory"),
        ("chart", {"directory": {"recurse": False}}, "helm"),
        ("chart", {"kustomize": {"namePrefix": "a-"}}, "helm"),
        ("both", {}, "kustomize"),  # Argo CD 3.6.1, asked: its walk ends at the kustomization
        ("both", {"helm": {"releaseName": "a"}}, "helm"),
        ("both", {"kustomize": {"namePrefix": "a-"}}, "kustomize"),
        ("both", {"kustomize": {}}, "kustomize"),
        ("plain", {"directory": {"recurse": False}}, "directory"),
    ],
)
def test_section_without_a_value_says_nothing_of_the_tool(
    tmp_path: Path, path: str, section: dict[str, Any], tool: str
) -> None:
    """NormalizeSource of Argo CD removes it before the tool is chosen."""
    tree = scan(write(tmp_path, FILES))
    body = {"spec": {"source": {"repoURL": "https://git.example.com/a.git", "path": path, **section}}}
    found = unit(sources(body)[0], tree)
    assert found is not None
    assert found.tool == tool


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("{argocd,old}/**", ["web/a.yaml"]),
        ("{argocd/*,old/*.yaml}", ["web/a.yaml"]),
        ("*/{a,b}.yaml", []),
        ("{argocd,{old,web}}/*", []),
        ("old", ["argocd/a.yaml", "old/b.yaml", "web/a.yaml"]),
    ],
)
def test_braces_in_a_pattern_of_a_directory_stand_for_alternatives(
    tmp_path: Path, exclude: str, left: list[str]
) -> None:
    files = dict.fromkeys(("argocd/a.yaml", "old/b.yaml", "web/a.yaml"), "a: 1\n")
    options = {"recurse": True, "exclude": exclude}
    assert sorted(directory_files(scan(write(tmp_path, files)), "", options)) == left
