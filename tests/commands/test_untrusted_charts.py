"""A chart of a repository is rendered from its own files, by a helm that can do nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.commands.untrusted import APPLICATION, OVERLAY, SECRET, Checked, Watched
from tests.conftest import Run
from tests.repositories import OURS, URL, application, write
from tests.tools import tool

pytestmark = pytest.mark.usefixtures("cache")

CHART = {
    "apps/chart/Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.0.0\n",
    "apps/chart/templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-the-chart}\n"
    'data: {x: {{ .Files.Get "files/x" | quote }} }\n',
}
PROGRAM = """\
#!/bin/dash
# Tells what it was given, so that anything could be done with it.
for one in "$@"; do echo "argument: $one"; last="$one"; done >&2
cat "$last"/files/* >&2
{ env; cat "$last"/files/* "$last"/linked/* /proc/self/environ; } | grep -q of-this-machine && echo LEAKED >&2
exit 1
"""


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program `helm` that prints what it was given: any other could make use of that."""
    program = tmp_path / "bin" / "helm"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize(
    "name", ["--post-renderer=./pwn.sh", "-f=http://x", "--", "a b", "A", "a\nb", "x" * 54]
)
def test_release_that_helm_could_take_for_an_option_is_refused(checked: Checked, name: str) -> None:
    text = application("thing", "apps/chart", "shop-dev", 20)
    helm = f"    helm: {{releaseName: {json.dumps(name)}}}\n  destination:"
    result = checked(CHART | {APPLICATION: text.replace("  destination:", helm)})
    assert "is not a valid release name" in result.out
    assert "argument:" not in result.out


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize("name", ["--output-dir=pwn", "-x", "a b", "A", "a.b"])
def test_namespace_that_helm_could_take_for_an_option_is_refused(checked: Checked, name: str) -> None:
    text = application("thing", "apps/chart", "NAME", 20).replace("NAME", json.dumps(name))
    result = checked(CHART | {APPLICATION: text})
    assert "is not a valid namespace" in result.out
    assert "argument:" not in result.out


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("chart", "--post-renderer=./pwn.sh", "is not a valid chart name"),
        ("chart", "../../outside", "is not a valid chart name"),
        ("chart", "/etc", "is not a valid chart name"),
        ("repoURL", "file:///etc", "is not a chart repository"),
        ("repoURL", "plugin://x", "is not a chart repository"),
        ("repoURL", "-x", "is not a chart repository"),
        ("repoURL", "https://-x", "is not a chart repository"),
    ],
)
def test_chart_that_helm_could_take_for_something_else_is_refused(
    run: Run, tmp_path: Path, field: str, value: str, found: str
) -> None:
    source = {
        "repoURL": "https://charts.example.com",
        "chart": "thing",
        "targetRevision": "1.2.3",
        field: value,
    }
    text = application("thing", "x", "shop-dev", 20)
    text = text.replace(f"    repoURL: {URL}\n    targetRevision: HEAD\n    path: x\n", "").replace(
        "  source:\n", f"  source: {json.dumps(source)}\n"
    )
    root = write(tmp_path / "repository", OURS, {APPLICATION: text})
    result = run("validate", str(root), "--fetch-charts")
    assert found in result.out, result.out
    assert "argument:" not in result.out


@pytest.mark.usefixtures("helm")
def test_values_files_never_stand_in_helms_arguments_by_their_own_names(checked: Checked) -> None:
    text = application("thing", "apps/chart", "shop-dev", 20)
    helm = "    helm: {valueFiles: ['--post-renderer=x', 'values.yaml']}\n  destination:"
    files = {"apps/chart/--post-renderer=x": "a: 1\n", "apps/chart/values.yaml": "a: 2\n"}
    result = checked(CHART | files | {APPLICATION: text.replace("  destination:", helm)})
    assert "argument: --values=" in result.out
    assert "argument: --post-renderer" not in result.out
    helm = helm.replace("'values.yaml'", "'http://127.0.0.1:1/values.yaml'")
    result = checked({APPLICATION: text.replace("  destination:", helm)})
    assert "is not in this repository" in result.out


@pytest.mark.usefixtures("helm")
def test_helm_is_given_no_token_and_no_file_from_elsewhere(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TOKEN", SECRET)
    write(tmp_path, {"outside/file": SECRET})
    root = write(
        tmp_path / "repository",
        OURS,
        CHART | {"apps/chart/files/inside": "from-inside", "apps/elsewhere": "from-elsewhere"},
        {APPLICATION: application("thing", "apps/chart", "shop-dev", 20)},
    )
    links = root / "apps/chart/files"
    (links / "x").symlink_to(tmp_path / "outside/file")
    (links / "y").symlink_to("/proc/self/environ")
    (links / "z").symlink_to("../../elsewhere")
    (root / "apps/chart/linked").symlink_to(tmp_path / "outside")
    result = run("validate", str(root), "-o", "json")
    assert "LEAKED" not in result.out
    assert "from-inside" in result.out
    assert "from-elsewhere" in result.out, "what lies in the repository is a part of it, by whatever name"


@pytest.fixture
def real_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The helm that a sandbox has, on PATH."""
    monkeypatch.setenv("PATH", f"{tool('helm').parent}{os.pathsep}{os.environ['PATH']}")


THING = {APPLICATION: application("thing", "apps/chart", "shop-dev", 20)}


@pytest.mark.usefixtures("real_helm")
def test_chart_in_the_repository_is_rendered_from_its_own_files_alone(
    run: Run, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TOKEN", SECRET)
    files = {"apps/chart/files/x": "from-inside"}
    root = write(tmp_path / "repository", OURS, CHART, THING, files)

    def drawn() -> str:
        result = run("graph", str(root), "--resources", "-o", "json")
        assert "of-the-chart" in result.out, result.err
        kept = b"".join(path.read_bytes() for path in cache.rglob("*") if path.is_file())
        return result.out + result.err + kept.decode("latin-1")

    assert "from-inside" in drawn()
    (root / ".git").mkdir()
    for place in (tmp_path / "secret", root / ".git/config"):
        place.write_text(SECRET)
    for target in ("/proc/self/environ", tmp_path / "secret", "../../../.git/config"):
        (root / "apps/chart/files/x").unlink()
        (root / "apps/chart/files/x").symlink_to(target)
        assert SECRET not in drawn()


@pytest.mark.usefixtures("real_helm")
@pytest.mark.parametrize("repository", ["file://../../../outside", "http://ADDRESS", "oci://ADDRESS/x"])
def test_dependency_of_a_chart_is_not_fetched(
    checked: Checked, watched: Watched, tmp_path: Path, repository: str
) -> None:
    write(tmp_path, {"outside/Chart.yaml": f"apiVersion: v2\nname: {SECRET}\nversion: 1.0.0\n"})
    needs = f"dependencies: [{{name: x, version: 1.0.0, repository: '{repository}'}}]\n"
    needs = needs.replace("ADDRESS", watched.address)
    chart = CHART["apps/chart/Chart.yaml"] + needs
    result = checked(CHART | THING | {"apps/chart/Chart.yaml": chart})
    assert "the chart is not rendered: " in result.out
    assert not watched.was_asked()
    assert SECRET not in result.out


@pytest.mark.usefixtures("real_helm")
def test_chart_that_never_ends_is_reported_and_the_rest_is_checked(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootstrap.programs.run.CPU_SECONDS", 2)
    endless = "{{ range until 1000000 }}{{ range until 1000000 }}{{ end }}{{ end }}"
    result = checked(
        CHART | THING | {"apps/chart/templates/cm.yaml": endless, OVERLAY: "resources: [gone]\n"}
    )
    assert "the chart is not rendered: it did not end within 2 seconds of processor time" in result.out
    assert "names gone, which does not exist" in result.out


@pytest.mark.usefixtures("real_helm")
@pytest.mark.parametrize("name", ["a=/proc/self/environ,b", "a={x}", "a,b"])
def test_a_file_parameter_that_helm_would_read_as_several_is_refused(checked: Checked, name: str) -> None:
    asks = f"    helm: {{fileParameters: [{{name: '{name}', path: Chart.yaml}}]}}\n"
    thing = THING[APPLICATION].replace("    path: apps/chart\n", f"    path: apps/chart\n{asks}")
    assert asks in thing
    result = checked(CHART | {APPLICATION: thing})
    assert "is not the name of a single value" in result.out
