"""What public repositories have and is no fault: switched off, filled in later, generated, sealed."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from bootstrap.manifests.reader import Fault
from bootstrap.validate.file_findings import severity_of
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import OURS, SHOP, URL, application, write
from tests.tools import tool

pytestmark = pytest.mark.usefixtures("cache")

NO_REPOSITORY = application("api", "manifests/api", "api").replace(f"    repoURL: {URL}\n", "")
WEB = SHOP.replace("          envFrom:\n            - configMapRef: {name: web}\n", "")
LAYER = {
    "argocd/web.yaml": application("web", "manifests/web", "web"),
    "argocd/api.yaml": NO_REPOSITORY,
    "manifests/web/web.yaml": WEB,
    "manifests/api/web.yaml": WEB,
}
PATCH = """\
patches:
  - target: {kind: Application}
    patch: |-
      - {op: add, path: /spec/source/repoURL, value: "https://git.example.com/platform/gitops.git"}
"""


def errors(run: Run, root: Path, rules: str = "GB") -> list[tuple[str, str, str]]:
    found = json.loads(run("validate", str(root), "--rules", rules, "-o", "json").out)
    return [
        (one["rule"], one["file"], one["message"]) for one in found["findings"] if one["severity"] == "error"
    ]


@pytest.mark.parametrize("list_", ["  # - argocd/api.yaml\n", "  #- argocd/api.yaml  # not yet\n", ""])
def test_application_that_a_patch_would_complete_is_not_said_to_lack_a_field(
    run: Run, tmp_path: Path, list_: str
) -> None:
    layer = f"resources:\n  - argocd/web.yaml\n{list_}{PATCH}"
    root = write(tmp_path, LAYER, {"kustomization.yaml": layer})
    assert errors(run, root) == []
    assert "switched off in a kustomization that would change" in run("validate", str(root)).err


def test_application_that_no_patch_would_complete_lacks_a_field(run: Run, tmp_path: Path) -> None:
    layer = "resources:\n  - argocd/web.yaml\n  # - argocd/api.yaml\n"
    root = write(tmp_path, LAYER, {"kustomization.yaml": layer})
    assert [(rule, file) for rule, file, _ in errors(run, root)] == [("GB123", "argocd/api.yaml")]


def test_what_is_wrong_in_a_file_whatever_is_added_is_reported_though_it_is_off(
    run: Run, tmp_path: Path
) -> None:
    layer = f"resources:\n  - argocd/web.yaml\n  # - argocd/api.yaml\n{PATCH}"
    wrong = NO_REPOSITORY.replace("  project:", "  projcet:")
    root = write(tmp_path, LAYER, {"kustomization.yaml": layer, "argocd/api.yaml": wrong})
    assert [(rule, file) for rule, file, _ in errors(run, root)] == [("GB121", "argocd/api.yaml")]


def test_file_that_a_kustomization_above_names_is_not_read_a_second_time(run: Run, tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": f"resources: [layer/root.yaml]\n{PATCH}",
        "layer/root.yaml": NO_REPOSITORY.replace("manifests/api", "layer"),
        "layer/kustomization.yaml": "resources: [web.yaml]\n",
        "layer/web.yaml": LAYER["argocd/web.yaml"],
        "manifests/web/web.yaml": WEB,
    }
    assert errors(run, write(tmp_path, files)) == []


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports: [{port: PORT}]\n"


@pytest.mark.parametrize("port", ["${PORT}", "${PORT:=6379}", "${PORT:-80}"])
def test_number_that_flux_fills_in_has_no_wrong_type(run: Run, tmp_path: Path, port: str) -> None:
    files = {
        "kustomization.yaml": "resources: [web.yaml]\n",
        "web.yaml": SERVICE.replace("PORT", f'"{port}"'),
    }
    assert errors(run, write(tmp_path, files)) == []


def test_number_that_argocd_applies_as_it_is_has_the_wrong_type(run: Run, tmp_path: Path) -> None:
    text = SHOP.replace("port: 80,", 'port: "${PORT}",')
    root = write(tmp_path, OURS, {"apps/shop/base/shop.yaml": text})
    assert [rule for rule, _, _ in errors(run, root)] == ["GB122"]


VALUES = "targets: [vault.${DOMAIN}:8200]\n"


@pytest.mark.parametrize(
    ("text", "rules"), [(VALUES, []), ("targets: [a\nb: {{ .Values.b }}\n", []), ("a: [\n", ["GB101"])]
)
def test_text_of_a_config_map_may_be_filled_in_later(
    run: Run, tmp_path: Path, text: str, rules: list[str]
) -> None:
    files = {
        "kustomization.yaml": "configMapGenerator: [{name: values, files: [values.yaml]}]\n",
        "values.yaml": text,
    }
    assert [rule for rule, _, _ in errors(run, write(tmp_path, files))] == rules


def test_url_and_namespace_that_are_filled_in_later_are_not_refused_by_a_project(
    run: Run, tmp_path: Path
) -> None:
    file = "apps/shop/applications/dev/application.yaml"
    url, place = OURS[file].replace(URL, "${GIT_URL}/gitops.git"), "namespace: shop-dev"
    assert place in url
    root = write(tmp_path, OURS, {file: url.replace(place, "namespace: ${NAMESPACE}")})
    assert [one for one in errors(run, root) if one[0] in ("GB202", "GB203")] == []


SEALED = base64.b64encode(b"\x02\x00" + bytes(range(256)) * 2 + b"rest" * 20).decode()


@pytest.mark.parametrize(
    ("name", "value", "rules"),
    [
        ("password", SEALED, []),
        ("apiSecretToken", "ibm-licensing-token", []),
        ("connectToken", "onepassword-connect-token", []),
        ("password", "redhat123", ["GB402"]),
        ("password", "aGVsbG8=" * 60, ["GB402"]),
    ],
)
def test_value_of_a_chart_is_a_credential_only_if_it_opens_something(
    run: Run, tmp_path: Path, name: str, value: str, rules: list[str]
) -> None:
    file = "apps/shop/applications/dev/application.yaml"
    source = f"    helm: {{valuesObject: {{{name}: {value}}}}}\n"
    text = OURS[file].replace("  destination:", f"{source}  destination:")
    root = write(tmp_path, OURS, {file: text})
    assert [rule for rule, _, _ in errors(run, root, "GB4")] == rules


KEY_ID = "config:\n  awsAccessKeyId: AKIAZ7Q2M4K9X1B8C3D5\n"


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        (KEY_ID, []),
        (f"{KEY_ID}  secretAccessKey: wJalrXUtnFEMI/K7MDENGxbPxRfiCYzzQ9mLkP2a\n", ["GB402"]),
        (KEY_ID.replace("KeyId", "Key"), ["GB402"]),
    ],
)
def test_id_of_an_access_key_opens_nothing_without_its_secret(
    run: Run, tmp_path: Path, values: str, rules: list[str]
) -> None:
    root = write(tmp_path, OURS, {"charts/dns/values.yaml": values})
    assert [rule for rule, _, _ in errors(run, root, "GB4")] == rules


@pytest.mark.parametrize(
    ("name", "key", "value", "rules"),
    [
        ("web", "SESSION_KEY", "generate_a_random_key_here", []),
        ("web", "DCR_TOKEN_ENDPOINT_AUTH_METHOD", "client_secret_basic", []),
        ("web", "SSO_KEYCLOAK_EMAIL_CLAIM", "email_claim", []),
        ("placeholder-bmc", "password", "calvincalvin", []),
        ("web", "ssl.key", "hunter2hunter2", ["GB401"]),
        ("web", "api-keys", "hunter2hunter2", ["GB401"]),
    ],
)
def test_value_of_a_secret_is_secret_by_its_key_and_form(
    run: Run, tmp_path: Path, name: str, key: str, value: str, rules: list[str]
) -> None:
    secret = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{{key}: {value}}}\n"
    root = write(tmp_path, {"kustomization.yaml": "resources: [secret.yaml]\n", "secret.yaml": secret})
    assert [rule for rule, _, _ in errors(run, root, "GB401")] == rules


def test_folder_that_is_copied_before_it_is_used_is_named_as_unread(run: Run, tmp_path: Path) -> None:
    files = {"docs/cluster-template/kustomization.yaml": "resources: [../../../base, ../../vars]\n"}
    root = write(tmp_path, OURS, files)
    assert errors(run, root) == []
    assert "templates of another program" in run("validate", str(root)).err


def test_repository_that_only_has_charts_names_them(run: Run, tmp_path: Path) -> None:
    files = {f"charts/{name}/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n" for name in "ab"}
    result = run("validate", str(write(tmp_path, files)))
    assert result.exit == 2
    assert "no Application names one of its 2 charts (charts/a, charts/b)" in result.err


CHART = """\
apiVersion: v1
kind: Secret
metadata: {name: web}
data:
  tls.key: {{ genPrivateKey "ecdsa" | b64enc }}
