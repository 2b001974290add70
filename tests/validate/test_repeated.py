"""What many objects have in common is reported once, with the places; machines get every finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, application, write

pytestmark = pytest.mark.usefixtures("cache")
CLUSTER, PROJECT = "clusters/one/kustomization.yaml", "clusters/one/project.yaml"


def repository(root: Path, count: int) -> str:
    """So many Applications in the project default."""
    names = [f"app-{number}" for number in range(count)]
    files = {f"clusters/one/{one}.yaml": application(one, f"apps/{one}", one) for one in names}
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
    whole = {
        CLUSTER: f"resources: [project.yaml, {', '.join(f'{one}.yaml' for one in names)}]\n",
        PROJECT: OURS[PROJECT],
        **{name: text.replace("project: apps", "project: default") for name, text in files.items()},
        **{f"apps/{one}/c.yaml": config for one in names},
    }
    return str(write(root, whole))


def test_what_more_than_three_have_in_common_is_told_once_with_the_places(run: Run, tmp_path: Path) -> None:
    out = run("validate", repository(tmp_path, 8), "--rules", "GB219").out.splitlines()
    assert len([line for line in out if "GB219" in line]) == 1
    assert out[0].endswith("Application argocd/app-0 is in the project default; and 7 more")
    (also,) = [line.strip() for line in out if line.strip().startswith("also: ")]
    assert also.startswith("also: clusters/one/app-1.yaml:10, clusters/one/app-2.yaml:10, ")
    assert also.endswith(" and 2 more (-o json lists all)")


def test_what_three_have_in_common_is_listed_one_by_one(run: Run, tmp_path: Path) -> None:
    out = run("validate", repository(tmp_path, 3), "--rules", "GB219").out
    assert out.count("GB219") == 3
    assert "more" not in out


def test_a_machine_gets_each_of_them_and_the_count_is_of_all(run: Run, tmp_path: Path) -> None:
    root = repository(tmp_path, 8)
    data = json.loads(run("validate", root, "--rules", "GB219", "-o", "json").out)
    assert len(data["findings"]) == data["counts"]["info"] == 8
    assert run("validate", root, "--rules", "GB219", "-o", "github").out.count("GB219") == 8
    assert "8 info" in run("validate", root, "--rules", "GB219").err


def test_a_table_has_one_row_for_what_an_application_has_in_common(run: Run, tmp_path: Path) -> None:
    out = run("validate", repository(tmp_path, 8), "--rules", "GB219", "-o", "markdown").out
    assert out.count("GB219") == 1
    assert "and 7 more: clusters/one/app-1.yaml:10" in out


def test_sets_that_one_cause_leaves_unread_are_told_once(run: Run, tmp_path: Path) -> None:
    text = (
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: NAME, namespace: argocd}\n"
        "spec:\n  generators: [{clusters: {selector: {matchLabels: {env: LABEL}}}}]\n"
        "  template: {metadata: {name: '{{name}}'}, spec: {project: apps}}\n"
    )
    names = [f"set-{number}" for number in range(5)]
    files = {f"sets/{one}.yaml": text.replace("NAME", one) for one in names}
    out = run("validate", str(write(tmp_path, files)), "--rules", "GB110").out.splitlines()
    (line,) = [one for one in out if "info GB110" in one]
    assert line.startswith("sets/set-0.yaml:1: info GB110: the ApplicationSet set-0 is not followed: ")
    assert line.endswith("; and 4 more")
