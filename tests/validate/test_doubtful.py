"""What something outside Git may make right is no error: who fills it, issues it or runs it is not known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import application, write

pytestmark = pytest.mark.usefixtures("cache")

ROOT = {"clusters/one/root.yaml": application("shop", "apps/shop", "shop")}
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  containers:
    - name: web
      image: registry.example.com/web:1
      env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: web, key: TOKEN}}}]
"""


def found(run: Run, root: Path, rule: str) -> list[str]:
    """The severities of a rule's findings."""
    findings = json.loads(run("validate", str(root), "--fail-on", "info", "-o", "json").out)["findings"]
    return [one["severity"] for one in findings if one["rule"] == rule]


@pytest.mark.parametrize(
    ("value", "severities"),
    [("ENC[AES256_GCM,data:Tqlo=,iv:CWmj/w=,tag:GWbqAB==,type:str]", []), ("Xk29fjSl2aQ", ["error"])],
)
def test_file_that_sops_has_encrypted_may_be_a_value_of_a_secret(
    run: Run, tmp_path: Path, value: str, severities: list[str]
) -> None:
    files = {
        "apps/shop/kustomization.yaml": "secretGenerator: [{name: web, files: [v.yaml=web.sops.yaml]}]\n",
        "apps/shop/web.sops.yaml": f"db:\n  password: {value}\nsops: {{mac: 'ENC[AES256_GCM,data:x]'}}\n",
    }
    assert found(run, write(tmp_path, ROOT, files), "GB401") == severities


SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: web, namespace: shop%s}\n%s"
MANAGED = ", annotations: {sealedsecrets.bitnami.com/managed: 'true'}"


@pytest.mark.parametrize(
    ("more", "data", "severities"),
    [
        ("", "", []),
        (MANAGED, "stringData: {USER: shop}\n", []),
        ("", "stringData: {USER: shop}\n", ["error"]),
    ],
)
def test_keys_that_something_gives_a_secret_in_the_cluster_are_not_missing(
    run: Run, tmp_path: Path, more: str, data: str, severities: list[str]
) -> None:
    files = {"apps/shop/web.yaml": f"{POD}---\n{SECRET % (more, data)}"}
    assert found(run, write(tmp_path, ROOT, files), "GB314") == severities


FORM = "  DATABASE_URL: postgres://shop:shop12345@db/shop\n"
HALF = "  JWT_SECRET: your-jwt-secret\n  SMTP_PASS: your-app-password\n"


@pytest.mark.parametrize(
    ("data", "severities"),
    [(FORM + HALF, ["error"]), (f"{FORM}{HALF}  API_KEY: your-api-key-here\n", ["warning"])],
)
def test_value_among_placeholders_may_be_an_example(
    run: Run, tmp_path: Path, data: str, severities: list[str]
) -> None:
    files = {"apps/shop/web.yaml": SECRET % ("", f"stringData:\n{data}")}
    assert found(run, write(tmp_path, ROOT, files), "GB401") == severities


@pytest.mark.parametrize(
    ("value", "severities"), [("staging-cluster-token", []), ("eiXk29fjSl2aQ8", ["error"])]
)
def test_token_that_says_whose_it_is_is_none(
    run: Run, tmp_path: Path, value: str, severities: list[str]
) -> None:
    data = f'stringData:\n  config: \'{{"bearerToken": "{value}"}}\'\n'
    assert (
        found(run, write(tmp_path, ROOT, {"apps/shop/web.yaml": SECRET % ("", data)}), "GB401") == severities
    )


INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {cert-manager.io/cluster-issuer: internal}}
spec:
  tls: [{hosts: [shop.example.com], secretName: web-tls}]
  rules: [{host: shop.example.com}]
"""
CERT_MANAGER = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cert-manager, namespace: cert-manager}
spec:
  selector: {matchLabels: {app: cert-manager}}
  template:
    metadata: {labels: {app: cert-manager}}
    spec: {containers: [{name: controller, image: 'quay.io/jetstack/cert-manager-controller:v1.18.0'}]}
"""


def test_issuer_may_come_with_a_cert_manager_that_is_not_in_git(run: Run, tmp_path: Path) -> None:
    files = {"apps/shop/web.yaml": INGRESS}
    assert found(run, write(tmp_path / "a", ROOT, files), "GB342") == ["warning"]
    files["apps/shop/cert-manager.yaml"] = CERT_MANAGER
    assert found(run, write(tmp_path / "b", ROOT, files), "GB342") == ["error"]


def test_service_of_a_namespace_without_pods_in_git_may_have_some(run: Run, tmp_path: Path) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\n"
    service += "spec: {selector: {app: api}, ports: [{port: 80}]}\n"
    assert found(run, write(tmp_path / "a", ROOT, {"apps/shop/web.yaml": service}), "GB303") == ["warning"]
    files = {"apps/shop/web.yaml": f"{POD}---\n{service}"}
    assert found(run, write(tmp_path / "b", ROOT, files), "GB303") == ["error"]


def test_form_beside_the_kustomization_of_a_cluster_is_not_its_root(run: Run, tmp_path: Path) -> None:
    files = {
        "clusters/one/kustomization.yaml": "resources: [root.yaml]\n",
        "clusters/one/TEMPLATE-app.yaml": application("NAME-app", "clusters/CLUSTER/apps", "NAMESPACE"),
        "apps/shop/web.yaml": POD,
    }
    root = write(tmp_path, ROOT, files)
    assert [found(run, root, rule) for rule in ("GB201", "GB360")] == [[], []]