stringData:
  password: {{ randAlphaNum 20 }}
  fixed: {{ .Values.fixed }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: web, annotations: {stamp: "{{ uuidv4 }}"}}
"""


def test_what_a_chart_generates_is_in_no_file_and_the_same_in_each_reading(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tool('helm').parent}{os.pathsep}{os.environ['PATH']}")
    file = "apps/shop/applications/dev/application.yaml"
    files = {
        file: OURS[file].replace("apps/shop/overlays/dev", "charts/web"),
        "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "charts/web/values.yaml": "fixed: one\n",
        "charts/web/templates/all.yaml": CHART,
    }
    root = write(tmp_path, OURS, files)
    assert errors(run, root, "GB4") == []
    (root / "charts/web/values.yaml").write_text("fixed: hunter2hunter2\n")
    (root / "charts/web/templates/all.yaml").write_text(CHART.replace("  fixed:", "  token:"))
    assert [rule for rule, _, _ in errors(run, root, "GB4")] == ["GB401"]


CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: thingies.example.com}
spec:
  group: example.com
  names: {kind: Thingy, plural: thingies}
  scope: Namespaced
  versions:
    - name: v1beta1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {size: {type: integer}}}}
"""
THINGY = "apiVersion: example.com/v1beta1\nkind: Thingy\nmetadata: {name: web}\nspec: {siize: 3}\n"


