"""What is wrong in `bootstrap.yaml` is a finding at its line; what is right in it counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, write

pytestmark = pytest.mark.usefixtures("cache")

GOOD = """\
catalog:
  version: 0.1.0
  commit: ea909c3b0bef93cb34f42ba1067598ed32e8d352
argocd:
  version: v3.6.1
  variant: ha
  sha256: 7be23ca7d9ca3d3074dee8332f1ca92a933b990cee7c9cf22cf3843ee8c2913e
clusters:
  one:
    repoURL: https://git.example.com/platform/gitops.git
    revision: main
    domain: example.com
    storageClass: standard
    with: [loki]
    without:
      - traefik
    adopted: true
checks:
  off: [GB404]
  severity: {GB4: info, GB405: error}
  kubernetes: "1.30"
images:
  - {name: worker, file: a.yaml, path: image}
conflicts:
  infrastructure/traefik/values.yaml: changed here and in the catalog, in the same lines
retired:
  - infrastructure/old
""".replace("GB4: info, ", "")


def found(run: Run, root: Path, *more: str) -> list[tuple[str, str, int, str]]:
    findings = json.loads(run("validate", str(root), *more, "-o", "json").out)["findings"]
    return [(one["rule"], one["file"], one["line"], one["message"]) for one in findings]


def test_good_settings_have_no_finding(run: Run, tmp_path: Path) -> None:
    assert found(run, write(tmp_path, OURS, {"bootstrap.yaml": GOOD})) == []


@pytest.mark.parametrize(
    ("good", "bad", "line", "says"),
    [
        ("storageClass:", "storageclass:", 13, "did you mean storageClass?"),
        ("adopted: true", "adopted: maybe", 17, "'maybe', not true or false"),
        ("with: [loki]", "with: loki", 14, "not a list of names"),
        ("domain: example.com", "domain: [example.com]", 12, "not text"),
        ("variant: ha", "variant: hah", 6, "install, ha or core"),
        ("argocd:\n", "argo:\n", 4, "did you mean argocd?"),
        ("off: [GB404]", "off: [GB999]", 19, "not a rule"),
        ("GB405: error", "GB405: fatal", 20, "not error, warning, info"),
        ('"1.30"', "1.3", 21, "in quotes"),
        ("  - {name: worker", "  - worker\n  - {name: worker", 22, "not a list of mappings"),
    ],
)
def test_bad_setting_is_reported_at_its_line(
    run: Run, tmp_path: Path, good: str, bad: str, line: int, says: str
) -> None:
    assert good in GOOD
    root = write(tmp_path, OURS, {"bootstrap.yaml": GOOD.replace(good, bad)})
    [(rule, file, at, message)] = found(run, root)
    assert (rule, file, at) == ("GB111", "bootstrap.yaml", line)
    assert says in message


def test_settings_that_are_not_yaml_are_reported(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, {"bootstrap.yaml": GOOD.replace("clusters:\n", "clusters:\n\tx: 1\n")})
    assert [one[:3] for one in found(run, root)] == [("GB101", "bootstrap.yaml", 9)]


def test_settings_of_a_layout_below_count_when_they_are_the_only_ones(run: Run, tmp_path: Path) -> None:
    overlay = "namespace: shop-dev\nresources: [../../base]\n"
    layout = {**OURS, "apps/shop/overlays/dev/kustomization.yaml": overlay, "bootstrap.yaml": GOOD}
    root = write(tmp_path, {f"gitops/{path}": text for path, text in layout.items()})
    assert not [one for one in found(run, root) if one[0] == "GB404"]
    write(
        tmp_path, {"other/clusters/two/kustomization.yaml": "resources: []\n", "other/bootstrap.yaml": "{}"}
    )
    assert [one for one in found(run, root) if one[0] == "GB404"]


def test_manifest_or_stranger_of_that_name_is_left_alone(run: Run, tmp_path: Path) -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: y}\n"
    root = write(tmp_path, OURS, {"bootstrap.yaml": manifest, "ansible/bootstrap.yaml": "- hosts: all\n"})
    assert found(run, root) == []
