"""Charts that Applications name: fetched on request, kept, and reported if they cannot be had."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.programs.pinned import BY_NAME
from tests import charts
from tests.charts import CONFIG_MAP, ChartRepository
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import OURS, URL, application, write
from tests.tools import tool

pytestmark = pytest.mark.usefixtures("cache", "helm")

TEMPLATES = {"templates/cm.yaml": CONFIG_MAP, "values.yaml": "a: default\n"}


@pytest.fixture
def chart_repository() -> Iterator[ChartRepository]:
    """With `thing` 1.2.3."""
    with charts.served() as found:
        found.add("thing", "1.2.3", TEMPLATES)
        yield found


@pytest.fixture
def helm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The helm that a sandbox has, on PATH."""
    monkeypatch.setenv("PATH", f"{tool('helm').parent}{os.pathsep}{os.environ['PATH']}")


def without_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = os.environ["PATH"].split(os.pathsep)
    monkeypatch.setenv("PATH", os.pathsep.join(one for one in folders if not Path(one, "helm").exists()))


def asking(url: str, version: str = "1.2.3", helm: str = "{valueFiles: [$here/things/values.yaml]}") -> str:
    """An Application of the chart `thing`."""
    found = application("thing", "x", "shop-dev").replace(
        f"  source:\n    repoURL: {URL}\n    targetRevision: HEAD\n    path: x\n",
        f"  sources:\n    - repoURL: {url}\n      chart: thing\n      targetRevision: {version!r}\n"
        f"      helm: {helm}\n    - {{repoURL: {URL}, targetRevision: HEAD, ref: here}}\n",
    )
    return found.replace(
        '    argocd.argoproj.io/sync-wave: "0"\n',
        '    argocd.argoproj.io/manifest-generate-paths: /things\n    argocd.argoproj.io/sync-wave: "0"\n',
    )


@pytest.fixture
def root(tmp_path: Path, chart_repository: ChartRepository) -> Path:
    cluster = OURS["clusters/one/kustomization.yaml"]
    project = OURS["clusters/one/project.yaml"]
    files = {
        "clusters/one/kustomization.yaml": cluster.replace("project.yaml", "project.yaml\n  - chart.yaml"),
        "clusters/one/project.yaml": project.replace("[http", f"[{chart_repository.url}, http"),
        "clusters/one/chart.yaml": asking(chart_repository.url),
        "things/values.yaml": "a: 1\n",
    }
    return write(tmp_path / "repo", OURS, files)


def validated(run: Run, root: Path, *options: str) -> tuple[int, list[tuple[str, str]]]:
    data = json.loads(run("validate", str(root), "--fetch-charts", *options, "-o", "json").out)
    return data["objects"], [(one["rule"], one["message"]) for one in data["findings"]]


