"""`bootstrap validate` reports what is wrong with a repository, where, and how to fix it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.validate.report import Scope
from bootstrap.validate.report_markdown import markdown
from bootstrap.validate.rule import Finding
from bootstrap.validate.ruleset import document
from tests.conftest import Run
from tests.repositories import OURS, SHOP, URL, application, write

BASE = "apps/shop/base/kustomization.yaml"
OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"


def test_good_repository_has_no_finding(run: Run, tmp_path: Path, cache: Path) -> None:
    result = run("validate", str(write(tmp_path, OURS)))
    assert (result.exit, result.out) == (0, "")
    assert "no findings" in result.err


FILES = {
    "GB101": ({"apps/shop/base/shop.yaml": "a:\n\t- b\n"}, "apps/shop/base/shop.yaml:2"),
    "GB102": ({OVERLAY: "namespace: a\nresources: [../../base]\nnamespace: b\n"}, f"{OVERLAY}:3"),
    "GB103": ({"apps/shop/base/shop.yaml": b"a: \xff\n"}, "apps/shop/base/shop.yaml:1"),
    "GB104": ({"apps/shop/base/shop.yaml": b"#" * 9_000_000}, "apps/shop/base/shop.yaml:1"),
    "GB105": ({OVERLAY: "resources: [../../base]\npatches: [{target: {kind: X}}]\n"}, f"{OVERLAY}:1"),
    "GB106": ({BASE: "resources:\n  - shop.yaml\n  - gone.yaml\n"}, f"{BASE}:3"),
    "GB107": ({BASE: "resources:\n  - https://github.com/x/y//base?ref=v1\n"}, f"{BASE}:2"),
    "GB108": ({BASE: "resources:\n  - ../overlays/dev\n"}, f"{BASE}:2"),
    "GB114": (
        {OVERLAY: "namespace: shop-dev\nresources: [../../base]\nhelmCharts: [{name: x}]\n"},
        f"{OVERLAY}:3",
    ),
    "GB207": (
        {
            "apps/lost/kustomization.yaml": "resources: [application.yaml]\n",
            "apps/lost/application.yaml": application("lost", "apps/shop/base", "lost"),
        },
        "apps/lost/application.yaml:1",
    ),
    "GB110": (
        {
            "clusters/one/project.yaml": OURS["clusters/one/project.yaml"]
            + "---\napiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s}\n"
            "spec: {generators: [{pullRequest: {}}], template: {}}\n"
        },
        "clusters/one/project.yaml:13",
    ),
    "GB116": ({"apps/shop/base/shop.yaml": "kind: A\n  <TOKEN_1>\nb: [\n"}, "apps/shop/base/shop.yaml:2"),
    "GB115": (
        {
            "clusters/one/project.yaml": OURS["clusters/one/project.yaml"]
            + "---\napiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s}\n"
            "spec: {generators: [{matrix: {generators: []}}], template: {}}\n"
        },
        "clusters/one/project.yaml:13",
    ),
    "GB117": (
        {
            "clusters/one/project.yaml": OURS["clusters/one/project.yaml"]
            + "---\napiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s}\n"
            f"spec: {{generators: [{{git: {{repoURL: '{URL}', directories: [{{path: aps/*}}]}}}}], "
            "template: {}}\n"
        },
        "clusters/one/project.yaml:13",
    ),
    "GB109": (
        {
            "apps/shop/applications/dev/application.yaml": application("shop-dev", "chart", "shop-dev"),
            "chart/Chart.yaml": "apiVersion: v2\nname: broken\nversion: 1.0.0\n",
            "chart/templates/a.yaml": "{{ fail }}",
        },
        "apps/shop/applications/dev/application.yaml:1",
    ),
}


@pytest.mark.parametrize("rule", FILES)
def test_fault_of_a_file_is_reported_at_its_line(run: Run, tmp_path: Path, cache: Path, rule: str) -> None:
    files, where = FILES[rule]
    result = run("validate", str(write(tmp_path, OURS, files)), "--fail-on", "info")  # type: ignore[arg-type]
    assert result.exit == 1
    assert any(line.startswith(f"{where}: ") and rule in line for line in result.out.splitlines()), result.out


def test_rest_is_checked_although_one_part_cannot_be_built(run: Run, tmp_path: Path, cache: Path) -> None:
    service = OURS["apps/shop/base/shop.yaml"].replace("    app: web\n  ports", "    app: wbe\n  ports")
    broken = {
        "apps/shop/base/shop.yaml": service,
        "apps/shop/overlays/production/kustomization.yaml": "resources: [gone.yaml]\n",
    }
    result = run("validate", str(write(tmp_path, OURS, broken)))
    assert "apps/shop/base/shop.yaml:30: error GB303" in result.out
    assert "overlays/production/kustomization.yaml:1: error GB106" in result.out


def test_base_of_several_overlays_is_reported_once(run: Run, tmp_path: Path, cache: Path) -> None:
    untagged = {
        f"apps/shop/overlays/{name}/kustomization.yaml": f"namespace: shop-{name}\nresources: [../../base]\n"
        for name in ("dev", "production")
    }
    result = run("validate", str(write(tmp_path, OURS, untagged)), "-o", "json")
    findings = json.loads(result.out)["findings"]
    assert [(one["rule"], one["file"], one["line"]) for one in findings] == [
        ("GB404", "apps/shop/base/shop.yaml", 14)
    ]


@pytest.mark.parametrize(
    ("comment", "exit_status"),
    [
        ("# bootstrap: ignore=GB404 the tag is set by the platform", 0),
        ("# bootstrap: ignore=GB101,GB404 the tag is set by the platform", 0),
        ("# bootstrap: ignore=GB404", 1),
        ("# bootstrap: ignore=GB303 another rule", 1),
    ],
)
def test_comment_with_a_reason_leaves_a_line_out(
    run: Run, tmp_path: Path, cache: Path, comment: str, exit_status: int
) -> None:
    shop = OURS["apps/shop/base/shop.yaml"]
    image = "image: registry.example.com/web"
    files = {
        "apps/shop/base/shop.yaml": shop.replace(image, f"{image}  {comment}"),
        OVERLAY: "namespace: shop-dev\nresources: [../../base]\n",
    }
    write(tmp_path, OURS, files)
    assert run("validate", str(tmp_path)).exit == exit_status
    (tmp_path / "apps/shop/base/shop.yaml").write_text(f"{comment}\n{shop}")
    assert run("validate", str(tmp_path)).exit == exit_status


def test_comment_on_an_entry_leaves_out_what_the_file_holds(run: Run, tmp_path: Path, cache: Path) -> None:
    base = OURS[BASE].replace("- shop.yaml", "- shop.yaml # bootstrap: ignore=GB404 as released")
    write(tmp_path, OURS, {BASE: base, OVERLAY: "namespace: shop-dev\nresources: [../../base]\n"})
    assert run("validate", str(tmp_path)).exit == 0
    (tmp_path / BASE).write_text(base.replace("GB404", "GB405"))
    assert run("validate", str(tmp_path)).exit == 1


def test_settings_switch_rules_off_and_change_their_severity(run: Run, tmp_path: Path, cache: Path) -> None:
    write(tmp_path, OURS, {OVERLAY: "namespace: shop-dev\nresources: [../../base]\n"})
    assert run("validate", str(tmp_path), "--rules", "-GB404").exit == 0
    assert run("validate", str(tmp_path), "--rules", "GB3").exit == 0
    assert run("validate", str(tmp_path), "--fail-on", "error").exit == 0
    (tmp_path / "bootstrap.yaml").write_text("checks: {severity: {GB404: error}}\n")
    assert run("validate", str(tmp_path), "--fail-on", "error").exit == 1
    (tmp_path / "bootstrap.yaml").write_text("checks: {off: [GB404]}\n")
    assert run("validate", str(tmp_path)).exit == 0
    assert run("validate", str(tmp_path), "--rules", "GB999").exit == 2


def test_baseline_lets_only_new_findings_through(run: Run, tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "repo", OURS, {OVERLAY: "namespace: shop-dev\nresources: [../../base]\n"})
    baseline = tmp_path / "baseline.json"
    assert run("validate", str(root), "--write-baseline", str(baseline)).exit == 0
    assert run("validate", str(root), "--baseline", str(baseline)).exit == 0
    shop = root / "apps/shop/base/shop.yaml"
    shop.write_text("# lines move\n" + shop.read_text().replace("limits: {memory: 64Mi}", ""))
    result = run("validate", str(root), "--baseline", str(baseline))
    assert result.exit == 1
    assert "GB408" in result.out
    assert "GB404" not in result.out


def test_only_what_a_change_concerns_is_reported(run: Run, tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "repo", OURS, {OVERLAY: "namespace: shop-dev\nresources: [../../base]\n"})

    def git(*arguments: str) -> None:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        subprocess.run(command, cwd=root, check=True, capture_output=True)

    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "first")
    assert run("validate", str(root)).exit == 1
    assert run("validate", str(root), "--changed-since", "HEAD").exit == 0
    (root / OVERLAY).write_text("namespace: shop-dev\nresources: [../../base]\n# touched\n")
    assert run("validate", str(root), "--changed-since", "HEAD").exit == 1
    assert run("validate", str(root), "--changed-since", "nowhere").exit == 2


@pytest.mark.parametrize(
    ("gone", "rule", "place"),
    [
        ("apps/shop/base/shop.yaml", "GB106", "apps/shop/base/kustomization.yaml"),
        ("apps/shop/applications/dev", "GB106", "clusters/one/kustomization.yaml"),
        ("apps/shop/base/kustomization.yaml", "GB106", OVERLAY),
        ("apps/shop/overlays/dev", "GB201", "apps/shop/applications/dev/application.yaml"),
        ("plain/values.yaml", "GB218", "clusters/one/chart.yaml"),
        ("plain/config.yaml", "GB311", "plain/web.yaml"),
    ],
)
def test_what_a_removed_file_breaks_is_reported(
    run: Run, tmp_path: Path, cache: Path, gone: str, rule: str, place: str
) -> None:
    cluster = "clusters/one/kustomization.yaml"
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
    chart = application("chart", "x", "shop-dev").replace(
        "    path: x\n", "    path: apps/shop/overlays/production\n"
    )
    source = f"  source:\n    repoURL: {URL}\n    targetRevision: HEAD\n"
    values = "    path: apps/shop/overlays/production\n"
    sources = (
        f"  sources:\n    - {{repoURL: {URL}, targetRevision: HEAD, ref: here}}\n"
        "    - repoURL: https://charts.example.com\n      chart: thing\n      targetRevision: 1.2.3\n"
        "      helm: {valueFiles: [$here/plain/values.yaml]}\n"
    )
    assert source + values in chart
    files = {
        cluster: OURS[cluster].replace("project.yaml", "project.yaml\n  - chart.yaml\n  - plain.yaml"),
        "clusters/one/chart.yaml": chart.replace(source + values, sources),
        "clusters/one/plain.yaml": application("plain", "plain", "plain", 20),
        "plain/web.yaml": SHOP,
        "plain/config.yaml": config,
        "plain/values.yaml": "replicas: 1\n",
        OVERLAY: OURS[OVERLAY] + "# touched\n",
    }
    root = write(tmp_path / "repo", OURS, files)

    def git(*arguments: str) -> None:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        subprocess.run(command, cwd=root, check=True, capture_output=True)

    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "first")
    assert f"error {rule}" not in run("validate", str(root)).out
    git("rm", "-r", "--quiet", gone)
    (root / "README.md").write_text("new\n")
    result = run("validate", str(root), "--changed-since", "HEAD", "--fail-on", "error")
    assert result.exit == 1, run("validate", str(root)).out
    assert any(line.startswith(f"{place}:") and rule in line for line in result.out.splitlines()), result.out
    git("commit", "-m", "gone")
    assert run("validate", str(root), "--changed-since", "HEAD", "--fail-on", "error").exit == 0


def test_every_format_has_rule_file_and_line(run: Run, tmp_path: Path, cache: Path) -> None:
    root = str(write(tmp_path, OURS, {OVERLAY: "namespace: shop-dev\nresources: [../../base]\n"}))
    log = json.loads(run("validate", root, "-o", "sarif").out)
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] == log["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "GB404"
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == (
        "apps/shop/base/shop.yaml",
        14,
    )
    github = run("validate", root, "-o", "github").out
    assert github.startswith("::warning file=apps/shop/base/shop.yaml,line=14,title=GB404::")
    suite = ElementTree.fromstring(run("validate", root, "-o", "junit").out)  # noqa: S314 - our own output
    assert suite.get("failures") == "1"


def test_markdown_has_a_table_for_each_application(run: Run, tmp_path: Path, cache: Path) -> None:
    lost = {
        "apps/lost/application.yaml": application("lost", "apps/a|b`*_<x>", "lost"),
        OVERLAY: "namespace: shop-dev\nresources: [../../base]\n",
    }
    root = str(write(tmp_path, OURS, lost))
    result = run("validate", root, "-o", "markdown")
    assert result.exit == 1
    head, *parts = result.out.split("\n### ")
    assert head.startswith("**bootstrap validate**: 3 warnings, ")
    tables = {part.splitlines()[0]: part.splitlines()[4:] for part in parts}
    assert list(tables) == ["Application `argocd/shop-dev`", "Files"]
    [row] = [row for row in tables["Application `argocd/shop-dev`"] if row]
    assert row.startswith("| warning GB404 | `apps/shop/base/shop.yaml:14` | Deployment shop-dev/web: ")
    wrong = next(row for row in tables["Files"] if "GB201" in row)
    assert "points to apps/a\\|b\\`\\*\\_\\<x\\>, which does not exist" in wrong
    assert len(re.findall(r"(?<!\\)\|", wrong)) == 5


def test_markdown_ends_where_comments_of_git_hosts_do() -> None:
    text = "x" * 500
    findings = [Finding("GB404", "warning", f"{text} {line}", "", "a.yaml", line) for line in range(1, 301)]
    text = markdown(findings, Scope(300))
    assert len(text) < 65_536
    told = text.count("| warning GB404 |")
    assert 50 < told < 300
    assert f"and {300 - told} more" in text


def test_folder_without_manifests_is_an_input_error(run: Run, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    result = run("validate", str(tmp_path))
    assert result.exit == 2
    assert "no Kubernetes manifest" in result.err


def test_second_run_finds_the_same(run: Run, tmp_path: Path, cache: Path) -> None:
    broken = OURS["apps/shop/base/shop.yaml"].replace("app: web\n  ports", "app: wbe\n  ports")
    root = str(write(tmp_path, OURS, {"apps/shop/base/shop.yaml": broken}))
    assert run("validate", root).out == run("validate", root).out == run("validate", root, "--no-cache").out


def test_rules_document_is_what_the_rules_say(run: Run) -> None:
    path = Path(__file__).parents[2] / "docs/rules.md"
    assert path.read_text(encoding="utf-8") == document()
    assert run("validate", "--list-rules", "-o", "markdown").out == document()


WIDGETS = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [size]
              properties:
                size: {type: integer}
                colour: {type: string, enum: [red, green]}
                free: {type: object, x-kubernetes-preserve-unknown-fields: true}
                parts:
                  type: array
                  items: {type: object, properties: {port: {x-kubernetes-int-or-string: true}}}
"""
WIDGET = """\
apiVersion: example.com/v1
kind: Widget
metadata:
  name: one
spec:
  size: 3
  colour: red
  free: {any: thing}
  parts:
    - port: http
    - port: 80
"""


