"""What no Application applies: it may be a patch, and what it needs may come with whatever applies it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, application, write

pytestmark = pytest.mark.usefixtures("cache")

SHOP = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
    - host: shop.example.com
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}
"""
KUSTOMIZATION = "resources: [ingress.yaml]\n"
POD = """\
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: registry.example.com/web:1}]}
"""
SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{port: 80}]}
"""
LAYER = {"apps/shop/kustomization.yaml": KUSTOMIZATION, "apps/shop/ingress.yaml": SHOP + SERVICE + POD}
PART = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: kube-system}
spec:
  template:
    spec:
      containers: [{name: agent, args: [--quiet]}]
"""
AGENT = "infrastructure/agent/agent.yaml"


RULES = ("GB301", "GB303")
ERRORS = [("GB301", "error"), ("GB303", "error")]


def levels(run: Run, root: Path) -> list[tuple[str, str, str]]:
    findings = json.loads(run("validate", str(root), "--fail-on", "info", "-o", "json").out)["findings"]
    return [(one["rule"], one["severity"], one["message"]) for one in findings]


@pytest.mark.parametrize(
    "applier",
    [
        {"live/shop/terragrunt.hcl": 'inputs = { path = "apps/shop" }\n'},
        {"apps/shop/values.yaml": "replicas: 2\n"},
        {"main.tf": 'resource "argocd_application" "this" {}\n'},
        {"helmfile.yaml": "releases: []\n"},
    ],
)
def test_what_the_programs_that_apply_it_may_add_is_no_error(
    run: Run, tmp_path: Path, applier: dict[str, str]
) -> None:
    found = [one for one in levels(run, write(tmp_path, LAYER, applier)) if one[0] in RULES]
    assert sorted(one[:2] for one in found) == [("GB301", "warning"), ("GB303", "warning")]
    assert all("what it needs may come with what does" in one[2] for one in found)


def test_folder_of_nothing_but_manifests_has_to_have_what_it_names(run: Run, tmp_path: Path) -> None:
    found = levels(run, write(tmp_path, LAYER))
    assert sorted(one[:2] for one in found if one[0] in RULES) == ERRORS


def test_what_an_application_applies_has_to_have_what_it_names(run: Run, tmp_path: Path) -> None:
    root = {"clusters/one/root.yaml": application("shop", "apps/shop", "shop"), "main.tf": ""}
    found = levels(run, write(tmp_path, LAYER, root))
    assert sorted(one[:2] for one in found if one[0] in RULES) == ERRORS


@pytest.mark.parametrize("selector", ["", "  selector: {matchLabels: {name: agent}}\n"])
def test_part_of_a_workload_that_nothing_applies_is_told_and_not_checked(
    run: Run, tmp_path: Path, selector: str
) -> None:
    labels = "    metadata: {labels: {name: agent}}\n" if selector else ""
    part = PART.replace("  template:\n", f"{selector}  template:\n{labels}")
    ((rule, severity, message),) = levels(run, write(tmp_path, OURS, {AGENT: part}))
    assert (rule, severity) == ("GB354", "info")
    assert "it may be a patch: nothing else of it was checked" in message


def test_part_of_a_workload_that_an_application_applies_is_refused(run: Run, tmp_path: Path) -> None:
    files = {"clusters/one/root.yaml": application("agent", "infrastructure/agent", "agent"), AGENT: PART}
    assert "GB123" in {
        rule for rule, severity, _ in levels(run, write(tmp_path, files)) if severity == "error"
    }


PARKED = {
    "clusters/one/root.yaml": application("shop", "apps/shop", "shop"),
    "apps/shop/web.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
    "unused/lost/application.yaml": application("lost", "apps/lost", "lost"),
}


def test_application_in_a_folder_out_of_use_is_a_warning(run: Run, tmp_path: Path) -> None:
    found = {one[:2] for one in levels(run, write(tmp_path, PARKED)) if "lost" in one[2]}
    assert ("GB201", "warning") in found
    assert not [rule for rule, severity in found if severity == "error"]


def test_application_that_points_to_nothing_is_an_error_elsewhere(run: Run, tmp_path: Path) -> None:
    files = {path.replace("unused/", "more/"): text for path, text in PARKED.items()}
    assert ("GB201", "error") in {one[:2] for one in levels(run, write(tmp_path, files))}


