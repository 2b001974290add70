"""More of what something outside Git may make right: other programs' templates, operators, examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import application, write
from tests.validate.test_doubtful import POD, ROOT, SECRET, found

pytestmark = pytest.mark.usefixtures("cache")


@pytest.mark.parametrize(("mark", "severities"), [("#@ load('data', 'data')\n", []), ("", ["error"])])
def test_template_of_ytt_is_no_secret(run: Run, tmp_path: Path, mark: str, severities: list[str]) -> None:
    data = "stringData:\n  password: eiXk29fjSl2aQ8\n"
    assert (
        found(run, write(tmp_path, {"web.yaml": mark + SECRET % ("", data), "pod.yaml": POD}), "GB401")
        == severities
    )


@pytest.mark.parametrize(
    ("data", "severities"),
    [
        ("  password: GITHUB_TOKEN\n", ["info"]),
        ("  password: file:/var/run/secrets/token\n", []),
        ("  secret: this is my decoded secret\n", ["info"]),
        ("  key.pem: |\n    -----BEGIN RSA PRIVATE KEY-----\n    MIIEpAIBAAKCAQEA...\n", []),
        ("  url: postgres://shop:_DB_PASSWORD_@db/shop\n", ["info"]),
        ("  url: postgres://shop:Xk29fjSl2aQ@db/shop\n", ["error"]),
        ("  password: GITHUB\n", ["error"]),
        ("  key.pem: |\n    -----BEGIN RSA PRIVATE KEY-----\n    MIIEpAIBAAKCAQEA\n", ["error"]),
    ],
)
def test_value_that_says_what_belongs_there_is_no_secret(
    run: Run, tmp_path: Path, data: str, severities: list[str]
) -> None:
    root = write(tmp_path, ROOT, {"apps/shop/web.yaml": SECRET % ("", f"stringData:\n{data}")})
    assert found(run, root, "GB401") == severities


VIRTUAL = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [kibana.example.com], http: [{route: [{destination: {host: logs-kb-http}}]}]}
"""
KIBANA = "---\napiVersion: kibana.k8s.elastic.co/v1\nkind: Kibana\nmetadata: {name: logs, namespace: shop}\n"


@pytest.mark.parametrize(("more", "severities"), [("", ["error"]), (KIBANA, [])])
def test_host_of_a_service_that_an_operator_creates_is_not_missing(
    run: Run, tmp_path: Path, more: str, severities: list[str]
) -> None:
    root = write(tmp_path, ROOT, {"apps/shop/web.yaml": POD + VIRTUAL + more})
    assert found(run, root, "GB326") == severities


INGRESS = """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
  annotations: {traefik.ingress.kubernetes.io/router.middlewares: shop-NAME@kubernetescrd}
spec: {rules: [{host: shop.example.com}]}
---
apiVersion: traefik.containo.us/v1alpha1
kind: Middleware
metadata: {name: redirect, namespace: shop}
spec: {redirectScheme: {scheme: https}}
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: headers, namespace: shop}
spec: {headers: {}}
"""


@pytest.mark.parametrize(("name", "severities"), [("redirect", []), ("other", ["error"])])
def test_middleware_of_the_group_that_traefik_had_before_is_one(
    run: Run, tmp_path: Path, name: str, severities: list[str]
) -> None:
    root = write(tmp_path, ROOT, {"apps/shop/web.yaml": POD + INGRESS.replace("NAME", name)})
    assert found(run, root, "GB370") == severities


def test_namespace_that_is_no_text_is_told_and_stops_nothing(run: Run, tmp_path: Path) -> None:
    files = {
        "apps/shop/kustomization.yaml": "resources: [web.yaml, more.yaml]\n",
        "apps/shop/web.yaml": POD.replace("namespace: shop", "namespace: {a: shop}"),
        "apps/shop/more.yaml": POD.replace("name: web,", "name: more,"),
    }
    assert run("validate", str(write(tmp_path, files))).exit == 1


