"""ValidatingAdmissionPolicies of the repository are asked about what it applies, as on create."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cel.evaluator import Evaluator
from bootstrap.cel.process import library
from bootstrap.resources.index import Index
from bootstrap.validate.admission.policy_findings import problems
from tests.conftest import Run
from tests.repositories import OURS, write
from tests.validate.admission.policed import CASES, LABEL, PODS, Policed, config, demands, deployment, one
from tests.validate.rules.world import resources

pytestmark = pytest.mark.skipif(library() is None, reason="cel-expr-python has no wheel for this Python")


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as made:
        yield made


def policy(case: Policed, actions: tuple[str, ...] = ("Deny",), name: str = "p") -> list[dict[str, Any]]:
    about = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    binding = {"policyName": name, "validationActions": list(actions), **case.binding}
    return [
        {**about, "kind": "ValidatingAdmissionPolicy", "spec": case.policy},
        {**about, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    ]


def asked(
    evaluator: Evaluator, case: Policed, body: dict[str, Any], *actions: str, namespace: str = "judged"
) -> list[tuple[str, str, str]]:
    labelled = {"name": namespace, "labels": {"tier": "test"}}
    there = [{"apiVersion": "v1", "kind": "Namespace", "metadata": labelled}] if namespace else []
    objects = [*there, *case.params, *policy(case, actions or ("Deny",)), body]
    index = Index(resources("\n---\n".join(map(json.dumps, objects)), "shop.yaml", "argocd/shop", "judged"))
    return [(each.rule.id, each.severity, each.message) for each in problems(index, evaluator)]


@pytest.mark.parametrize("name", CASES)
def test_a_policy_is_asked_about_what_it_matches(evaluator: Evaluator, name: str) -> None:
    case = CASES[name]
    for body, expected in case.objects:
        found = asked(evaluator, case, body)
        found = [each for each in found if "ConfigMap judged/limits" not in each[2]]
        if expected:
            [(rule, severity, message)] = found
            assert (rule, severity) == ("GB144", "error"), message
            assert expected in message
        else:
            assert found == []


@pytest.mark.parametrize(
    ("actions", "severity"),
    [(("Deny",), "error"), (("Warn", "Audit"), "warning"), (("Audit",), "info")],
)
def test_the_action_of_the_binding_says_how_severe_it_is(
    evaluator: Evaluator, actions: tuple[str, ...], severity: str
) -> None:
    case = CASES["an object that breaks it"]
    assert [each[:2] for each in asked(evaluator, case, config(), *actions)] == [("GB144", severity)]


def test_of_several_bindings_the_strictest_one_counts(evaluator: Evaluator) -> None:
    case = CASES["an object that breaks it"]
    objects = [
        *policy(case, ("Audit",)),
        *policy(case, ("Deny",))[1:],
        *policy(case, ("Warn",))[1:],
        config(),
    ]
    for number, body in enumerate(objects[1:4]):
        body["metadata"] = {"name": f"b{number}"}
    index = Index(resources("\n---\n".join(map(json.dumps, objects)), "shop.yaml", "argocd/shop", "judged"))
    assert [each.severity for each in problems(index, evaluator)] == ["error"]


def test_pods_of_a_workload_are_asked_about_too(evaluator: Evaluator) -> None:
    case = Policed(demands(one("!object.spec.?hostNetwork.orValue(false)", "host network"), rules=PODS), [])
    [(rule, _, message)] = asked(evaluator, case, deployment(hostNetwork=True))
    assert rule == "GB144"
    assert "denies the pods of Deployment judged/web: host network" in message


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("authorizer.group('').resource('pods').check('get').allowed()", "who asks"),
        ("request.userInfo.username == 'a'", "who asks"),
        ("object.metadata.uid != ''", "no such key: uid"),
        ("object.data.x.find('[[:alpha:]]') == ''", "no such key: x"),
    ],
)
def test_what_git_does_not_tell_is_unknown(evaluator: Evaluator, expression: str, reason: str) -> None:
    case = Policed(demands(one(expression), failurePolicy="Ignore"), [])
    found = asked(evaluator, case, config())
    if "find" in expression:  # an error, which this policy ignores
        assert found == []
        return
    [(rule, severity, message)] = found
    assert (rule, severity) == ("GB145", "info")
    assert reason in message


def test_labels_of_a_namespace_outside_of_git_are_unknown(evaluator: Evaluator) -> None:
    case = CASES["a namespace selector that fits"]
    [(rule, _, message)] = asked(evaluator, case, config(), namespace="")
    assert rule == "GB145"
    assert "the labels of the namespace judged are not in Git" in message
    by_name = CASES["a namespace selector"]
    assert asked(evaluator, by_name, config(), namespace="") == []


def test_a_policy_without_a_binding_is_not_asked(evaluator: Evaluator) -> None:
    case = replace(CASES["an object that breaks it"], binding={"policyName": "another"})
    assert asked(evaluator, case, config()) == []


@pytest.mark.usefixtures("cache")
def test_validate_tells_it_at_the_object(run: Run, tmp_path: Path) -> None:
    rules = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["services"]}
    objects = policy(Policed(demands(LABEL, rules=rules), []))
    files = {
        "apps/shop/base/policy.yaml": "\n---\n".join(map(json.dumps, objects)),
        "apps/shop/base/kustomization.yaml": "resources: [shop.yaml, policy.yaml]\n",
    }
    root = write(tmp_path, OURS, files)
    for _ in range(2):
        findings = json.loads(run("validate", str(root), "--rules", "GB144", "-o", "json").out)["findings"]
        assert [(one["file"], one["message"]) for one in findings] == [
            (
                "apps/shop/base/shop.yaml",
                "ValidatingAdmissionPolicy p denies Service shop-dev/web: no team",
            )
        ]
