"""What no Application applies, but an operator, a script, a chart or a user does: no false alarm.

Each has the shape of a public repository, in our own words, next to the same with a real fault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.repositories import OURS, application, write

pytestmark = pytest.mark.usefixtures("cache")

BASE = "apps/shop/base/kustomization.yaml"
NEEDS = """\
apiVersion: v1
kind: Pod
metadata: {name: job, labels: {app: job}}
spec:
  containers:
    - name: job
      image: job:1
      env: [{name: A, valueFrom: {secretKeyRef: {name: db-login, key: a}}}]
"""
SEALED = """\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: db-login, namespace: shop-dev}
spec: {encryptedData: {a: AgBy}}
"""
ROUTE = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: route, namespace: NAMESPACE}
spec:
  rules:
    - host: a.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: SERVICE, port: {number: 80}}}}]}
"""
SELECTS = """\
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {selector: {SELECTOR}, ports: [{port: 80}]}
"""
CUSTOM = "apiVersion: GROUP/v1\nkind: KIND\nmetadata: {name: NAME}\nspec: {}\n"


def answer(run: Run, root: Path, rules: str) -> dict[str, Any]:
    result = run("validate", str(root), "--rules", rules, "--fail-on", "info", "-o", "json")
    read: dict[str, Any] = json.loads(result.out)
    return read


def told(run: Run, root: Path, rules: str) -> list[tuple[str, str]]:
    return [(one["rule"], one["severity"]) for one in answer(run, root, rules)["findings"]]


def in_shop(**files: str) -> Mapping[str, str]:
    """Files of the shop's base, in addition to its own."""
    names = [f"{name}.yaml" for name in files]
    base = OURS[BASE].replace("shop.yaml", "\n  - ".join(["shop.yaml", *names]))
    return {BASE: base, **{f"apps/shop/base/{name}.yaml": text for name, text in files.items()}}


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        ({}, [("GB313", "warning")]),
        ({"secrets/dev/db.yaml": SEALED}, [("GB313", "info")]),
        ({"secrets/dev/db.yaml": SEALED.replace("shop-dev", "other")}, [("GB313", "warning")]),
        ({"hack/up.sh": "kubectl create secret generic db-login --from-literal a=$A\n"}, [("GB313", "info")]),
        (
            {"hack/up.sh": "kubectl create secret generic db-login-2 --from-literal a=$A\n"},
            [("GB313", "warning")],
        ),
        ({"hack/up.sh": "echo db-login\n"}, [("GB313", "warning")]),
        (
            {"infra/main.tf": 'resource "kubernetes_secret" "a" {\n  metadata { name = "db-login" }\n}\n'},
            [("GB313", "info")],
        ),
        ({"README.md": "The pod reads db-login.\n    kubectl apply -f x\n"}, [("GB313", "warning")]),
        (
            {"README.md": "    kubectl create secret generic \\\n      db-login -n shop-dev\n"},
            [("GB313", "info")],
        ),
    ],
)
def test_secret_that_is_made_next_to_the_applications_is_not_an_error(
    run: Run, tmp_path: Path, beside: Mapping[str, str], expected: list[tuple[str, str]]
) -> None:
    assert told(run, write(tmp_path, OURS, in_shop(job=NEEDS), beside), "GB313") == expected


@pytest.mark.parametrize(
    ("name", "group", "severity"),
    [
        ("db-app", "postgresql.cnpg.io", "info"),
        ("db-app", "other.io", "warning"),
        ("db", "postgresql.cnpg.io", "warning"),
    ],
)
def test_secret_of_a_database_that_terraform_creates_is_not_an_error(
    run: Run, tmp_path: Path, name: str, group: str, severity: str
) -> None:
    module = f'resource "kubectl_manifest" "db" {{\n  yaml_body = "apiVersion: {group}/v1"\n}}\n'
    files = in_shop(job=NEEDS.replace("db-login", name))
    found = told(run, write(tmp_path, OURS, files, {"terraform/db.tf": module}), "GB313")
    assert found == [("GB313", severity)]


def test_who_makes_it_is_reported_with_its_place(run: Run, tmp_path: Path) -> None:
    script = {"hack/up.sh": "set -e\nkubectl create secret generic db-login --from-literal a=$A\n"}
    found = answer(run, write(tmp_path, OURS, in_shop(job=NEEDS), script), "GB313")["findings"]
    assert found[0]["message"].endswith("; hack/up.sh:2 seems to create it")


