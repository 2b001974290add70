"""What Git does not say is not an error: what someone may create, where a container may listen."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.validate import builtin_kinds
from bootstrap.validate.rule import ClusterContext
from bootstrap.validate.rules import configuration, gateways, services
from bootstrap.validate.rules.api import schema
from tests.validate.rules.world import resources

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{secretName: web-tls, hosts: [shop.example.com]}]
  rules: []
"""
GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  listeners: [{name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: web-tls}]}}]
"""
CLAIMANT = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: web}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""
CUSTOM = """\
---
apiVersion: example.com/v1
kind: Vault
metadata: {name: web}
"""
PORTS = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: TARGET}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
"""


def found(text: str, application: str, complete: bool = False) -> dict[str, str]:
    index = Index(resources(text, "web.yaml", application, "shop"))
    context = ClusterContext(index, complete)
    checks = (configuration.check, gateways.check, services.check)
    return {one.rule.id: one.severity for check in checks for one in check(index, context)}


@pytest.mark.parametrize(
    ("text", "rule"), [(INGRESS, "GB307"), (GATEWAY, "GB340"), (CLAIMANT, "GB315")], ids=lambda one: one[:5]
)
def test_folder_that_nothing_applies_may_need_what_is_made_by_hand(text: str, rule: str) -> None:
    assert rule not in found(text, "")
    assert found(text, "argocd/web")[rule] == "error"
    assert found(text, "", complete=True)[rule] == "error"


@pytest.mark.parametrize(("text", "rule"), [(INGRESS, "GB307"), (GATEWAY, "GB340")])
def test_certificate_that_a_custom_object_may_make_is_a_hint(text: str, rule: str) -> None:
    assert found(text + CUSTOM, "argocd/web")[rule] == "info"


@pytest.mark.parametrize(("target", "severity"), [("9090", "info"), ("htpp", "error")])
def test_container_may_listen_at_a_number_that_it_does_not_declare(target: str, severity: str) -> None:
    assert found(PORTS.replace("TARGET", target), "argocd/web")["GB304"] == severity


@pytest.mark.parametrize(
    ("version", "kind", "application", "says"),
    [
        ("v1beta1", "AgentConfig", "", []),
        ("v1beta1", "AgentConfig", "argocd/shop", ["v1beta1 has no kind AgentConfig"]),
        ("v1", "AgentConfig", "", ["v1 has no kind AgentConfig"]),
        ("v1beta1", "Ingress", "", ["v1beta1 has no kind Ingress; Ingress is in networking.k8s.io/v1"]),
    ],
)
def test_settings_of_an_installer_have_a_version_that_no_api_group_has(
    version: str, kind: str, application: str, says: list[str]
) -> None:
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web, namespace: shop}}\n"
    here = Index(resources(text, "web.yaml", application, "shop"))
    known = builtin_kinds.load(builtin_kinds.nearest((1, 34)))
    told = [one.message for one in schema.check(here, ClusterContext(here, False, schema=lambda: known))]
    assert told == [f"{kind} shop/web: {one}" for one in says]
