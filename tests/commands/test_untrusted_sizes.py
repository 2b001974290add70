"""Small inputs that would keep a run busy, or fill its memory, are findings."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.commands.untrusted import APPLICATION, OVERLAY, Checked, overlay
from tests.conftest import Run
from tests.counted import counted
from tests.git_repositories import git
from tests.repositories import OURS, URL, application, write

pytestmark = pytest.mark.usefixtures("cache")


def with_set(generators: str) -> dict[str, str]:
    cluster = OURS["clusters/one/kustomization.yaml"].replace(
        "- project.yaml", "- project.yaml\n  - set.yaml"
    )
    source = f"{{repoURL: {URL}, path: apps/shop/overlays/dev}}"
    template = (
        f"{{metadata: {{name: 'x-{{{{a}}}}'}}, spec: {{project: apps, source: {source}, destination: {{}}}}}}"
    )
    api = (
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: many, namespace: argocd}\n"
    )
    text = f"{api}spec:\n  generators: {generators}\n  template: {template}\n"
    return {"clusters/one/kustomization.yaml": cluster, "clusters/one/set.yaml": text}


def elements(name: str, count: int, more: str = "") -> str:
    return f"{{list: {{elements: [{', '.join(f'{{{name}: x{number}{more}}}' for number in range(count))}]}}}}"


MANY_KEYS = "".join(f", k{number}: 1" for number in range(200))


def test_numbers_that_no_machine_holds_are_read_and_reported(checked: Checked) -> None:
    many = "9" * 6000
    text = OURS["apps/shop/base/shop.yaml"]
    for good, bad in (
        ("containerPort: 8080", f"containerPort: {many}"),
        ("spec:\n  selector:\n    matchLabels", f"spec:\n  replicas: 0x{many}\n  selector:\n    matchLabels"),
        ("memory: 64Mi", f"memory: {many}Ki"),
        ("cpu: 10m", "cpu: 1e999999999"),
    ):
        assert good in text
        text = text.replace(good, bad)
    result = checked({"apps/shop/base/shop.yaml": text})
    assert result.exit == 1, result.err
    assert "web" in result.out


def test_huge_file_is_not_read_into_memory(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes no room on the disk, and would take all memory."""
    root = write(tmp_path / "repository", OURS)
    with (root / "apps/shop/base/huge.yaml").open("wb") as file:
        file.truncate(1 << 40)
    monkeypatch.chdir(root)
    listed = run("image", "list", "-o", "json")
    assert listed.exit == 0, listed.err
    assert "registry.example.com/web" in listed.out


@pytest.mark.parametrize(
    "generators",
    [
        f"[matrix: {{generators: [{elements('a', 4000)}, {elements('b', 4000)}]}}]",
        f"[merge: {{mergeKeys: [c], generators: [{elements('a', 4000)}, {elements('b', 4000)}]}}]",
        f"[matrix: {{generators: [{elements('a', 90)}, {elements('b', 90, MANY_KEYS)}]}}]",
        f"[matrix: {{generators: [{elements('a', 90)}, {elements('b', 90, ', c: ' + 'y' * 9000)}]}}]",
    ],
)  # fmt: skip
def test_product_of_generators_is_bounded(checked: Checked, generators: str) -> None:
    result = checked(with_set(generators))
    assert result.exit in (0, 1), result.err
    assert "GB110" in result.out or "GB115" in result.out, result.out  # not followed, or refused by Argo CD


