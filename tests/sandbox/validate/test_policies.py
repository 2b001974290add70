"""ValidatingAdmissionPolicies: the API server denies what we say that it denies."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from bootstrap.cel.evaluator import Evaluator
from bootstrap.cel.process import library
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from tests.sandbox.validate.admission import applied, created, until
from tests.validate.admission.policed import CASES, Policed
from tests.validate.admission.test_policies import asked, policy

pytestmark = pytest.mark.skipif(library() is None, reason="cel-expr-python has no wheel for this Python")
START = f"judged-{secrets.token_hex(3)}"
PLACES = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
}


def own(case: Policed, namespace: str) -> Policed:
    """The case in a namespace of its own, and its policy bound to that alone."""
    text = json.dumps([case.policy, case.objects, case.binding, case.params])
    policy_, objects, binding, params = json.loads(text.replace('"judged"', f'"{namespace}"'))
    here = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [namespace]}
    selector = binding.setdefault("matchResources", {}).setdefault("namespaceSelector", {})
    selector["matchExpressions"] = [here]
    return Policed(policy_, [(body, said) for body, said in objects], binding, tuple(params))


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as one:
        yield one


@pytest.fixture(scope="module")
def cases(admin: Cluster) -> Iterator[dict[str, Policed]]:
    """Every case, in effect: each denies what it must deny."""
    made = {name: own(case, f"{START}-{number}") for number, (name, case) in enumerate(CASES.items())}
    names = [f"{START}-{number}" for number in range(len(made))]
    labels = {"tier": "test"}
    head = {"apiVersion": "v1", "kind": "Namespace"}
    with applied(admin, [{**head, "metadata": {"name": name, "labels": labels}} for name in names]):
        for name, case in zip(names, made.values(), strict=True):
            for params in case.params:
                place = PLACES["ConfigMap"].format(name)
                request(admin, "POST", place, "creating", body=json.dumps(params).encode())
        policies = [policy(case, name=name) for name, case in zip(names, made.values(), strict=True)]
        with applied(admin, [body for bodies in policies for body in bodies]):
            for case in made.values():
                for body, expected in case.objects:
                    if expected:
                        until(bool, lambda body=body: said(admin, body))  # type: ignore[misc]
            yield made


def said(admin: Cluster, body: dict[str, Any]) -> str:
    return created(admin, PLACES[body["kind"]].format(body["metadata"]["namespace"]), body)[0]


@pytest.mark.parametrize("name", CASES)
def test_the_api_server_says_the_same(
    admin: Cluster, evaluator: Evaluator, cases: dict[str, Policed], name: str
) -> None:
    case = cases[name]
    for body, expected in case.objects:
        theirs = said(admin, body)
        namespace = body["metadata"]["namespace"]
        found = [
            one for _, _, one in asked(evaluator, case, body, namespace=namespace) if "/limits" not in one
        ]
        assert bool(theirs) == bool(found) == bool(expected), (body, theirs, found)
        assert expected in theirs