@pytest.mark.parametrize(
    ("good", "bad", "rule", "line"),
    [
        ("  size: 3", "  size: three", "GB122", 6),
        ("  size: 3", "  sise: 3", "GB121", 6),
        ("  size: 3\n", "", "GB123", 5),
        ("colour: red", "colour: rde", "GB127", 7),
        ("    - port: http", "    - prot: http", "GB121", 10),
        ("kind: Widget", "kind: Wigdet", "GB126", 2),
        ("example.com/v1", "example.com/v2", "GB126", 1),
    ],
)
def test_custom_resource_is_compared_with_its_definition(
    run: Run, tmp_path: Path, cache: Path, good: str, bad: str, rule: str, line: int
) -> None:
    kustomization = OURS[BASE].replace("resources:", "resources:\n  - definition.yaml\n  - widget.yaml")
    assert kustomization != OURS[BASE]
    folder = "apps/shop/base"
    files = {BASE: kustomization, f"{folder}/definition.yaml": WIDGETS, f"{folder}/widget.yaml": WIDGET}
    chosen = ("--rules", "GB12", "-o", "json")
    assert json.loads(run("validate", str(write(tmp_path, OURS, files)), *chosen).out)["findings"] == []
    files[f"{folder}/widget.yaml"] = WIDGET.replace(good, bad)
    result = run("validate", str(write(tmp_path, OURS, files)), *chosen)
    found = [(one["rule"], one["file"], one["line"]) for one in json.loads(result.out)["findings"]]
    assert (rule, f"{folder}/widget.yaml", line) in found, result.out
    assert {one[0] for one in found} <= {rule, "GB123"}  # a field under another name is missing under its own


