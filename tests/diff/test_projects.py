"""What a project permits from now on is named; tests/sandbox/diff asks a real Argo CD."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.diff.rights import grown, moved
from bootstrap.resources.index import Resource


def project(**spec: Any) -> Resource:
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "shop"}}
    return Resource({**body, "spec": spec}, "argocd")


def place(namespace: str, server: str = "https://kubernetes.default.svc") -> dict[str, str]:
    return {"server": server, "namespace": namespace}


def kind(name: str, group: str = "") -> dict[str, str]:
    return {"group": group, "kind": name}


def role(*policies: str, groups: tuple[str, ...] = ()) -> dict[str, Any]:
    lines = [f"p, proj:shop:dev, {one}" for one in policies]
    return {"roles": [{"name": "dev", "policies": lines, "groups": list(groups)}]}


ALL = {"clusterResourceWhitelist": [kind("*", "*")]}


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (
            {"sourceRepos": ["https://git.example.com/team-*"]},
            {"sourceRepos": ["*"]},
            "reads *",
        ),
        (
            {"sourceRepos": ["*", "!https://git.example.com/*"]},
            {"sourceRepos": ["*"]},
            "reads https://git.example.com/*, which was refused",
        ),
        (
            {"destinations": [place("team-*")]},
            {"destinations": [place("*")]},
            "deploys to namespace * of https://kubernetes.default.svc",
        ),
        (
            {"destinations": [place("*"), place("!kube-system")]},
            {"destinations": [place("*")]},
            "deploys to namespace kube-system of https://kubernetes.default.svc, which was refused",
        ),
        (
            {**ALL, "clusterResourceBlacklist": [kind("ClusterRole", "rbac.authorization.k8s.io")]},
            ALL,
            "applies cluster-scoped rbac.authorization.k8s.io ClusterRole, which was refused",
        ),
        (
            {"namespaceResourceBlacklist": [kind("Secret"), kind("ResourceQuota")]},
            {"namespaceResourceBlacklist": [kind("Secret")]},
            "applies core ResourceQuota, which was refused",
        ),
        (
            {"namespaceResourceWhitelist": [kind("ConfigMap")]},
            {},
            "applies every kind that has a namespace",
        ),
        (
            {"clusterResourceWhitelist": [{**kind("Namespace"), "name": "team-*"}]},
            {"clusterResourceWhitelist": [kind("Namespace")]},
            "applies cluster-scoped core Namespace",
        ),
        (
            role("applications, get, shop/*, allow"),
            role("applications, *, shop/*, allow"),
            "role dev may * applications shop/*",
        ),
        (
            role("applications, *, shop/*, allow", "applications, delete, shop/*, deny"),
            role("applications, *, shop/*, allow"),
            "role dev may delete applications shop/*, which was refused",
        ),
        (role(), role(groups=("everybody",)), "role dev for everybody"),
        (
            {"sourceNamespaces": ["team-a"]},
            {"sourceNamespaces": ["team-*"]},
            "has Applications of namespace team-*",
        ),
        ({"permitOnlyProjectScopedClusters": True}, {}, "deploys to clusters that are not the project's own"),
        ({"signatureKeys": [{"keyID": "A"}]}, {}, "takes commits without a signature"),
    ],
)
def test_what_a_project_permits_from_now_on_is_named(
    before: dict[str, Any], after: dict[str, Any], says: str
) -> None:
    assert grown(project(**before), project(**after)) == says
    assert grown(project(**after), project(**before)) == ""


def test_what_an_application_may_do_in_another_project_is_named() -> None:
    """Without what the project's roles may: these are other people's."""
    narrow = project(sourceRepos=["https://git.example.com/a"], destinations=[place("team-a")])
    wide = project(
        **role("applications, *, shop/*, allow"), sourceRepos=["*"], destinations=[place("team-a")]
    )
    assert moved(narrow, wide) == "reads *"
    assert moved(wide, narrow) == ""
    assert moved(None, wide) == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            {"sourceRepos": ["*"]},
            {"sourceRepos": ["https://git.example.com/a", "https://git.example.com/b*"]},
        ),
        ({"sourceRepos": ["https://git.example.com/A.git"]}, {"sourceRepos": ["https://git.example.com/a"]}),
        ({"destinations": [place("team-*")]}, {"destinations": [place("team-a"), place("team-[bc]")]}),
        # A name is another word for the same cluster.
        ({"destinations": [place("a")]}, {"destinations": [{"name": "in-cluster", "namespace": "a"}]}),
        ({}, {"namespaceResourceWhitelist": [kind("ConfigMap")]}),
        (role("applications, *, *, allow"), role("applications, sync, shop/*, allow")),
    ],
)
def test_what_a_project_permitted_all_along_is_not(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert grown(project(**before), project(**after)) == ""


def test_what_one_rule_names_and_another_one_refused_by_a_pattern_is_found() -> None:
    """As a real Argo CD answers, too: the new policy is narrower, and nothing denies it any more."""
    before = role("applications, *, shop/*, allow", "applications, delete, shop/*, deny")
    after = role("applications, *, shop/web, allow")
    said = "role dev may * applications shop/web; role dev may delete applications shop/*, which was refused"
    assert grown(project(**before), project(**after)) == said
    assert grown(project(**after), project(**before)) == "role dev may * applications shop/*"


def test_a_project_of_many_rules_is_compared() -> None:
    places = [place(f"{letter}-{number}-*") for letter in "abcdef" for number in range(20)]
    before, after = {"destinations": places}, {"destinations": [*places, place("g-*")]}
    assert grown(project(**before), project(**after)).startswith("deploys to namespace g-* of")
    assert grown(project(**after), project(**before)) == ""


def test_a_rule_that_refuses_permits_all_else() -> None:
    before = {"sourceRepos": ["https://git.example.com/*"]}
    after = {"sourceRepos": [*before["sourceRepos"], "!https://git.example.com/secret"]}
    assert grown(project(**before), project(**after)) == "reads everything but https://git.example.com/secret"
