"""What looks like a fault but is not: what fills a Secret, and pods that serve no requests."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.validate.rule import ClusterContext
from bootstrap.validate.rules import configuration, credentials, services
from tests.validate.rules.world import resources

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
    - name: web
      image: web:1
      ports: [{containerPort: 8080}]
      readinessProbe: {tcpSocket: {port: 8080}}
      env: [{name: A, valueFrom: {secretKeyRef: {name: made, key: KEY}}}]
"""
TOKEN = """\
---
apiVersion: v1
kind: Secret
metadata: {name: made, annotations: {kubernetes.io/service-account.name: web}}
type: kubernetes.io/service-account-token
"""
SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {NOTE}}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
TEST = """\
---
apiVersion: v1
kind: Pod
metadata: {name: web-test, labels: {app: web}, annotations: {NOTE}}
spec: {containers: [{name: curl, image: curl:1, ports: [{containerPort: 1}]}]}
"""
CLUSTER = """\
apiVersion: v1
kind: Secret
metadata: {name: two, labels: {argocd.argoproj.io/secret-type: KIND}}
stringData:
  name: two
  server: https://two.example.com
  config: 'CONFIG'
"""


def found(text: str) -> list[str]:
    here = Index(resources(text, "shop.yaml", "argocd/shop", "shop"), ())
    context = ClusterContext(here, True)
    told = [*configuration.check(here, context), *services.check(here, context)]
    told += credentials._secret(here.of("Secret")[0]) if "stringData" in text else []
    return [one.rule.id for one in told]


@pytest.mark.parametrize(("key", "rules"), [("token", []), ("ca.crt", []), ("tokn", ["GB314"])])
def test_kubernetes_fills_the_secret_of_a_service_account(key: str, rules: list[str]) -> None:
    assert found(POD.replace("KEY", key) + TOKEN) == rules


@pytest.mark.parametrize(
    ("note", "key", "rules"),
    [
        ("service.beta.openshift.io/serving-cert-secret-name: made", "tls.crt", []),
        ("service.alpha.openshift.io/serving-cert-secret-name: made", "tls.key", []),
        ("service.beta.openshift.io/serving-cert-secret-name: made", "password", ["GB314"]),
        ("service.beta.openshift.io/serving-cert-secret-name: other", "tls.crt", ["GB313"]),
    ],
)
def test_openshift_makes_the_certificate_that_a_service_asks_for(
    note: str, key: str, rules: list[str]
) -> None:
    assert found(POD.replace("KEY", key) + SERVICE.replace("NOTE", note)) == rules


@pytest.mark.parametrize(
    ("note", "rules"),
    [
        ("helm.sh/hook: test", []),
        ("argocd.argoproj.io/hook: PostSync", []),
        ("note: none", ["GB304", "GB305"]),
    ],
)
def test_hook_is_not_a_pod_behind_a_service(note: str, rules: list[str]) -> None:
    pod = POD.replace("{name: A, valueFrom: {secretKeyRef: {name: made, key: KEY}}}", "")
    assert found(pod + SERVICE.replace("NOTE", "") + TEST.replace("NOTE", note)) == rules


@pytest.mark.parametrize(
    ("value", "rules"),
    [
        ("op://shop/db/password", []),
        ("hunter22", ["GB401"]),
        ("secret://shop_token", []),
        ("awssm://shop/db", []),
        ("see op://shop", ["GB401"]),
    ],
)
def test_reference_to_a_vault_is_not_a_secret(value: str, rules: list[str]) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: 'VALUE'}\n"
    assert found(secret.replace("VALUE", value)) == rules


@pytest.mark.parametrize(
    ("kind", "config", "rules"),
    [
        ("cluster", '{"tlsClientConfig": {"insecure": false, "caData": "LS0t"}}', []),
        ("cluster", '{"tlsClientConfig": {"keyData": "LS0t"}}', ["GB401"]),
        ("cluster", '{"bearerToken": "abc", "tlsClientConfig": {}}', ["GB401"]),
        ("other", '{"tlsClientConfig": {"insecure": false}}', ["GB401"]),
    ],
)
def test_cluster_of_argo_cd_without_a_credential_is_not_a_secret(
    kind: str, config: str, rules: list[str]
) -> None:
    assert found(CLUSTER.replace("KIND", kind).replace("CONFIG", config)) == rules


@pytest.mark.parametrize(
    ("more", "rules"),
    [("type: git", []), ("githubAppID: '1'", []), ("password: hunter22", ["GB401"])],
)
@pytest.mark.parametrize("kind", ["repository", "repo-creds"])
def test_repository_of_argo_cd_without_a_credential_is_not_a_secret(
    kind: str, more: str, rules: list[str]
) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: here\n"
    secret += f"  labels: {{argocd.argoproj.io/secret-type: {kind}}}\n"
    assert found(f"{secret}stringData:\n  url: https://git.example.com/x.git\n  {more}\n") == rules