@pytest.mark.parametrize("where", ["crds", "apps"])
def test_definition_of_another_folder_may_not_be_the_one_where_no_cluster_leads(
    run: Run, tmp_path: Path, where: str
) -> None:
    files = {
        "apps/thingy.yaml": THINGY,
        f"{where}/crd.yaml": CRD,
        **{
            f"{one}/kustomization.yaml": f"resources: [{name}]\n"
            for one, name in (("crds", "crd.yaml"), ("apps", "thingy.yaml"))
            if where == "crds"
        },
    }
    told = [] if where == "crds" else ["GB121"]
    assert [rule for rule, _, _ in errors(run, write(tmp_path, files))] == told


def test_file_that_git_ignores_is_an_error_only_for_what_argocd_applies(run: Run, tmp_path: Path) -> None:
    keeps = "secretGenerator: [{name: web, envs: [env/password.env]}]\n"
    dev = "apps/shop/overlays/dev/kustomization.yaml"
    git(write(tmp_path / "hand", {"kustomization.yaml": keeps, ".gitignore": "env/\n"}), "init", "-q")
    assert errors(run, tmp_path / "hand") == []
    assert "git ignores" in run("validate", str(tmp_path / "hand"), "--fail-on", "info").out
    files = {dev: f"{OURS[dev]}{keeps}", ".gitignore": "env/\n"}
    git(write(tmp_path / "argo", OURS, files), "init", "-q")
    assert [rule for rule, _, _ in errors(run, tmp_path / "argo")] == ["GB106"]


def test_file_that_is_to_be_copied_is_no_object(run: Run, tmp_path: Path) -> None:
    claim = (
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {accessModes: [REPLACE]}\n"
    )
    files = {"pvc/data.template.yaml": claim, "pvc/b.tmpl.yaml": claim, "e2e/pvc.yaml": claim}
    assert errors(run, write(tmp_path, OURS, files)) == []


@pytest.mark.parametrize("size", ["REPLACE_ME", "AUTOMATIC_REPLACE", "PLACEHOLDER_SIZE"])
def test_quantity_that_a_person_fills_in_is_not_refused(run: Run, tmp_path: Path, size: str) -> None:
    claim = f"""\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: a}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}}}
"""
    assert errors(run, write(tmp_path, {"pvc/a.yaml": claim})) == []


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("gfhgffhghfghgf", False),
        ("adssdadsasdasda", False),
        ("replace-me-with-openssl-rand-hex-32", False),
        ("p-0035-rehearsal-throwaway", False),
        ("abcde", False),
        ("correcthorse", True),
        ("mississippi", True),
    ],
)
def test_row_of_keys_is_no_password(run: Run, tmp_path: Path, value: str, secret: bool) -> None:
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: web}}\nstringData: {{password: {value}}}\n"
    root = write(tmp_path, {"secret.yaml": text})
    assert [rule for rule, _, _ in errors(run, root, "GB401")] == (["GB401"] if secret else [])


