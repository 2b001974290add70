"""What is wrong with files as YAML: values that an Application passes to helm, and explained typos."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, URL, application, write
from tests.validate.test_parts import CLUSTER, chart, found, with_values

pytestmark = pytest.mark.usefixtures("cache")

VALUES = "infrastructure/web/values.yaml"
SHOP = "apps/shop/base/shop.yaml"


@pytest.mark.parametrize(
    ("content", "rule", "line"),
    [
        ("web:\n\tport: 80\n", "GB101", 2),
        ("port: 80\nhost: a\nport: 81\n", "GB102", 3),
        ("host: a\nfoo: [\n", "GB101", 3),
        ("<<<<<<< HEAD\nport: 80\n=======\nport: 81\n>>>>>>> other\n", "GB101", 1),
    ],
)
def test_values_that_helm_cannot_read_are_found(
    run: Run, tmp_path: Path, content: str, rule: str, line: int
) -> None:
    root = write(tmp_path, OURS, with_values(VALUES, content))
    assert [one[:3] for one in found(run, root, "GB101,GB102")] == [(rule, VALUES, line)]


def test_key_twice_in_values_is_a_warning_as_helm_takes_the_last(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, with_values(VALUES, "port: 80\nport: 81\n"))
    result = run("validate", str(root), "--rules", "GB102", "-o", "json")
    assert [(one["rule"], one["severity"]) for one in json.loads(result.out)["findings"]] == [
        ("GB102", "warning")
    ]


def test_values_that_can_be_read_and_files_that_no_one_names_are_left_alone(run: Run, tmp_path: Path) -> None:
    files = {
        **with_values(VALUES, "port: 80\n---\nport: 81\n"),
        "infrastructure/web/old-values.yaml": "a: [\n",
    }
    assert found(run, write(tmp_path, OURS, files), "GB101,GB102") == []


@pytest.mark.parametrize("name", ["prod.yaml", "/charts/web/prod.yaml", "../web/prod.yaml"])
def test_values_next_to_a_chart_of_the_repository_are_read(run: Run, tmp_path: Path, name: str) -> None:
    helm = f"path: charts/web\n    helm: {{valueFiles: [{name}]}}\n"
    files = {
        CLUSTER: OURS[CLUSTER].replace("project.yaml", "project.yaml\n  - chart.yaml"),
        "clusters/one/chart.yaml": application("chart", "x", "shop-dev").replace("path: x\n", helm),
        "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "charts/web/values.yaml": "a: 1\na: 2\n",
        "charts/web/prod.yaml": "a: [\n",
    }
    places = [one[:2] for one in found(run, write(tmp_path, OURS, files), "GB101,GB102")]
    assert places == [("GB101", "charts/web/prod.yaml"), ("GB102", "charts/web/values.yaml")]


def test_values_of_another_repository_are_not_looked_for_here(run: Run, tmp_path: Path) -> None:
    foreign = f"{{repoURL: {URL}, targetRevision: HEAD, ref: repo}}"
    text = chart(VALUES).replace(foreign, foreign.replace(URL, "https://git.example.org/other.git"))
    files = {**with_values(VALUES, "a: [\n"), "clusters/one/chart.yaml": text}
    assert found(run, write(tmp_path, OURS, files), "GB101,GB102") == []


def test_merge_conflict_is_called_by_its_name(run: Run, tmp_path: Path) -> None:
    text = OURS[SHOP].replace(
        "  name: web\n", "<<<<<<< HEAD\n  name: web\n=======\n  name: www\n>>>>>>> b\n", 1
    )
    ((rule, file, line, message),) = found(run, write(tmp_path, OURS, {SHOP: text}), "GB101,GB102")
    assert (rule, file, line) == ("GB101", SHOP, 4)
    assert "an unresolved merge conflict at line 4" in message


def test_forgotten_line_between_objects_is_reported_once(run: Run, tmp_path: Path) -> None:
    text = OURS[SHOP].replace("---\n", "")
    line = text.split("\n").index("kind: Service")
    ((rule, file, at, message),) = found(run, write(tmp_path, OURS, {SHOP: text}), "GB101,GB102")
    assert (rule, file, at) == ("GB102", SHOP, line)
    assert f"a line `---` is missing before line {line}" in message


def test_conflict_in_a_text_is_not_a_conflict(run: Run, tmp_path: Path) -> None:
    text = OURS[SHOP] + (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: text}\n"
        "data:\n  a: |\n    <<<<<<< HEAD\n    b\n"
    )
    assert found(run, write(tmp_path, OURS, {SHOP: text}), "GB101,GB102") == []


def test_release_that_nothing_is_known_of_is_refused(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS)
    result = run("validate", str(root), "--kubernetes", "1.99")
    assert result.exit == 2
    assert "Kubernetes 1.99" in result.err
    assert run("validate", str(root), "--kubernetes", "1.30", "--rules", "GB124").exit == 0