def test_application_is_compared_with_argocds_definition_also_where_the_repository_has_none(
    run: Run, tmp_path: Path, cache: Path
) -> None:
    path = "apps/shop/applications/dev/application.yaml"
    text = OURS[path].replace("targetRevision", "targetRevison")
    assert text != OURS[path]
    result = run("validate", str(write(tmp_path, OURS, {path: text})), "--rules", "GB121")
    assert "did you mean targetRevision?" in result.out
    line = text[: text.index("targetRevison")].count("\n") + 1
    assert result.out.startswith(f"{path}:{line}: error GB121"), result.out


def test_having_no_kustomize_is_reported_while_it_is_fetched_or_built(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bootstrap.programs import find
    from bootstrap.repository.tools import kustomize

    there = find.Program("kustomize", "v5", "built", Path(kustomize(Invocation())), "")

    def ensure(names: object, invocation: object, report: Callable[[str], None]) -> dict[str, object]:
        report("kustomize: building from source")
        return {"kustomize": there}

    monkeypatch.setattr(find, "ensure", ensure)
    monkeypatch.setenv("PATH", "/nonexistent")
    root = write(tmp_path / "repo", OURS)
    environ = {"BOOTSTRAP_CACHE_DIR": str(tmp_path / "cache"), "PATH": "/nonexistent"}
    told = run("validate", str(root), "--no-cache", env=environ)
    assert "kustomize: building from source" in told.err
    quiet = run("validate", str(root), "--no-cache", "--quiet", env=environ)
    assert (quiet.exit, quiet.out, quiet.err) == (0, "", "")
