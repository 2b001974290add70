"""Charts that Applications name: fetched on request, and what is reported when they cannot be fetched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, URL, application, write

pytestmark = pytest.mark.usefixtures("cache")

CHARTS = "https://charts.example.com"
SOURCES = f"""\
  sources:
    - repoURL: {CHARTS}
      chart: thing
      targetRevision: 1.2.3
      helm: {{valueFiles: [$here/things/values.yaml]}}
    - {{repoURL: {URL}, targetRevision: HEAD, ref: here}}
"""
CHART = application("thing", "x", "shop-dev").replace(
    f"  source:\n    repoURL: {URL}\n    targetRevision: HEAD\n    path: x\n", SOURCES
)
GENERATE = '    argocd.argoproj.io/manifest-generate-paths: /things\n    argocd.argoproj.io/sync-wave: "0"\n'
PRINTED = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-the-chart}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    cluster = OURS["clusters/one/kustomization.yaml"]
    project = OURS["clusters/one/project.yaml"]
    files = {
        "clusters/one/kustomization.yaml": cluster.replace("project.yaml", "project.yaml\n  - chart.yaml"),
        "clusters/one/project.yaml": project.replace("[http", f"[{CHARTS}, http"),
        "clusters/one/chart.yaml": CHART.replace('    argocd.argoproj.io/sync-wave: "0"\n', GENERATE),
        "things/values.yaml": "a: 1\n",
    }
    assert GENERATE in files["clusters/one/chart.yaml"]
    assert SOURCES in files["clusters/one/chart.yaml"]
    return write(tmp_path / "repo", OURS, files)


def helm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str | None) -> None:
    """A program `helm` on PATH with only git: it stands in for charts that are, or are not, reachable."""
    folder.mkdir(exist_ok=True)
    program = folder / "helm"
    program.unlink(missing_ok=True)
    if script is not None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    others = (one for one in os.environ["PATH"].split(os.pathsep) if not Path(one, "helm").exists())
    monkeypatch.setenv("PATH", os.pathsep.join((str(folder), *others)))


def validated(run: Run, root: Path) -> tuple[int, list[tuple[str, str]]]:
    data = json.loads(run("validate", str(root), "--fetch-charts", "-o", "json").out)
    return data["objects"], [(one["rule"], one["message"]) for one in data["findings"]]


def test_chart_that_cannot_be_had_costs_one_warning_and_is_tried_again(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.loads(run("validate", str(root), "-o", "json").out)
    assert before["findings"] == []
    helm(tmp_path / "bin", monkeypatch, None)
    for _ in range(2):
        objects, [(rule, message)] = validated(run, root)
        assert (objects, rule) == (before["objects"], "GB109")
        assert message == "the chart is not rendered: helm is not on PATH"
    helm(tmp_path / "bin", monkeypatch, "echo 'Error: no such host' >&2; exit 1")
    assert validated(run, root) == (
        before["objects"],
        [("GB109", "the chart is not rendered: no such host")],
    )
    helm(tmp_path / "bin", monkeypatch, f"cat <<'EOF'\n{PRINTED}EOF")
    assert validated(run, root) == (before["objects"] + 1, [])
    helm(tmp_path / "bin", monkeypatch, None)
    assert validated(run, root) == (before["objects"] + 1, []), "what was rendered is kept"
    (root / "things/values.yaml").write_text("a: 2\n")
    assert [rule for rule, _ in validated(run, root)[1]] == ["GB109"], "other values are another result"


def test_chart_in_the_repository_is_tried_again_too(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "things/Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.0.0\n",
        "clusters/one/chart.yaml": application("thing", "things", "shop-dev"),
    }
    write(root, files)
    helm(tmp_path / "bin", monkeypatch, None)
    objects, [(rule, _)] = validated(run, root)
    assert rule == "GB109"
    helm(tmp_path / "bin", monkeypatch, f"cat <<'EOF'\n{PRINTED}EOF")
    assert validated(run, root) == (objects + 1, [])
