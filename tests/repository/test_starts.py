"""Where a repository begins, what of it was read, and what was not and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.repository.coverage import changed, coverage_of
from bootstrap.repository.model import Options, Repository
from bootstrap.repository.read import read
from bootstrap.repository.store import Store
from tests.conftest import Run
from tests.repositories import SHOP, URL, application, write


def read_all(root: Path, invocation: Invocation) -> Repository:
    return read(root, invocation, Store(None), Options())


def objects(repository: Repository) -> list[str]:
    return sorted(
        str(one)
        for scope in repository.scopes
        for one in repository.objects(scope)
        if one.short_kind not in ("AppProject",)
    )


RECURSE = "    directory: {recurse: true}\n"


def root(recurse: bool = True) -> str:
    text = application("root", "apps", "argocd")
    return text.replace("    path: apps\n", f"    path: apps\n{RECURSE if recurse else ''}")


PLAIN = {
    "start/root.yaml": root(),
    "apps/team/web.yaml": application("web", "manifests/web", "web"),
    "apps/infra/tools.yaml": application("tools", "manifests/tools", "tools"),
    "manifests/web/web.yaml": SHOP,
    "manifests/tools/tools.yaml": SHOP.replace("name: web", "name: tools"),
}


def test_folder_that_another_start_leads_to_is_not_a_cluster_of_its_own(
    tmp_path: Path, invocation: Invocation
) -> None:
    repository = read_all(write(tmp_path, PLAIN), invocation)
    assert [(one.name, one.complete) for one in repository.scopes] == [("start", True)]
    found = objects(repository)
    assert len(found) == len(set(found)) == 7


def test_folders_of_applications_that_nothing_joins_are_none_all_of_a_cluster(
    tmp_path: Path, invocation: Invocation
) -> None:
    files = {path: text for path, text in PLAIN.items() if not path.startswith("start/")}
    repository = read_all(write(tmp_path, files), invocation)
    assert {one.complete for one in repository.scopes} == {False}


def test_application_set_is_an_object_in_spite_of_its_templates(
    tmp_path: Path, invocation: Invocation
) -> None:
    text = f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: all, namespace: argocd}}
spec:
  generators: [{{git: {{repoURL: {URL}, directories: [{{path: manifests/*}}]}}}}]
  template:
    metadata: {{name: '{{{{path.basename}}}}'}}
    spec:
      source: {{repoURL: {URL}, path: '{{{{path}}}}'}}
      destination: {{server: https://kubernetes.default.svc, namespace: '{{{{path.basename}}}}'}}
"""
    files = {"sets/all.yaml": text, "manifests/web/web.yaml": SHOP}
    repository = read_all(write(tmp_path, files), invocation)
    assert "Service web/web" in objects(repository)


@pytest.mark.parametrize("form", ["json", "flow"])
def test_manifest_in_json_or_flow_style_is_seen(tmp_path: Path, invocation: Invocation, form: str) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flow", "namespace": "web"}}
    text = json.dumps(body, indent=2) if form == "json" else f"# one\n---\n{json.dumps(body)}\n"
    repository = read_all(write(tmp_path, {"plain/one.yaml": text}), invocation)
    assert objects(repository) == ["ConfigMap web/flow"]


def test_what_was_read_and_what_was_not_is_reported_in_one_line(
    tmp_path: Path, invocation: Invocation
) -> None:
    chart = application("db", "x", "db").replace("    path: x\n", "    chart: postgres\n")
    other = application("far", "x", "far").replace(URL, "https://git.example.com/other/repo.git")
    files = {"argocd/db.yaml": chart, "argocd/far.yaml": other, "argocd/tokens.yaml": "apiVersion: {{ v }}\n"}
    repository = read_all(write(tmp_path, files), invocation)
    told = coverage_of(repository)
    assert (told.applications, told.objects) == (2, 2)
    assert str(told) == (
        "read: 2 Applications, 2 objects; not read: chart postgres (helm fetches charts only with "
        "--fetch-charts); x (in another repository); 1 file argocd/tokens.yaml (templates of another "
        "program, not manifests)"
    )


