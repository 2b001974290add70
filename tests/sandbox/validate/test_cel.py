"""The API server evaluates the same expressions: what it says is what we say."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest

from bootstrap.cel.evaluator import Evaluation, Evaluator
from bootstrap.cel.process import library
from bootstrap.kube import Cluster
from bootstrap.kube.crds import wait_until_served
from tests.cel.expressions import SCHEMA, SELF, TRUE
from tests.sandbox.kubernetes import made
from tests.sandbox.validate.admission import applied, created, until

pytestmark = pytest.mark.skipif(library() is None, reason="cel-expr-python has no wheel for this Python")


def definition(group: str, schema: dict[str, Any]) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Judged", "plural": "judgeds", "singular": "judged", "listKind": "JudgedList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"judgeds.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def policy(group: str, expressions: dict[str, str]) -> list[dict[str, Any]]:
    """A policy with many expressions, and a binding that warns of each that is not true."""
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["*"]}
    validations = [{"expression": one, "message": name} for name, one in expressions.items()]
    about = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": group}}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": validations}
    binding = {"policyName": group, "validationActions": ["Warn"]}
    return [
        {**about, "kind": "ValidatingAdmissionPolicy", "spec": spec},
        {**about, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    ]


def test_the_api_server_says_the_same_of_every_expression(admin: Cluster) -> None:
    group = f"t{secrets.token_hex(4)}.example.com"
    named = {f"e{number:03}": one for number, one in enumerate([*TRUE, "self.a == 2"])}
    asked = {name: re.sub(r"\bself\b", "object.spec", one) for name, one in named.items()}
    body = {"apiVersion": f"{group}/v1", "kind": "Judged", "metadata": {"name": "a"}}
    path = f"/apis/{group}/v1/namespaces/default/judgeds"
    with applied(admin, [definition(group, {"type": "object", "properties": {"spec": SCHEMA}})]):
        wait_until_served(admin, made(body))
        with applied(admin, policy(group, asked)):
            said = until(bool, lambda: created(admin, path, {**body, "spec": SELF})[1])
    theirs = {named[name] for name in re.findall(r"\be\d{3}\b", said)}
    with Evaluator() as evaluator:
        answers = evaluator.ask(
            [[Evaluation(one, {"self": "dyn"}, {"self": SELF})] for one in named.values()]
        )
    ours = {one for one, [answer] in zip(named.values(), answers, strict=True) if answer.value is not True}
    assert theirs == ours == {"self.a == 2"}
