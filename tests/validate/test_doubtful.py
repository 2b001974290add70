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


ROLE = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web, namespace: shop}
rules: [{apiGroups: [''], resources: [secrets, configmaps], verbs: [get, create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}
subjects: [{kind: ServiceAccount, name: default, namespace: shop}]
"""
KEYS = SECRET.replace("web", "other") % ("", "stringData: {USER: shop}\n")


SLIP = POD.replace("secretKeyRef: {name: web", "secretKeyRef: {name: shop-lgoin")
USER = POD.replace("{name: web, key: TOKEN}", "{name: shop-login, key: USER}").replace(
    "{name: web,", "{name: user,"
)
LOGIN = SECRET.replace("web", "shop-login") % ("", "stringData: {USER: shop}\n")


@pytest.mark.parametrize(
    ("text", "severities"),
    [
        (POD, ["warning"]),
        (f"{POD}---\n{KEYS}", ["warning"]),
        (f"{POD}---\n{KEYS}{ROLE}", ["info"]),
        (f"{SLIP}---\n{LOGIN}", ["error"]),
        (f"{SLIP.replace('lgoin', 'mail')}---\n{LOGIN}", ["error"]),
        (f"{SLIP.replace('lgoin', 'mail')}---\n{LOGIN}---\n{USER}", ["warning"]),
        (f"{POD}---\n{LOGIN.replace('shop-login', 'web').replace('e: shop}', 'e: other}')}", ["error"]),
        (f"{POD}---\n{LOGIN.replace('shop-login', 'web-bk5fd2m9h4')}", ["error"]),
    ],
)
def test_secret_may_be_made_by_hand_or_at_run_time(
    run: Run, tmp_path: Path, text: str, severities: list[str]
) -> None:
    assert found(run, write(tmp_path, ROOT, {"apps/shop/web.yaml": text}), "GB313") == severities


@pytest.mark.parametrize(("role", "severities"), [("", ["error"]), (ROLE, ["info"])])
def test_config_map_may_be_made_at_run_time(
    run: Run, tmp_path: Path, role: str, severities: list[str]
) -> None:
    pod = POD.replace("secretKeyRef", "configMapKeyRef")
    assert found(run, write(tmp_path, ROOT, {"apps/shop/web.yaml": pod + role}), "GB311") == severities


CLASS = """\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard}
provisioner: csi.example.com
"""
CLAIM = """\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {accessModes: [ReadWriteOnce], storageClassName: NAME, resources: {requests: {storage: 1Gi}}}
"""


@pytest.mark.parametrize(
    ("name", "severities"), [("standrad", ["error"]), ("ceph", ["warning"]), ("standard", [])]
)
def test_class_that_git_lacks_may_be_the_clusters_own(
    run: Run, tmp_path: Path, name: str, severities: list[str]
) -> None:
    files = {"apps/shop/web.yaml": CLASS + CLAIM.replace("NAME", name)}
    assert found(run, write(tmp_path, ROOT, files), "GB316") == severities


def test_value_that_sed_fills_in_is_no_fault(run: Run, tmp_path: Path) -> None:
    files = {"apps/shop/kustomization.yaml": "resources: [web.yaml]\n"}
    files["apps/shop/web.yaml"] = SECRET % ("", "stringData:\n  slack-token: %SLACK_TOKEN%\n")
    root = write(tmp_path, ROOT, files)
    assert (found(run, root, "GB101"), found(run, root, "GB116")) == ([], ["info"])


@pytest.mark.parametrize(
    ("variable", "severities"),
    [
        ("{name: API_KEY, value: os.environ/NVIDIA_API_KEY}", []),
        ("{name: KMS_PUBLIC_KEY, value: BJ3z1oAqRk8T2mXw9LpV5sNc7YdE4uHg6FbQ0iK}", []),
        ("{name: DB_PASSWORD, value: nopassword}", []),
        ("{name: DB_PASSWORD, value: dbpass-xxxx}", []),
        ("{name: REPORT_SHEET_ID, value: 1bQz7Rk2_TmXw9LpV5sNc8YdE4uHg6FbQ0iKvJ3aW}", []),
        ("{name: APPROLE_SECRET_ID, value: 1bQz7Rk2_TmXw9LpV5sNc8YdE4uHg6FbQ0iKvJ3aW}", ["error"]),
        ("{name: REPORT_SHEET, value: 1bQz7Rk2_TmXw9LpV5sNc8YdE4uHg6FbQ0iKvJ3aW}", ["error"]),
        ("{name: DB_PASSWORD, value: eiXk29fjSl2aQ8}", ["error"]),
    ],
)
def test_variable_that_names_or_publishes_a_value_is_no_credential(
    run: Run, tmp_path: Path, variable: str, severities: list[str]
) -> None:
    pod = POD.replace("[{name: TOKEN, valueFrom: {secretKeyRef: {name: web, key: TOKEN}}}]", f"[{variable}]")
    assert found(run, write(tmp_path, ROOT, {"apps/shop/web.yaml": pod}), "GB402") == severities


PROJECT = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: apps, namespace: argocd}
spec: {sourceRepos: ['*'], destinations: [{RULE, namespace: '*'}]}
"""


@pytest.mark.parametrize(
    ("rule", "severities"), [("server: https://one.example.com", ["warning"]), ("name: other", ["error"])]
)
def test_cluster_that_is_given_by_name_may_be_the_one_that_a_project_allows_by_server(
    run: Run, tmp_path: Path, rule: str, severities: list[str]
) -> None:
    root = application("shop", "apps/shop", "shop").replace(
        "server: https://kubernetes.default.svc", "name: one"
    )
    files = {"clusters/one/root.yaml": root, "clusters/one/project.yaml": PROJECT.replace("RULE", rule)}
    assert found(run, write(tmp_path, files, {"apps/shop/web.yaml": POD}), "GB203") == severities
