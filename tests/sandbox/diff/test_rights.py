"""Rights that `diff` says grow are rights that a real API server gives then, and not before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.diff.rights import grown
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from bootstrap.resources.index import Resource
from tests.sandbox.argocd.test_wait import admin, ns
from tests.sandbox.kubernetes import SOON, delete, made

__all__ = ["admin", "ns"]  # fixtures

RBAC = "rbac.authorization.k8s.io"


def rule(verbs: str, resources: str, groups: str = "core", names: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {
        "verbs": verbs.split(),
        "resources": resources.split(),
        "apiGroups": ["" if one == "core" else one for one in groups.split()],
    }
    return {**found, "resourceNames": names.split()} if names else found


ROLES: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "reads": [rule("get", "secrets")],
    "lists": [rule("get list", "secrets")],
    "named": [rule("get", "secrets", names="one")],
    "everything-with-secrets": [rule("*", "secrets")],
    "all-of-core": [rule("get", "*")],
    "all-of-all": [rule("get", "*", "*")],
    "deployments": [rule("get update", "deployments", "apps")],
    "deployments-of-any-group": [rule("get update", "deployments", "*")],
    "scale-of-all": [rule("update", "*/scale", "*")],
    "scale": [rule("update", "deployments/scale", "apps")],
    "logs": [rule("get", "pods/log")],
    "logs-by-star": [rule("get", "pods/*")],
    "pods": [rule("get", "pods")],
    "path": [{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}],
    "paths": [{"verbs": ["get"], "nonResourceURLs": ["/metrics*"]}],
    "two-rules": [rule("get", "secrets"), rule("get update", "deployments", "apps")],
    "admin": [rule("*", "*", "*"), {"verbs": ["*"], "nonResourceURLs": ["*"]}],
}
QUESTIONS: list[dict[str, Any]] = [
    *(
        {
            "resourceAttributes": {
                "verb": verb,
                "group": group,
                "resource": kind,
                "subresource": part,
                "name": name,
            }
        }
        for verb, group, kind, part, name in (
            ("get", "", "secrets", "", "one"),
            ("get", "", "secrets", "", "two"),
            ("list", "", "secrets", "", ""),
            ("delete", "", "secrets", "", "two"),
            ("get", "", "configmaps", "", "one"),
            ("get", "apps", "deployments", "", "one"),
            ("update", "apps", "deployments", "", "one"),
            ("update", "other.example.com", "deployments", "", "one"),
            ("update", "apps", "deployments", "scale", "one"),
            ("update", "apps", "statefulsets", "scale", "one"),
            ("get", "", "pods", "", "one"),
            ("get", "", "pods", "log", "one"),
            ("create", "", "pods", "exec", "one"),
            ("get", "batch", "jobs", "", "one"),
        )
    ),
    *(
        {"nonResourceAttributes": {"verb": "get", "path": path}}
        for path in ("/metrics", "/metrics/x", "/logs")
    ),
]


def role(name: str) -> Resource:
    body = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": ROLES[name],
    }
    return Resource(body, "", "argocd/one")


@pytest.fixture
def allowed(admin: Cluster, ns: str) -> Iterator[dict[str, frozenset[int]]]:
    """Role → the questions that the API server answers with yes for who has it."""
    found = {}
    for name, rules in ROLES.items():
        own = f"{ns}-{name}"
        metadata = {"metadata": {"name": own}}
        subject = {"kind": "User", "apiGroup": RBAC, "name": own}
        reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": own}
        version = {"apiVersion": f"{RBAC}/v1"}
        kube.apply(
            admin,
            [
                made({**version, "kind": "ClusterRole", **metadata, "rules": rules}),
                made(
                    {
                        **version,
                        "kind": "ClusterRoleBinding",
                        **metadata,
                        "roleRef": reference,
                        "subjects": [subject],
                    }
                ),
            ],
        )
    deadline = time.monotonic() + SOON
    while not _may(admin, f"{ns}-admin", QUESTIONS[0]):  # the last one: then all others are known, too
        assert time.monotonic() < deadline, "the API server does not know the last binding"
        time.sleep(0.05)
    for name in ROLES:
        answers = [_may(admin, f"{ns}-{name}", one) for one in QUESTIONS]
        found[name] = frozenset(number for number, yes in enumerate(answers) if yes)
    yield found
    for name in ROLES:
        for kind in ("clusterrolebindings", "clusterroles"):
            delete(admin, f"/apis/{RBAC}/v1/{kind}/{ns}-{name}")


def _may(admin: Cluster, user: str, question: dict[str, Any]) -> bool:
    spec = {"user": user, **question}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    answer: Any = request(admin, "POST", path, "asking who may", body=json.dumps(body).encode()).data
    return bool(answer["status"]["allowed"])


def test_every_change_of_a_role_that_gives_more_is_told(allowed: dict[str, frozenset[int]]) -> None:
    silent, alarmed = [], []
    for before in ROLES:
        for after in ROLES:
            more = allowed[after] - allowed[before]
            told = grown(role(before), role(after))
            if more and not told:
                silent.append((before, after, [QUESTIONS[number] for number in sorted(more)]))
            elif told and not more and after != "logs-by-star":  # it grants nothing, which nobody expects
                alarmed.append((before, after, told))
    assert silent == []
    assert alarmed == []
    assert allowed["none"] == frozenset()
    assert len(allowed["admin"]) == len(QUESTIONS)