def test_what_a_templated_file_may_have_is_not_missing_in_a_folder_of_manifests(
    run: Run, tmp_path: Path
) -> None:
    pod = POD.replace("secretKeyRef", "configMapKeyRef")
    boards = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: '{{ pod }}'}\n"
    assert found(run, write(tmp_path / "a", {"web.yaml": pod}), "GB311") == ["error"]
    assert found(run, write(tmp_path / "b", {"web.yaml": pod, "boards.yaml": boards}), "GB311") == ["warning"]


def test_path_that_an_overlay_sets_is_not_missing(run: Run, tmp_path: Path) -> None:
    files = {"clusters/one/a.yaml": application("a", "patch-me-see-overlays", "a"), "apps/shop/web.yaml": POD}
    assert found(run, write(tmp_path, ROOT, files), "GB201") == []


STREAMS = """\
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: registry, namespace: shop}
spec: {routes: [{kind: Rule, match: Host(`r.example.com`), services: [{name: schemaregistry, port: 8081}]}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: registry}
webhooks:
- name: registry.example.com
  clientConfig: {service: {name: schemaregistry, namespace: shop}}
  admissionReviewVersions: [v1]
  sideEffects: None
---
apiVersion: v1
kind: Service
metadata: {name: jobs, namespace: shop}
spec: {selector: {KEY: flink-native}, ports: [{port: 9249}]}
"""
REGISTRY = """\
---
apiVersion: platform.example.com/v1
kind: SchemaRegistry
metadata: {name: schemaregistry, namespace: shop}
"""
MEANT = "---\napiVersion: v1\nkind: Service\nmetadata: {name: schemaregistri, namespace: shop}\n"
FLINK = "---\napiVersion: flink.example.com/v1\nkind: FlinkJob\nmetadata: {name: clicks, namespace: shop}\n"


@pytest.mark.parametrize(
    ("more", "severities"),
    [("", ["error"] * 2), (REGISTRY, []), (REGISTRY + MEANT, ["error"] * 2)],
)
def test_service_of_an_operator_is_not_missing_for_any_kind_that_names_it(
    run: Run, tmp_path: Path, more: str, severities: list[str]
) -> None:
    root = write(tmp_path, ROOT, {"apps/shop/web.yaml": POD + STREAMS.replace("KEY", "type") + more})
    assert found(run, root, "GB301") == severities


@pytest.mark.parametrize(
    ("key", "more", "severities"),
    [("type", "", ["error"]), ("type", FLINK, []), ("app", FLINK, ["error"])],
)
def test_pods_with_a_label_that_speaks_of_an_operators_kind_are_not_missing(
    run: Run, tmp_path: Path, key: str, more: str, severities: list[str]
) -> None:
    root = write(tmp_path, ROOT, {"apps/shop/web.yaml": POD + STREAMS.replace("KEY", key) + more})
    assert found(run, root, "GB303") == severities


@pytest.mark.parametrize(
    ("key", "severities"), [("bearer.credentials.source", ["info"]), ("bearer.credentials", ["error"])]
)
def test_name_of_where_a_credential_comes_from_is_no_secret(
    run: Run, tmp_path: Path, key: str, severities: list[str]
) -> None:
    data = f"stringData:\n  {key}: OAUTHBEARER\n"
    assert (
        found(run, write(tmp_path, ROOT, {"apps/shop/web.yaml": SECRET % ("", data)}), "GB401") == severities
    )


PART = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: dns, namespace: shop}
spec:
  replicas: 3
  template:
    metadata: {annotations: {example.com/restarted: "1"}}
    spec: PODS
"""


@pytest.mark.parametrize(
    ("pods", "severities"),
    [
        ("{nodeSelector: {example.com/zone: a}}", ["warning"] * 2),  # selector and containers
        ("{containers: [{name: dns, image: dns:1.0.0}]}", ["error"]),
    ],
)
def test_part_of_a_deployment_that_an_installer_has_created_is_not_refused(
    run: Run, tmp_path: Path, pods: str, severities: list[str]
) -> None:
    root = write(tmp_path, ROOT, {"apps/shop/web.yaml": PART.replace("PODS", pods)})
    assert found(run, root, "GB123") == severities
    assert found(run, root, "GB130") == []