def test_chart_that_cannot_be_had_costs_one_warning_and_is_tried_again(
    run: Run, root: Path, chart_repository: ChartRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.loads(run("validate", str(root), "-o", "json").out)
    assert before["findings"] == []
    path = os.environ["PATH"]
    without_helm(monkeypatch)
    for _ in range(2):
        objects, [(rule, message)] = validated(run, root)
        assert (objects, rule) == (before["objects"], "GB109")
        assert message == "the chart is not rendered: helm is not on PATH"
    monkeypatch.setenv("PATH", path)
    chart_repository.away = True
    objects, [(rule, message)] = validated(run, root)
    assert (objects, rule) == (before["objects"], "GB109")
    assert "404 Not Found" in message
    chart_repository.away = False
    assert validated(run, root) == (before["objects"] + 1, [])
    without_helm(monkeypatch)
    assert validated(run, root) == (before["objects"] + 1, []), "what was rendered is kept"
    (root / "things/values.yaml").write_text("a: 2\n")
    assert [rule for rule, _ in validated(run, root)[1]] == ["GB109"], "other values are another result"


def test_chart_in_the_repository_is_tried_again_too(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "things/Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.0.0\n",
        "things/templates/cm.yaml": CONFIG_MAP,
        "clusters/one/chart.yaml": application("thing", "things", "shop-dev"),
    }
    write(root, files)
    path = os.environ["PATH"]
    without_helm(monkeypatch)
    objects, [(rule, _)] = validated(run, root)
    assert rule == "GB109"
    monkeypatch.setenv("PATH", path)
    assert validated(run, root) == (objects + 1, [])


def test_a_fetched_chart_needs_no_network_in_the_next_run_whatever_its_values_are(
    run: Run, root: Path, chart_repository: ChartRepository, cache: Path
) -> None:
    objects, _ = validated(run, root)
    assert chart_repository.asked == ["index.yaml", "thing-1.2.3.tgz"]
    [kept] = (cache / "charts").iterdir()
    chart_repository.away = True
    (root / "things/values.yaml").write_text("a: 2\n")
    assert validated(run, root) == (objects, [])
    assert len(chart_repository.asked) == 2
    kept.write_bytes(kept.read_bytes() + b"x")
    (root / "things/values.yaml").write_text("a: 3\n")
    assert [rule for rule, _ in validated(run, root)[1]] == ["GB109"], (
        "what is not what was fetched is not used"
    )
    chart_repository.away = False
    assert validated(run, root) == (objects, [])


def test_a_range_of_versions_is_asked_for_again_and_what_it_was_is_used_offline(
    run: Run, root: Path, chart_repository: ChartRepository
) -> None:
    write(root, {"clusters/one/chart.yaml": asking(chart_repository.url, "1.x")})
    objects, _ = validated(run, root)
    chart_repository.add(
        "thing", "1.3.0", {**TEMPLATES, "templates/more.yaml": CONFIG_MAP.replace("-chart", "")}
    )
    more, _ = validated(run, root)
    assert more == objects + 1
    chart_repository.away = True
    result = run("validate", str(root), "--fetch-charts", "-o", "json")
    assert json.loads(result.out)["objects"] == more
    assert "chart thing 1.x: the one that was fetched last time is used: " in result.err


def test_a_new_version_of_a_chart_is_seen_in_the_diff_and_rules_apply_to_what_it_makes(
    run: Run, root: Path, chart_repository: ChartRepository
) -> None:
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Before")
    claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n"
    claim += "  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n"
    chart_repository.add("thing", "1.2.3", {**TEMPLATES, "templates/claim.yaml": claim})
    chart_repository.add("thing", "2.0.0", TEMPLATES)
    write(root, {"clusters/one/chart.yaml": asking(chart_repository.url, "2.0.0")})
    without = run("diff", str(root), "-o", "json")
    assert "PersistentVolumeClaim" not in without.out
    for _ in range(2):
        result = run("diff", str(root), "--fetch-charts", "-o", "json")
        data = json.loads(result.out)
        assert [one["object"] for one in data["changes"] if one["change"] == "remove"] == [
            "PersistentVolumeClaim shop-dev/data"
        ]
        assert [one["topic"] for one in data["matters"]] == ["data"]
        chart_repository.away = True


def test_a_chart_sees_the_release_and_the_api_versions_of_the_cluster(
    run: Run, root: Path, chart_repository: ChartRepository
) -> None:
    asks = """\
{{- range list "shop.example.com/v1" "shop.example.com/v1/Order" "other.example.com/v1" }}
{{- if $.Capabilities.APIVersions.Has . }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ . | replace "/" "-" | lower }} }
data: {kubernetes: {{ $.Capabilities.KubeVersion.Version }} }
{{- end }}
{{- end }}
"""
    definition = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: orders.shop.example.com}
