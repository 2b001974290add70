"""Containers have what ResourceQuotas ask for, and are within LimitRanges, with what these fill in."""

from __future__ import annotations

import pytest

from bootstrap.validate.rules.api import quota
from tests.validate.rules.asking import ask

TEXT = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web, resources: RESOURCES}]}
---
apiVersion: v1
kind: KIND
metadata: {name: all}
spec: SPEC
"""
LIMITS = "{limits: [{type: Container, WHAT}]}"
MOST = LIMITS.replace("WHAT", "max: {memory: 1Gi}")
LEAST = LIMITS.replace("WHAT", "min: {cpu: 100m}")


@pytest.mark.parametrize(
    ("kind", "spec", "resources", "says"),
    [
        ("ResourceQuota", "{hard: {requests.cpu: 1}}", "{}", "requires requests.cpu"),
        ("ResourceQuota", "{hard: {cpu: 1}}", "{}", "requires requests.cpu"),
        ("ResourceQuota", "{hard: {requests.cpu: 1}}", "{requests: {cpu: 10m}}", ""),
        ("ResourceQuota", "{hard: {requests.cpu: 1}}", "{limits: {cpu: 10m}}", ""),  # taken for the request
        (
            "ResourceQuota",
            "{hard: {limits.memory: 1Gi}}",
            "{requests: {memory: 1Mi}}",
            "requires limits.memory",
        ),
        ("ResourceQuota", "{hard: {pods: 1}}", "{}", ""),
        ("ResourceQuota", "{hard: {cpu: 1}, scopes: [BestEffort]}", "{}", ""),
        (
            "LimitRange",
            LIMITS.replace("WHAT", "max: {memory: 1Gi}"),
            "{limits: {memory: 2Gi}}",
            "at most 1Gi",
        ),
        ("LimitRange", MOST, "{limits: {memory: 1024Mi}}", ""),
        ("LimitRange", MOST, "{}", ""),
        (
            "LimitRange",
            LIMITS.replace("WHAT", "min: {cpu: 100m}"),
            "{requests: {cpu: 50m}}",
            "requires at least 100m",
        ),
        ("LimitRange", LEAST, "{requests: {cpu: 0.1}}", ""),
        ("LimitRange", "{limits: [{type: Pod, max: {cpu: 1}}]}", "{limits: {cpu: 2}}", ""),
    ],
)
def test_admission_of_the_namespace(kind: str, spec: str, resources: str, says: str) -> None:
    text = TEXT.replace("RESOURCES", resources).replace("KIND", kind).replace("SPEC", spec)
    found = [one.message for one in ask(quota.check, text)]
    assert any(says in one for one in found) if says else found == []


def test_limit_range_fills_in_what_a_quota_asks_for() -> None:
    text = (
        TEXT.replace("RESOURCES", "{}").replace("KIND", "ResourceQuota").replace("SPEC", "{hard: {cpu: 1}}")
    )
    default = LIMITS.replace("WHAT", "defaultRequest: {cpu: 10m}")
    given = f"---\napiVersion: v1\nkind: LimitRange\nmetadata: {{name: all}}\nspec: {default}\n"
    assert len(ask(quota.check, text)) == 1
    assert ask(quota.check, text + given) == []
