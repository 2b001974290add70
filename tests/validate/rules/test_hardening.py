"""The group `hardening`: what each rule finds, what it is silent about, and that it is off by default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bootstrap.validate.rules.hardening import availability, containers, rights
from bootstrap.validate.ruleset import RULES, choose
from tests.conftest import Run
from tests.repositories import OURS, write
from tests.validate.rules.asking import ask

GROUP = frozenset({"hardening"})
SAFE: dict[str, Any] = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def workload(security: dict[str, Any] | None = None, kind: str = "Deployment", **spec: Any) -> str:
    pod = {"automountServiceAccountToken": False, **spec.pop("pod", {})}
    container = {"name": "web", "image": "x:1", "securityContext": SAFE if security is None else security}
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {**pod, "containers": [{**container, **spec.pop("container", {})}]},
    }
    body = {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    return json.dumps({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": body})


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in SAFE.items() if name != key}


def found(module: Any, *texts: str, **context: Any) -> list[str]:
    return [one.rule.id for one in ask(module.check, "\n---\n".join(texts), groups=GROUP, **context)]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (workload(), []),
        (workload(without("runAsNonRoot")), ["GB501"]),
        (workload({**SAFE, "runAsUser": 0}), ["GB501"]),
        (workload({**without("runAsNonRoot"), "runAsUser": 1000}), []),
        (workload(without("runAsNonRoot"), pod={"securityContext": {"runAsNonRoot": True}}), []),
        (workload(without("allowPrivilegeEscalation")), ["GB502"]),
        (workload(without("readOnlyRootFilesystem")), ["GB503"]),
        (workload(without("capabilities")), ["GB504"]),
        (workload({**SAFE, "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}), ["GB504"]),
        (workload({**SAFE, "capabilities": {"drop": ["all"], "add": ["NET_BIND_SERVICE"]}}), []),
        (workload(without("seccompProfile")), ["GB505"]),
        (workload({**SAFE, "seccompProfile": {"type": "Unconfined"}}), ["GB505"]),
        (
            workload(
                without("seccompProfile"),
                pod={"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
            ),
            [],
        ),
        (workload(container={"ports": [{"containerPort": 80, "hostPort": 80}]}), ["GB506"]),
        (workload(pod={"automountServiceAccountToken": True}), ["GB507"]),
        (workload(pod={"automountServiceAccountToken": None, "serviceAccountName": "web"}), []),
        (workload(None, pod={"os": {"name": "windows"}}, container={"securityContext": {}}), []),
    ],
)
def test_what_containers_may_do(text: str, rules: list[str]) -> None:
    assert found(containers, text) == rules


def role(verbs: list[str], resources: list[str], groups: list[str] | None = None, **more: Any) -> str:
    rule = {
        "apiGroups": groups if groups is not None else [""],
        "resources": resources,
        "verbs": verbs,
        **more,
    }
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}}
    return json.dumps({**head, "rules": [rule]})


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (role(["get", "list"], ["pods"]), []),
        (role(["*"], ["pods"]), ["GB511"]),
        (role(["get"], ["*"]), ["GB511"]),
        (role(["get"], ["secrets"]), ["GB512"]),
        (role(["get"], ["secrets"], resourceNames=["one"]), []),
        (role(["get"], ["secrets"], ["example.com"]), []),
        (role(["create"], ["secrets"]), []),
        (role(["create"], ["pods/exec"]), ["GB513"]),
        (role(["escalate"], ["roles"], ["rbac.authorization.k8s.io"]), ["GB514"]),
        (role(["create"], ["serviceaccounts/token"]), ["GB514"]),
        (role(["impersonate"], ["users"], resourceNames=["one"]), []),
    ],
)
def test_what_roles_allow(text: str, rules: list[str]) -> None:
    assert found(rights, text) == rules


BUDGET = """{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web},
 spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}}"""
POLICY = """{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: web},
 spec: {podSelector: {}, policyTypes: [Ingress]}}"""
SCALER = """{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web},
 spec: {minReplicas: 2, maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: web}}}"""
CILIUM = "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: web}, spec: {}}"
SPREAD = {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname"}]}


@pytest.mark.parametrize(
    ("texts", "rules"),
    [
        ([workload(), POLICY], []),
        ([workload()], ["GB523"]),
        ([workload(), CILIUM], []),
        ([workload(), POLICY.replace("Ingress", "Egress")], ["GB523"]),
        ([workload(replicas=2), POLICY], ["GB521", "GB522"]),
        ([workload(), SCALER, POLICY], ["GB521", "GB522"]),
        ([workload(replicas=2), POLICY, BUDGET], ["GB522"]),
        ([workload(replicas=2, pod=SPREAD), POLICY, BUDGET], []),
        ([workload(replicas=2, pod=SPREAD), POLICY, BUDGET.replace("app: web", "app: other")], ["GB521"]),
    ],
)
def test_what_keeps_a_service_up(texts: list[str], rules: list[str]) -> None:
    assert found(availability, *texts) == rules


def test_what_something_unread_may_bring_is_not_missing() -> None:
    assert found(availability, workload(replicas=2), opaque=["shop"]) == []


@pytest.mark.usefixtures("cache")
def test_the_group_is_off_until_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS)
    hardening = {rule.id for rule in RULES.values() if rule.group == "hardening"}

    def rules(*more: str) -> set[str]:
        findings = json.loads(run("validate", str(root), *more, "-o", "json").out)["findings"]
        return {one["rule"] for one in findings}

    assert rules() == set()
    assert {"GB501", "GB503", "GB523"} <= rules("--group", "hardening") <= hardening
    assert rules("--rules", "GB501") == {"GB501"}
    write(root, {"bootstrap.yaml": "checks: {groups: [hardening], off: [GB523]}\n"})
    assert "GB501" in rules()
    assert "GB523" not in rules()
    write(root, {"bootstrap.yaml": "checks: {groups: [hardened]}\n"})
    assert rules() == {"GB111"}


def test_a_group_that_is_off_keeps_its_rules_out() -> None:
    assert not {rule for rule in choose(None) if rule.startswith("GB5")}
    assert not {rule for rule in choose("GB") if rule.startswith("GB5")}
    assert choose("GB501,GB301") == {"GB501", "GB301"}
    assert {rule for rule in choose(None, groups=("hardening",)) if rule.startswith("GB5")}