@pytest.mark.parametrize(
    ("namespace", "service", "beside", "expected"),
    [
        ("argocd", "argocd-server", {}, []),
        ("argocd", "argo-cd-argocd-server", {}, []),
        ("argocd", "argocd-sever", {}, [("GB301", "error")]),
        ("argocd", "myargocd-server", {}, [("GB301", "error")]),
        ("shop-dev", "argocd-server", {}, [("GB301", "error")]),
        ("shop-dev", "stack-grafana", {}, [("GB301", "error")]),
        (
            "shop-dev",
            "stack-grafana",
            {"Makefile": "up:\n\thelm upgrade --install stack x/y\n"},
            [("GB301", "info")],
        ),
    ],
)
def test_service_of_what_was_installed_before_git_is_not_an_error(
    run: Run,
    tmp_path: Path,
    namespace: str,
    service: str,
    beside: Mapping[str, str],
    expected: list[tuple[str, str]],
) -> None:
    route = ROUTE.replace("NAMESPACE", namespace).replace("SERVICE", service)
    entries = {
        "clusters/one/kustomization.yaml": OURS["clusters/one/kustomization.yaml"] + "  - route.yaml\n"
    }
    root = write(tmp_path, OURS, entries, {"clusters/one/route.yaml": route}, beside)
    assert told(run, root, "GB301") == expected


@pytest.mark.parametrize(
    ("selector", "custom", "found"),
    [
        ("app.kubernetes.io/name: prometheus", ("monitoring.coreos.com", "Prometheus", "main"), False),
        ("prometheus: front", ("monitoring.coreos.com", "Prometheus", "front"), False),
        ("app: front", ("monitoring.coreos.com", "ServiceMonitor", "front"), True),
        ("app: front", ("monitoring.coreos.com", "Prometheus", "main"), True),
        (
            "longhorn.io/recovery-backend: longhorn-recovery-backend",
            ("a.example.com", "Other", "main"),
            False,
        ),
        ("app.kubernetes.io/part: none", ("a.example.com", "Other", "main"), True),
    ],
)
def test_pods_of_an_operator_are_behind_a_service(
    run: Run, tmp_path: Path, selector: str, custom: tuple[str, str, str], found: bool
) -> None:
    group, kind, name = custom
    made = CUSTOM.replace("GROUP", group).replace("KIND", kind).replace("NAME", name)
    service = SELECTS.replace("NAME", "front").replace("SELECTOR", selector)
    root = write(tmp_path, OURS, in_shop(service=service, custom=made))
    assert bool(told(run, root, "GB303")) is found


@pytest.mark.parametrize(
    ("service", "custom", "found"),
    [
        ("jaeger-collector-extension", ("opentelemetry.io", "OpenTelemetryCollector", "jaeger"), False),
        ("grafana-service", ("integreatly.org", "Grafana", "main"), False),
        ("grafana-service", ("integreatly.org", "Other", "main"), True),
    ],
)
def test_service_of_an_operator_is_there(
    run: Run, tmp_path: Path, service: str, custom: tuple[str, str, str], found: bool
) -> None:
    group, kind, name = custom
    made = CUSTOM.replace("GROUP", group).replace("KIND", kind).replace("NAME", name)
    route = ROUTE.replace("NAMESPACE", "shop-dev").replace("SERVICE", service)
    assert bool(told(run, write(tmp_path, OURS, in_shop(route=route, custom=made)), "GB301")) is found


MAKER = {
    "charts/all/Chart.yaml": "apiVersion: v2\nname: all\nversion: 1.0.0\n",
    "charts/all/templates/apps.yaml": "{{ range .Values.apps }}\n---\napiVersion: argoproj.io/v1alpha1\n"
    "kind: Application\nmetadata: {name: {{ . }}}\n{{ end }}\n",
}


def test_chart_of_applications_that_none_installs_may_bring_all(run: Run, tmp_path: Path) -> None:
    route = ROUTE.replace("NAMESPACE", "shop-dev").replace("SERVICE", "gone")
    alone = write(tmp_path / "a", OURS, in_shop(route=route))
    assert told(run, alone, "GB301") == [("GB301", "error")]
    found = answer(run, write(tmp_path / "b", OURS, in_shop(route=route), MAKER), "GB301")
    assert found["findings"] == []
    assert [one["what"] for one in found["coverage"]["unread"]] == ["chart charts/all"]


PLUGIN = {
    "spaces/kustomization.yaml": "resources: [space.yaml]\ngenerators: [secrets.yaml]\n",
    "spaces/space.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: some}\n",
    "spaces/secrets.yaml": "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: a}\nfiles: [a.enc]\n",
    "spaces/a.enc": "a: b\n",
}


@pytest.mark.parametrize(("namespace", "found"), [("", False), ("namespace: other\n", True)])
def test_what_a_plugin_makes_may_go_anywhere_unless_the_kustomization_says_where(
    run: Run, tmp_path: Path, namespace: str, found: bool
) -> None:
    text = OURS["clusters/one/kustomization.yaml"] + "  - spaces.yaml\n"
    files = {
        "clusters/one/kustomization.yaml": text,
        "clusters/one/spaces.yaml": application("spaces", "spaces", "spaces"),
        **PLUGIN,
        "spaces/kustomization.yaml": namespace + PLUGIN["spaces/kustomization.yaml"],
    }
    assert bool(told(run, write(tmp_path, OURS, in_shop(job=NEEDS), files), "GB313")) is found