@pytest.mark.parametrize(
    "template",
    [
        "{{if .a}}" * 5000 + "{{end}}" * 5000,
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        '{{define "x"}}{{template "x" .}}{{end}}{{template "x" .}}',
        "{{ 099999 }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ int64 (mulf 1e308 1e308) }}",
        "{{ repeat 1000000000 .a }}",
        "{{ range until 1000000000 }}x{{ end }}",
        '{{ printf "%1000000000d" 1 }}',
        "{{ indent 1000000000 .a }}",
        "{{ seq 1 1000000000 }}",
        "{{ range until 99999 }}{{ repeat 999999 $.a }}{{ end }}",
        "{{ $x := .a }}{{ range until 999 }}{{ $x = print $x $x }}{{ end }}{{ $x }}",
        '{{ regexReplaceAll "(a+)+$" .a "b" }}',
    ],
)
def test_template_that_has_no_end_or_no_number_is_a_finding(checked: Checked, template: str) -> None:
    files = with_set(f"[{elements('a', 1)}]")
    text = files["clusters/one/set.yaml"].replace("spec:\n", "spec:\n  goTemplate: true\n", 1)
    result = checked(files | {"clusters/one/set.yaml": text.replace("'x-{{a}}'", json.dumps(template))})
    assert result.exit in (0, 1), result.err
    assert "GB110" in result.out or "GB115" in result.out, result.out


def test_patch_target_that_no_engine_of_pythons_ends_is_let_be(checked: Checked) -> None:
    name = "a" * 60
    files = overlay("patches: [{target: {kind: Service, name: (a+)+b}, patch: '[]'}]\n")
    more = {
        "apps/shop/base/shop.yaml": OURS["apps/shop/base/shop.yaml"].replace("name: web", f"name: {name}")
    }
    assert checked(files | more).exit in (0, 1)


@pytest.mark.parametrize(
    "more",
    [
        "images: [{name: (a+)+b, newTag: v1}]\n",
        "patches: [{target: {kind: Deployment, name: (a+)+b}, patch: '[{op: replace, path: "
        "/spec/template/spec/containers/0/image, value: x}]'}]\n",
        "images: [{name: '(x+x+)+y|aaa', newTag: v1}]\n",
    ],
)
def test_pattern_of_an_image_or_a_patch_is_bounded_where_an_image_is_set(
    run: Run, tmp_path: Path, more: str
) -> None:
    name = "a" * 60
    write(tmp_path, OURS | overlay(more))
    deployment = tmp_path / "apps/shop/base/shop.yaml"
    text = deployment.read_text().replace("name: web", f"name: {name}")
    deployment.write_text(re.sub(r"image: .*", f"image: {'x' * 60}:v1", text))
    result = run("image", "set", f"{'x' * 60}=:v2", "--env", "dev", str(tmp_path))
    assert result.exit == 0, result.err
    assert "newTag: v2" in (tmp_path / OVERLAY).read_text()


def test_long_value_takes_no_longer_than_it_is_long(checked: Checked) -> None:
    values = ("a.", "a-", "eyJ-", "a://", "://", "$(", "glpat-", "eyJa.eyJ-")
    data = {f"v{number}": unit * (160_000 // len(unit)) for number, unit in enumerate(values)}
    text = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "long"}, "data": data})
    base = OURS["apps/shop/base/kustomization.yaml"].replace("- shop.yaml", "- shop.yaml\n  - long.yaml")
    result = checked({"apps/shop/base/long.yaml": text, "apps/shop/base/kustomization.yaml": base})
    assert "ConfigMap shop-dev/long: v6 looks like a GitLab token" in result.out