def test_password_in_a_folder_out_of_use_is_an_error_as_it_can_be_read(run: Run, tmp_path: Path) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: Xk29fjSl2a}\n"
    root = write(tmp_path, PARKED, {"unused/lost/secret.yaml": secret})
    assert ("GB401", "error") in {one[:2] for one in levels(run, root)}


@pytest.mark.parametrize("part", ["PLACEHOLDER", "CHANGE_ME", "REPLACEME", "TODO"])
def test_path_that_somebody_fills_in_is_not_said_to_be_missing(run: Run, tmp_path: Path, part: str) -> None:
    one = application("shop", f"apps/shop/{part}/manifests", "shop")
    files = {"clusters/one/shop.yaml": one, "apps/shop/README.md": ""}
    assert [rule for rule, severity, _ in levels(run, write(tmp_path, files)) if severity == "error"] == []


def test_template_of_a_folder_that_names_what_is_not_there_yet_is_no_fault(run: Run, tmp_path: Path) -> None:
    files = {"bin/templates/cluster/kustomization.yaml": "resources: [../../../base, ../../base]\n"}
    found = levels(run, write(tmp_path, OURS, files))
    assert [rule for rule, severity, _ in found if severity == "error"] == []


def test_issuer_that_a_script_creates_is_not_missing(run: Run, tmp_path: Path) -> None:
    ingress = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {cert-manager.io/issuer: letsencrypt-shop}}
spec:
  tls: [{hosts: [shop.example.com], secretName: web-tls}]
  rules: [{host: shop.example.com}]
"""
    files = {
        "clusters/one/root.yaml": application("shop", "apps/shop", "shop"),
        "apps/shop/web.yaml": ingress,
        "clusters/one/certificates.yaml": application("cert-manager", "", "cert-manager").replace(
            "path: ", "chart: cert-manager"
        ),
    }
    script = 'make letsencrypt-shop shop\ncat <<E | kubectl -n "$1" apply -f -\nkind: Issuer\nE\n'
    severities = [
        severity
        for more in ({}, {"issuers.sh": script})
        for rule, severity, _ in levels(run, write(tmp_path / str(len(more)), files, more))
        if rule == "GB342"
    ]
    assert severities == ["error", "info"]


def test_kustomization_in_a_folder_out_of_use_that_cannot_be_built_is_a_warning(
    run: Run, tmp_path: Path
) -> None:
    old = {"archive/shop/kustomization.yaml": "resources: [../gone]\n"}
    found = [one[:2] for one in levels(run, write(tmp_path, PARKED, old)) if one[0] in ("GB105", "GB106")]
    assert found == [("GB106", "warning")]


@pytest.mark.parametrize("path", ["TEMPLATE-app.yaml", "clusters/two/template_app.yaml"])
def test_file_that_is_called_a_template_is_no_application(run: Run, tmp_path: Path, path: str) -> None:
    form = application("NAME-operator", "clusters/CLUSTER/patches", "NAMESPACE")
    found = levels(run, write(tmp_path, PARKED, {"unused/lost/application.yaml": None, path: form}))
    assert [rule for rule, severity, _ in found if severity == "error"] == []


def test_template_of_a_pod_is_for_the_program_that_makes_pods_of_it(run: Run, tmp_path: Path) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: agent}\n"
    pod += "spec: {containers: [{name: kaniko, image: 'kaniko:1', command: [sleep], args: [9999]}]}\n"
    for path, rules in (("ci/agent-pod-template.yaml", []), ("ci/agent.yaml", ["GB122"])):
        found = levels(run, write(tmp_path / str(len(rules)), OURS, {path: pod}))
        assert [rule for rule, _, message in found if "args" in message] == rules


def test_two_objects_that_nothing_applies_may_be_alternatives(run: Run, tmp_path: Path) -> None:
    other = SHOP.replace("name: web,", "name: web-fixed,")
    files = {"apps/shop/ingress.yaml": SHOP, "apps/shop/ingress-fixed.yaml": other}
    assert [one[1] for one in levels(run, write(tmp_path / "a", files)) if one[0] == "GB330"] == ["warning"]
    root = {"clusters/one/root.yaml": application("shop", "apps/shop", "shop")}
    found = levels(run, write(tmp_path / "b", files, root))
    assert [one[1] for one in found if one[0] == "GB330"] == ["error"]
