"""What programs outside Git write, and what objects contain for programs in the cluster: no false alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import application, write
from tests.validate.test_doubtful import POD, ROOT, SECRET, found

pytestmark = pytest.mark.usefixtures("cache")

BOARDS = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME, namespace: shop}\ndata:\n  board.json: TEXT\n"
)
NEEDS = POD.replace("secretKeyRef", "configMapKeyRef").replace("key: TOKEN", "key: board.json")


@pytest.mark.parametrize(
    ("text", "severities"),
    [
        ('\'{"legend": "{{ pod }}"}\'', []),
        ("|-\n    {{ range .Alerts }}\n    {{ .Labels.pod }}\n    {{ end }}", []),
        ("'{{ pod }}'", ["warning"]),
        ('\'{"legend": "{{ pod }}"}\'\n  # {{ if .Values.more }}', ["warning"]),
    ],
)
def test_config_map_with_templates_for_its_program_is_whole(
    run: Run, tmp_path: Path, text: str, severities: list[str]
) -> None:
    boards = BOARDS.replace("NAME", "web").replace("TEXT", text)
    root = write(tmp_path, {"web.yaml": NEEDS, "boards.yaml": boards})
    assert found(run, root, "GB311") == severities
    assert (found(run, root, "GB312"), len(found(run, root, "GB401"))) == ([], 0)


RULES = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: web, namespace: NAMESPACE}
spec:
  groups:
    - name: web
      rules: [{alert: Down, expr: up == 0, annotations: {summary: 'NAME is down'}}, {alert: Two}]
"""


@pytest.mark.parametrize(
    ("namespace", "name", "read"),
    [
        ("shop", "{{ $labels.pod }}", True),
        ("'{{ namespace }}'", "web", False),
        ("'{{ namespace }}'", "{{ $labels.pod }}", False),
    ],
)
def test_rules_with_the_labels_of_an_alert_are_read(
    run: Run, tmp_path: Path, namespace: str, name: str, read: bool
) -> None:
    text = RULES.replace("NAMESPACE", namespace).replace("NAME", name)
    answer = run("validate", str(write(tmp_path, {"rules.yaml": text, "web.yaml": POD})), "-o", "json").out
    assert ("templates of another program" not in answer) is read


BUILD = "resources: [all.yaml]\n"
PLUGIN = """\
apiVersion: argoproj.io/v1alpha1
kind: ConfigManagementPlugin
metadata: {name: both}
spec: {generate: {command: [sh, -c, 'helm template . > NAME.yaml && kustomize build']}}
"""


@pytest.mark.parametrize(
    ("plugin", "severities"),
    [("", ["error"]), (PLUGIN, ["info"]), (PLUGIN.replace("NAME", "other"), ["error"])],
)
def test_file_that_a_plugin_of_argo_cd_writes_is_not_missing(
    run: Run, tmp_path: Path, plugin: str, severities: list[str]
) -> None:
    files = {
        "apps/shop/kustomization.yaml": BUILD,
        "cmp/plugin.yaml": plugin.replace("NAME", "all") or "{}\n",
    }
    assert found(run, write(tmp_path, ROOT, files), "GB106") == severities


@pytest.mark.parametrize(("path", "severities"), [("apps/mail", ["info"]), ("apps/other", ["warning"])])
def test_kustomization_that_an_application_gives_to_a_plugin_may_lack_a_file(
    run: Run, tmp_path: Path, path: str, severities: list[str]
) -> None:
    mail = application("mail", path, "mail").replace(
        f"path: {path}", f"path: {path}\n    plugin: {{name: both}}"
    )
    files = {
        "clusters/one/mail.yaml": mail,
        "apps/shop/web.yaml": POD,
        "apps/other/web.yaml": POD,
        "apps/mail/kustomization.yaml": BUILD,
    }
    assert found(run, write(tmp_path, ROOT, files), "GB106") == severities


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {DATA}\n"


@pytest.mark.parametrize(
    ("data", "severities"),
    [
        ("MAIL_USERNAME: username, MAIL_PASSWORD: password", []),
        ("MAIL_USERNAME: anna, MAIL_PASSWORD: password", ["error"]),
        ("SMTP_USERNAME: username, MAIL_PASSWORD: password", ["error"]),
        ("kubecost-token: aGVsbUBrdWJlY29zdC5jb20=xm343yadf98", []),
        ("other-token: aGVsbUBrdWJlY29zdC5jb20=xm343yadf98", ["error"]),
        ("HELM_VALUES: Z2xvYmFsOgogIG5hbWU6IFdlYlNob3A0MgogIGhvc3Q6IHNob3AuZXhhbXBsZS5jb20K", []),
        ("HELM_VALUES: kT9zQ2xvYmFsOgogIG5hbWU6IFdlYlNob3A0MgogIGhvc3Q6IHNob3AuZXhhbXBsZS5jb20K", ["error"]),
    ],
)
def test_value_that_everybody_has_or_that_is_a_text_is_no_credential(
    run: Run, tmp_path: Path, data: str, severities: list[str]
) -> None:
    text = POD + "---\n" + CONFIG.replace("DATA", data)
    assert found(run, write(tmp_path, ROOT, {"apps/shop/web.yaml": text}), "GB402") == severities


HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: wait, namespace: shop, annotations: {argocd.argoproj.io/hook: PreSync}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'registry.example.com/a:1'}]}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: example.com/v1
kind: Platform
metadata: {name: all, namespace: shop}
spec: {appsNamespace: NAMESPACE}
"""


@pytest.mark.parametrize(("namespace", "severities"), [("shop", ["warning"]), ("other", ["error"])])
def test_namespace_that_an_operator_works_in_may_be_there_before_a_hook(
    run: Run, tmp_path: Path, namespace: str, severities: list[str]
) -> None:
    root = {
        "clusters/one/root.yaml": ROOT["clusters/one/root.yaml"].replace(
            "CreateNamespace=true", "Validate=true"
        )
    }
    files = {"apps/shop/web.yaml": HOOK.replace("NAMESPACE", namespace)}
    assert found(run, write(tmp_path, root, files), "GB230") == severities


@pytest.mark.parametrize(
    ("name", "severities"),
    [("values.enc.yaml", ["info"]), ("values.yaml.age", ["info"]), ("other.enc.yaml", ["error"])],
)
def test_file_of_which_the_encrypted_form_is_in_git_is_not_missing(
    run: Run, tmp_path: Path, name: str, severities: list[str]
) -> None:
    files = {"apps/shop/kustomization.yaml": "resources: [values.yaml]\n", f"apps/shop/{name}": "a: b\n"}
    assert found(run, write(tmp_path, ROOT, files), "GB106") == severities


@pytest.mark.parametrize(("start", "severities"), [(b"\0GITCRYPT\0", ["info"]), (b"", ["error"])])
def test_file_that_git_crypt_has_encrypted_is_no_fault(
    run: Run, tmp_path: Path, start: bytes, severities: list[str]
) -> None:
    root = write(tmp_path, ROOT, {"apps/shop/kustomization.yaml": "resources: [web.yaml, pod.yaml]\n"})
    (root / "apps/shop/web.yaml").write_bytes(start + b"\xe5\x8f\xff\x00")
    (root / "apps/shop/pod.yaml").write_text(POD)
    assert found(run, root, "GB103") == severities


INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: NAME, namespace: shop, annotations: {alb.ingress.kubernetes.io/GROUP}}
spec:
  ingressClassName: CLASS
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
"""


@pytest.mark.parametrize(
    ("name", "group", "severities"),
    [
        ("alb", "scheme: internal", []),
        ("alb", "group.name: all", ["error"]),
        ("nginx", "scheme: internal", ["error"]),
    ],
)
def test_ingresses_with_an_address_each_do_not_claim_the_same(
    run: Run, tmp_path: Path, name: str, group: str, severities: list[str]
) -> None:
    text = INGRESS.replace("CLASS", name).replace("GROUP", group)
    both = "---\n".join(text.replace("NAME", one) for one in ("a", "b"))
    assert (
        found(run, write(tmp_path, ROOT, {"apps/shop/web.yaml": f"{POD}---\n{both}"}), "GB330") == severities
    )