def test_nothing_left_out_is_reported_too(tmp_path: Path, invocation: Invocation) -> None:
    told = coverage_of(read_all(write(tmp_path, PLAIN), invocation))
    assert str(told) == "read: 3 Applications, 7 objects; nothing was left out"


CHARTS = {
    "argocd/mon.yaml": application("mon", "mon", "mon"),
    "mon/kustomization.yaml": "resources: [web.yaml]\nhelmCharts:\n  - {name: x, valuesFile: values.yaml}\n",
    "mon/web.yaml": SHOP,
    "mon/values.yaml": "a: 1\n",
}


def test_plain_part_of_a_kustomization_with_charts_is_read(tmp_path: Path, invocation: Invocation) -> None:
    repository = read_all(write(tmp_path, CHARTS), invocation)
    assert "Deployment mon/web" in objects(repository)
    assert [one.why for one in coverage_of(repository).unread] == [
        "kustomize renders its charts only with --enable-helm"
    ]


def test_files_that_changed_where_no_one_read_what_they_make_are_named(
    tmp_path: Path, invocation: Invocation
) -> None:
    before = read_all(write(tmp_path / "a", CHARTS), invocation)
    same = read_all(write(tmp_path / "b", CHARTS), invocation)
    after = read_all(write(tmp_path / "c", {**CHARTS, "mon/values.yaml": "a: 2\n"}), invocation)
    assert changed(before, same) == []
    assert [path for path, _ in changed(before, after)] == ["mon/values.yaml"]


FLUX = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: podinfo, namespace: apps}
spec: {targetNamespace: web}
"""


def test_flux_next_to_argo_cd_is_named_and_what_it_brings_is_not_missing(
    tmp_path: Path, invocation: Invocation
) -> None:
    files = {"argocd/web.yaml": application("web", "web", "web"), "web/release.yaml": FLUX}
    repository = read_all(write(tmp_path, files), invocation)
    assert [(one.what, one.why) for one in coverage_of(repository).unread] == [
        ("HelmRelease podinfo", "Flux applies it, but only Argo CD is followed")
    ]
    assert not repository.index(repository.scopes[0]).knows("web")


def test_jsonnet_in_a_plain_folder_is_named(tmp_path: Path, invocation: Invocation) -> None:
    files = {**PLAIN, "manifests/web/extra.jsonnet": "{}\n"}
    told = coverage_of(read_all(write(tmp_path, files), invocation))
    assert [one.what for one in told.unread] == ["manifests/web/extra.jsonnet"]


def test_set_that_git_does_not_tell_may_bring_anything_anywhere(
    tmp_path: Path, invocation: Invocation
) -> None:
    text = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: pulls, namespace: argocd}
spec: {generators: [{pullRequest: {}}], template: {metadata: {name: x}}}
"""
    files = {
        "start/root.yaml": root(),
        "apps/set.yaml": text,
        "apps/web.yaml": application("web", "m", "web"),
    }
    files["m/web.yaml"] = SHOP
    repository = read_all(write(tmp_path, files), invocation)
    assert not repository.index(repository.scopes[0]).knows("web")


def test_chart_with_the_application_that_applies_it_is_where_reading_starts(run: Run, tmp_path: Path) -> None:
    files = {
        "charts/apps/Chart.yaml": "apiVersion: v2\nname: apps\nversion: 1.0.0\n",
        "charts/apps/templates/apps.yaml": application("apps", "charts/apps/", "argocd"),
        "charts/apps/templates/web.yaml": application("web", "charts/web", "web"),
        "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "charts/web/templates/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n",
    }
    told = run("validate", str(write(tmp_path, files)))
    assert "read: 2 Applications, " in told.err
    assert "nothing was left out" in told.err