def test_kustomizations_that_double_each_other_end(checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootstrap.programs.run.CPU_SECONDS", 3)
    files: dict[str, str] = {
        OVERLAY: "namePrefix: x-\nresources: [../../../../deep/0/a, ../../../../deep/0/b]\n"
    }
    for level in range(40):
        for side in "ab":
            below = f"resources: [../../{level + 1}/a, ../../{level + 1}/b]\n"
            files[f"deep/{level}/{side}/kustomization.yaml"] = f"namePrefix: {side}-\n{below}"
    for side in "ab":
        files[f"deep/40/{side}/kustomization.yaml"] = "resources: [cm.yaml]\n"
        files[f"deep/40/{side}/cm.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
    assert checked(files).exit == 1
    lists = {
        path: text.replace("namePrefix: a-\n", "").replace("namePrefix: b-\n", "")
        for path, text in files.items()
    }
    assert checked(lists).exit == 1


def test_configmap_of_many_keys_is_reported_and_both_sides_of_a_comparison_lose_their_time_together(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kustomize takes minutes for one; where no kustomize is needed, it is read."""
    monkeypatch.setattr("bootstrap.programs.run.CPU_SECONDS", 1)
    monkeypatch.setattr("bootstrap.programs.run.LOST_SECONDS", 2)

    def of_keys(count: int) -> str:
        data = "".join(f"  k{number}: v\n" for number in range(count))
        return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: many}}\ndata:\n{data}"

    base = OURS["apps/shop/base/kustomization.yaml"].replace("- shop.yaml", "- shop.yaml\n  - many.yaml")
    files = {"apps/shop/base/many.yaml": of_keys(60_000), "apps/shop/base/kustomization.yaml": base}
    root = write(tmp_path / "repository", OURS, files)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "x"]):
        git(root, *command)
    checked = run("validate", str(root))
    assert checked.exit == 1
    assert "kustomize cannot build it: it did not end within 1 seconds of processor time" in checked.out
    compared = run("diff", str(root))
    assert compared.exit == 0, compared.err
    assert "kustomize cannot build it: it was not run" in compared.err
    plain = application("shop-dev", "plain", "shop-dev", 20)
    root = write(tmp_path / "plain", OURS, {"plain/many.yaml": of_keys(200_000), APPLICATION: plain})
    assert "GB129: ConfigMap shop-dev/many has" in run("validate", str(root)).out


def test_long_chain_of_kustomizations_is_a_finding(checked: Checked) -> None:
    files = {f"deep/{level}/kustomization.yaml": f"resources: [../{level + 1}]\n" for level in range(1500)}
    result = checked(files | {OVERLAY: "resources: [../../../../deep/0]\n"})
    assert result.exit == 1
    assert "is nested in more than 100 others" in result.out


BASE = "apps/shop/base/shop.yaml"
ENTRIES = "".join(f"  - f{number}.yaml  # bootstrap: ignore=GB101 x\n" for number in range(20_000))
SUBMODULES = "".join(f'[submodule "{number}"]\n\tpath = p{number}\n' for number in range(300_000))


def many_containers(count: int) -> str:
    before = OURS[BASE].partition("        - name: web\n")[0]
    return before + "".join(
        f"        - name: c{number}\n          image: x:latest\n" for number in range(count)
    )


@pytest.mark.parametrize(
    "files",
    [
        {BASE: "# bootstrap: ignore=GB999 x\n" * 100_000 + many_containers(3000)},
        {BASE: many_containers(6000)},
        {"apps/shop/base/kustomization.yaml": f"resources:\n{ENTRIES}"},
        {".gitmodules": f"{SUBMODULES}\tpath = a{' ' * 1_000_000}b\n", BASE: many_containers(1)},
    ],
    ids=["comments above containers", "containers", "entries that lead to nothing", "submodules"],
)
def test_many_of_one_kind_take_a_time_like_their_number(files: dict[str, str], tmp_path: Path) -> None:
    """Each took a time like the square of it, and was ended after 60 s of processor time."""
    root = write(tmp_path / "repository", OURS, files)
    git(root, "init", "-q")
    command = (sys.executable, "-P", "-c", "from bootstrap.main import main; main()", "validate", ".")
    ended = counted(command, root, os.environ, 60)
    assert ended.status == 1, ended
    assert ended.megabytes < 600


def test_baseline_that_takes_more_memory_than_there_is_is_refused(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "repository", OURS)
    baseline = tmp_path / "baseline.json"
    baseline.write_text('{"findings": [' + ", ".join(['{"id": "x"}'] * 2_700_000) + "]}")
    result = run("validate", str(root), "--baseline", str(baseline))
    assert result.exit == 2
    assert "it has more than 32 MB" in result.err
