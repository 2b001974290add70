"""What other programs read in their own way: actions of AWS load balancers, names of Secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bootstrap.repository.faults import is_unfilled
from bootstrap.validate.rules import configuration, credentials, services
from tests.validate.rules.asking import ask

INGRESS_OF = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {NOTES}}
spec:
  rules:
    - host: shop.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: canary, port: {name: PORT}}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: stable}
spec: {ports: [{name: http, port: 80}]}
"""


def action(**fields: Any) -> str:
    return f"alb.ingress.kubernetes.io/actions.canary: '{json.dumps(fields)}'"


def forward(service: str, port: Any) -> str:
    return action(
        type="forward", forwardConfig={"targetGroups": [{"serviceName": service, "servicePort": port}]}
    )


REDIRECT = action(type="redirect", redirectConfig={"protocol": "HTTPS", "statusCode": "HTTP_301"})


@pytest.mark.parametrize(
    ("notes", "port", "rules"),
    [
        (forward("stable", 80), "use-annotation", ["GB384"]),
        (forward("stable", "80"), "use-annotation", ["GB384"]),
        (forward("stable", "http"), "use-annotation", ["GB384"]),
        (forward("stable", 81), "use-annotation", ["GB384", "GB302"]),
        (forward("stabel", 80), "use-annotation", ["GB301"]),
        (REDIRECT, "use-annotation", []),
        ("note: none", "use-annotation", ["GB301"]),  # no such action
        (forward("stable", 80), "http", ["GB301"]),
    ],
)
def test_action_of_an_aws_load_balancer_leads_to_its_own_services(
    notes: str, port: str, rules: list[str]
) -> None:
    text = INGRESS_OF.replace("{NOTES}", f"{{{notes}}}").replace("PORT", port)
    assert [one.rule.id for one in ask(services.check, text)] == rules


def config(key: str, value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata: {{{key}: {value}}}\n"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("GIT_SYNC_CREDENTIALS_SECRET", "git-vars", False),
        ("OPERATOR_SECRET", "operator", False),
        ("OPERATOR_SECRET", "flyteadmin", True),
        ("OPERATOR_SECRET", "git-vars2", True),
        ("CLIENT_SECRET", "git-vars", True),
        ("DB_PASSWORD", "git-vars", True),
    ],
)
def test_variable_for_a_secret_may_contain_its_name(key: str, value: str, told: bool) -> None:
    assert [one.rule.id for one in ask(credentials.check, config(key, value))] == (["GB402"] if told else [])


@pytest.mark.parametrize(
    ("text", "unfilled"),
    [
        ("kind: AppProject\nspec:\n<#if config.active??>\n  a: b\n</#if>\n", True),
        ("kind: ClusterRoleBinding\nmetadata:\n  name: ##NAME##\n", True),
        ("kind: ClusterRoleBinding\nmetadata:\n  name: @@NAME@@\n", True),
        ("kind: ConfigMap\ndata:\n  # ##NAME## is filled in\n  a: '##NAME##'\n", False),
        ("kind: ConfigMap\nmetadata:\n  name: ## a heading ##\n", False),
    ],
)
def test_marks_of_other_template_languages(text: str, unfilled: bool) -> None:
    assert is_unfilled(text.encode()) is unfilled


USES = """apiVersion: apps/v1
kind: Deployment
metadata: {name: webhook}
spec:
  template:
    spec:
      containers: [{name: webhook, image: webhook:1}]
      volumes: [{name: certs, secret: {secretName: NAME}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: operator}
spec: {template: {spec: {containers: [{name: operator, image: operator:1, args: [ARGUMENT]}]}}}
"""


@pytest.mark.parametrize(
    ("name", "argument", "severity"),
    [
        ("webhook-certs", "--enable-cert-rotation=true", "info"),
        ("webhook-certs", "--enable-cert-rotation", "info"),
        ("webhook-certs", "--enable-cert-rotation=false", None),
        ("webhook-certs", "--cert-secret-name=webhook-certs", "info"),
        ("webhook-certs", "--cert-secret-name=other-certs", None),
        ("login", "--enable-cert-rotation=true", None),
        ("login", "--secret-name=login", None),
    ],
)
def test_operator_issues_the_certificate_that_its_arguments_name(
    name: str, argument: str, severity: str | None
) -> None:
    (found,) = ask(configuration.check, USES.replace("NAME", name).replace("ARGUMENT", argument))
    assert (found.rule.id, found.level) == ("GB313", severity)
    assert ("Deployment shop/operator may create it" in found.message) is (severity == "info")