MESH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system}
spec:
  selector: {matchLabels: {app: istiod}}
  template:
    metadata: {labels: {app: istiod, istio.io/rev: default}}
    spec:
      containers: [{name: discovery, image: "docker.io/istio/IMAGE:1.27.0", ports: [{containerPort: 15012}]}]
---
apiVersion: v1
kind: Service
metadata: {name: istiod, namespace: istio-system}
spec: {selector: {app: istiod}, ports: [{port: 15012}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ztunnel, namespace: istio-system}
spec:
  selector: {matchLabels: {app: ztunnel}}
  template:
    metadata: {labels: {app: ztunnel}}
    spec:
      containers:
        - name: ztunnel
          image: docker.io/istio/ztunnel:1.27.0
          env: [{name: CA_ADDRESS, value: "istiod.istio-system.svc:15012"}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny-all, namespace: istio-system}
spec: {}
"""


@pytest.mark.parametrize(("image", "rules"), [("pilot", []), ("proxyv2", ["GB325"])])
def test_policy_of_the_mesh_does_not_reach_the_mesh_s_own_programs(
    run: Run, tmp_path: Path, image: str, rules: list[str]
) -> None:
    root = write(tmp_path, {"istio/all.yaml": MESH.replace("IMAGE", image)})
    assert [rule for rule, _, _ in errors(run, root)] == rules


def test_what_a_limit_has_ended_is_not_said_to_be_wrong() -> None:
    needs = Fault("build", 1, "kustomize cannot build it: it needs more memory than 512 MB", "")
    assert severity_of(needs, True) == "warning"
    assert severity_of(Fault("build", 1, "kustomize cannot build it: no", ""), True) is None


SET = f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: all, namespace: argocd}}
spec:
  generators: GENERATORS
  template:
    metadata: {{name: '{{{{path.basename}}}}', finalizers: [resources-finalizer.argocd.argoproj.io]}}
    spec:
      project: apps
      source: {{repoURL: '{URL}', targetRevision: HEAD, path: '{{{{path}}}}'}}
      destination: {{server: https://kubernetes.default.svc, namespace: shop-dev}}
"""


@pytest.mark.parametrize(
    ("generators", "said"),
    [
        (f"[{{git: {{repoURL: '{URL}', directories: [{{path: aps/*}}]}}}}]", True),
        (f"[{{git: {{repoURL: '{URL}', files: [{{path: 'envs/*.json'}}]}}}}]", True),
        (f"[{{git: {{repoURL: '{URL}', directories: [{{path: apps/*/overlays/*}}]}}}}]", False),
        ("[{git: {repoURL: 'https://git.example.com/other.git', directories: [{path: aps/*}]}}]", False),
        ("[{list: {elements: []}}]", False),
    ],
)
def test_set_that_finds_nothing_to_make_applications_of_is_said(
    run: Run, tmp_path: Path, generators: str, said: bool
) -> None:
    root = write(tmp_path, OURS, {"clusters/one/set.yaml": SET.replace("GENERATORS", generators)})
    list_ = root / "clusters/one/kustomization.yaml"
    list_.write_text(list_.read_text() + "  - set.yaml\n")
    found = json.loads(run("validate", str(root), "--rules", "GB117", "-o", "json").out)["findings"]
    assert [(one["severity"], one["file"]) for one in found] == (
        [("warning", "clusters/one/set.yaml")] if said else []
    )


CACHE = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cache}
spec:
  selector: {matchLabels: {app: web, part: cache}}
  template:
    metadata: {labels: {app: web, part: cache}}
    spec: {containers: [{name: cache, image: "example.com/cache:1.0.0", ports: [{containerPort: 6379}]}]}
"""


@pytest.mark.parametrize(
    ("shop", "severity"), [(WEB, "warning"), (WEB.replace("name: http, c", "c"), "error")]
)
def test_port_that_some_of_the_selected_pods_have_is_no_error(
    run: Run, tmp_path: Path, shop: str, severity: str
) -> None:
    root = write(tmp_path, OURS, {"apps/shop/base/shop.yaml": shop + CACHE})
    found = json.loads(run("validate", str(root), "--rules", "GB304", "-o", "json").out)["findings"]
    assert {one["severity"] for one in found} == {severity}
