"""Which files a chart's values are in, and in which order: as Argo CD resolves them."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.repository.charts.values import Unresolved, files_of, places

REPOSITORY = ["charts/a/values.yaml", "env/1.yaml", "env/2.yaml", "env/deep/3.yaml", "top.yaml"]


def asking(*files: tuple[str, str], ignore: bool = False) -> dict[str, Any]:
    return {"files": [list(one) for one in files], "set_file": [], "ignore_missing": ignore}


def found(*files: tuple[str, str], ignore: bool = False, tool: str = "helm") -> list[str]:
    folder = "charts/a" if tool == "helm" else ""
    has = {"repository": REPOSITORY, "chart": ["inside.yaml"]}
    return [path for _, path in places(asking(*files, ignore=ignore), tool, folder, has)]


def test_a_path_is_of_the_chart_with_a_slash_of_the_repository_and_with_a_ref_of_its_top() -> None:
    asked = (
        ("chart", "values.yaml"),
        ("chart", "/top.yaml"),
        ("chart", "../../env/1.yaml"),
        ("top", "env/2.yaml"),
    )
    assert found(*asked) == ["charts/a/values.yaml", "top.yaml", "env/1.yaml", "env/2.yaml"]
    assert found(("chart", "inside.yaml"), tool="chart") == ["inside.yaml"]


def test_each_file_counts_once_and_a_named_one_where_it_is_named() -> None:
    twice = ("top", "env/1.yaml")
    assert found(twice, ("top", "top.yaml"), twice) == ["env/1.yaml", "top.yaml"]
    assert found(("top", "env/*.yaml"), twice) == ["env/2.yaml", "env/1.yaml"]
    assert found(("top", "env/**/*.yaml")) == ["env/1.yaml", "env/2.yaml", "env/deep/3.yaml"]


@pytest.mark.parametrize(
    "asked",
    [
        ("top", "gone.yaml"),
        ("top", "gone*.yaml"),
        ("top", "../out.yaml"),
        ("url", "https://x/y"),
        ("elsewhere", "$x/y"),
    ],
)
def test_a_missing_file_is_no_silence(asked: tuple[str, str]) -> None:
    with pytest.raises(Unresolved):
        found(asked)
    assert files_of(asking(asked), "helm", "charts/a", REPOSITORY) == set()
    if asked[0] == "top" and not asked[1].startswith(".."):
        assert found(asked, ignore=True) == []