ROUTE = """\
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web, namespace: shop}
spec:
  routes:
    - {kind: Rule, match: Host(`a.example.com`), services: [{name: admin, namespace: NAMESPACE, port: 80}]}
"""
SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: mail}
spec: {ports: [{port: 80}]}
"""


@pytest.mark.parametrize(
    ("namespace", "service", "severities"),
    [
        ("other", "web", ["warning"]),
        ("mail", "web", ["error"]),
        ("other", "admin", ["error"]),
        ("mail", "admin", []),
    ],
)
def test_service_of_a_namespace_without_any_in_git_may_come_from_elsewhere(
    run: Run, tmp_path: Path, namespace: str, service: str, severities: list[str]
) -> None:
    text = POD + ROUTE.replace("NAMESPACE", namespace) + SERVICE.replace("NAME", service)
    files = {"clusters/one/root.yaml": application("shop", "apps/shop", "shop"), "apps/shop/web.yaml": text}
    assert found(run, write(tmp_path, files), "GB301") == severities


@pytest.mark.parametrize(
    ("data", "severities"),
    [
        ("data:\n  tls.key: ${TLS_KEY}\n", []),
        ("stringData:\n  tsig-secret: secret-key-here\n", []),
        ("stringData:\n  cookie-secret: output-of-above-command\n", []),
        ("stringData:\n  cookie-secret: Xk29fjSl2aQhere\n", ["error"]),
    ],
)
def test_value_to_be_filled_in_is_no_secret(
    run: Run, tmp_path: Path, data: str, severities: list[str]
) -> None:
    root = write(tmp_path, ROOT, {"apps/shop/web.yaml": SECRET % ("", data)})
    levels = [one for one in found(run, root, "GB401") if one != "info"]
    assert levels == severities


@pytest.mark.parametrize(("name", "severities"), [("###ZARF_VAR_CLAIM###", []), ("# not yet", ["error"])])
def test_manifest_that_zarf_fills_in_is_a_template(
    run: Run, tmp_path: Path, name: str, severities: list[str]
) -> None:
    text = POD + f"  volumes:\n    - name: data\n      persistentVolumeClaim:\n        claimName: {name}\n"
    assert found(run, write(tmp_path, {"web.yaml": text, "other.yaml": POD}), "GB123") == severities


TASK = "- template:\n    src: web.yaml.j2\n    dest: \"{{ lookup('env', 'PWD') }}/apps/shop/NAME\"\n"


@pytest.mark.parametrize(("name", "severities"), [("all.yaml", ["info"]), ("other.yaml", ["error"])])
def test_file_that_ansible_writes_is_not_missing(
    run: Run, tmp_path: Path, name: str, severities: list[str]
) -> None:
    files = {"apps/shop/kustomization.yaml": BUILD, "ansible/tasks/main.yaml": TASK.replace("NAME", name)}
    assert found(run, write(tmp_path, ROOT, files), "GB106") == severities


@pytest.mark.parametrize(("kind", "severities"), [("EncryptionConfig", []), ("Podd", ["error"])])
def test_settings_of_an_api_server_are_no_object(
    run: Run, tmp_path: Path, kind: str, severities: list[str]
) -> None:
    text = f"kind: {kind}\napiVersion: v1\nresources: []\n"
    assert found(run, write(tmp_path, {"encryption.yaml": text, "web.yaml": POD}), "GB126") == severities


STORE = (
    "---\napiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: vault, namespace: shop}\n"
)
EXTERNAL = """\
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: web, namespace: shop}
spec: {secretStoreRef: {kind: SecretStore, name: tenant}, data: []}
"""


@pytest.mark.parametrize(("store", "severities"), [("", ["warning"]), (STORE, ["error"])])
def test_store_of_a_namespace_without_any_may_be_an_operators(
    run: Run, tmp_path: Path, store: str, severities: list[str]
) -> None:
    files = {"apps/shop/web.yaml": POD + EXTERNAL + store}
    assert found(run, write(tmp_path, ROOT, files), "GB370") == severities


@pytest.mark.parametrize(("namespace", "severities"), [("kube-system", ["warning"]), ("shop", ["error"])])
def test_service_of_kube_system_may_be_the_clusters(
    run: Run, tmp_path: Path, namespace: str, severities: list[str]
) -> None:
    text = INGRESS.replace("CLASS", "nginx").replace("GROUP", "scheme: internal").replace("NAME", "a")
    text = text.replace("namespace: shop", f"namespace: {namespace}")
    files = {"apps/shop/web.yaml": f"{POD}---\n{text}"}
    assert found(run, write(tmp_path, ROOT, files), "GB301") == severities


@pytest.mark.parametrize(("value", "severities"), [("dbPassword", []), ("dbPassw0rd", ["error"])])
def test_key_of_a_secret_in_a_charts_values_is_no_password(
    run: Run, tmp_path: Path, value: str, severities: list[str]
) -> None:
    path = "path: apps/shop"
    values = f"{path}\n    helm: {{valuesObject: {{secretRefKey: {{password: {value}}}}}}}"
    root = {"clusters/one/root.yaml": ROOT["clusters/one/root.yaml"].replace(path, values)}
    assert found(run, write(tmp_path, root, {"apps/shop/web.yaml": POD}), "GB402") == severities


def test_copy_of_an_application_in_the_root_folder_may_be_applied_by_nobody(run: Run, tmp_path: Path) -> None:
    web = application("web", "apps/web", "web")
    files = {
        "root.yaml": application("root", "applications", "argocd"),
        "applications/web.yaml": web,
        "apps/web/web.yaml": POD,
    }
    assert found(run, write(tmp_path / "a", files, {"web-app.yaml": web}), "GB206") == ["warning"]
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n"
    twice = {"space.yaml": space, "apps/web/space.yaml": space}
    assert found(run, write(tmp_path / "b", files, twice), "GB206") == ["error"]