spec:
  group: shop.example.com
  names: {kind: Order, plural: orders}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
    chart_repository.add("thing", "1.2.3", {"templates/asks.yaml": asks})
    before, _ = validated(run, root)
    assert validated(run, root, "--api-versions", "other.example.com/v1")[0] == before + 1
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Before")
    project = (root / "clusters/one/project.yaml").read_text()
    write(root, {"clusters/one/project.yaml": f"{project}---\n{definition}"})
    result = run("diff", str(root), "--fetch-charts", "--kubernetes", "1.35", "-o", "json")
    added = {one["object"] for one in json.loads(result.out)["changes"]}
    assert {f"ConfigMap shop-dev/shop.example.com-v1{kind}" for kind in ("", "-order")} <= added
    shown = run("diff", str(root), "--fetch-charts", "--kubernetes", "1.35")
    assert "v1.35.0" in shown.out


def test_a_finding_in_a_chart_of_the_repository_names_the_template(run: Run, root: Path) -> None:
    bad = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {a: 1}\n"
    many = '{{- range list "a" "b" }}\n---\n' + bad.replace("NAME", "{{ . }}") + "{{- end }}\n"
    files = {
        "things/Chart.yaml": "apiVersion: v2\nname: other-name\nversion: 1.0.0\n",
        "things/templates/_help.tpl": '{{- define "x" -}}\n---\n{{- end -}}\n',
        "things/templates/empty.yaml": "{{- if false }}\na: b\n{{- end }}\n# only this\n",
        "things/templates/deep/many.yaml": many,
        "things/charts/inner/Chart.yaml": "apiVersion: v2\nname: inner\nversion: 1.0.0\n",
        "things/charts/inner/templates/one.yaml": bad.replace("NAME", "inner"),
        "clusters/one/chart.yaml": application("thing", "things", "shop-dev"),
    }
    write(root, files)
    answer = json.loads(run("validate", str(root), "-o", "json").out)
    found = {(one["file"], one["line"], one["object"].rpartition("/")[2]) for one in answer["findings"]}
    assert {rule["rule"] for rule in answer["findings"]} == {"GB122"}
    template = "things/templates/deep/many.yaml"
    assert found == {
        (template, 0, "a"),
        (template, 0, "b"),
        ("things/charts/inner/templates/one.yaml", 0, "inner"),
    }
    told = run("validate", str(root)).out
    assert f"{template}: error GB122: ConfigMap shop-dev/a: data.a is the number 1, not text" in told


def test_what_a_chart_of_the_repository_depends_on_is_fetched_once(
    run: Run, root: Path, chart_repository: ChartRepository
) -> None:
    needs = f"dependencies: [{{name: thing, version: 1.x, repository: '{chart_repository.url}'}}]\n"
    files = {
        "things/Chart.yaml": f"apiVersion: v2\nname: whole\nversion: 1.0.0\n{needs}",
        "things/Chart.lock": needs.replace("1.x", "1.2.3"),
        "clusters/one/chart.yaml": application("thing", "things", "shop-dev"),
    }
    write(root, files)
    (root / "things/values.yaml").write_text("thing: {a: 5}\n")
    objects, found = validated(run, root)
    assert found == []
    chart_repository.away = True
    (root / "things/values.yaml").write_text("thing: {a: 6}\n")
    assert validated(run, root) == (objects, [])


def test_a_release_that_argo_cd_does_not_render_with_is_told_once(
    run: Run, root: Path, chart_repository: ChartRepository
) -> None:
    image = (
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {i: "quay.io/argoproj/argocd:v3.4.2"}\n'
    )
    result = run("validate", str(root), "--fetch-charts")
    assert "renders with helm" not in result.err
    write(root, {"things/argocd.yaml": image})
    (root / "things/values.yaml").write_text("a: 9\n")
    result = run("validate", str(root), "--fetch-charts")
    assert (
        f"rendered with helm {BY_NAME['helm'].number}; Argo CD v3.4.2 renders with helm 3.19.4" in result.err
    )
    git(root, "init", "--quiet", "--initial-branch=main")
    for value in ("10", "11"):
        (root / "things/values.yaml").write_text(f"a: {value}\n")
        git(root, "add", ".")
        git(root, "commit", "--quiet", "-m", value)
    result = run("diff", str(root), "--rev", "HEAD^..HEAD", "--fetch-charts")
    assert result.exit == 1
    assert result.err.count("renders with helm") == 1
