"""Pods that no NetworkPolicy restricts after a change are named, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.resources.index import Resource
from tests.diff.test_matters import PRUNING, one, told

FROM_WEB = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}


def policy(
    name: str, *types: str, selector: dict[str, Any] | None = None, **rules: list[dict[str, Any]]
) -> Resource:
    spec = {"podSelector": selector or {}, "policyTypes": list(types), **rules}
    return one("NetworkPolicy", name, version="networking.k8s.io/v1", spec=spec)


def app(name: str = "db") -> Resource:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": []}}
    return one("Deployment", name, version="apps/v1", spec={"template": template})


DB = {"matchLabels": {"app": "db"}}
DENY = policy("deny", "Ingress", "Egress")
DENY_IN = policy("deny", "Ingress")
OF_DB = policy("db", "Ingress", selector=DB, ingress=[FROM_WEB])
ALL = policy("all", "Ingress", selector=DB, ingress=[{}])


@pytest.mark.parametrize(
    ("before", "after", "about", "word"),
    [
        ([app(), OF_DB], [app()], "NetworkPolicy shop/db", "everything may connect to Deployment shop/db"),
        (
            [app(), DENY],
            [app(), DENY_IN],
            "NetworkPolicy shop/deny",
            "may be reached from Deployment shop/db",
        ),
        (
            [app(), DENY_IN],
            [app(), DENY_IN, ALL],
            "NetworkPolicy shop/all",
            "may connect to Deployment shop/db",
        ),
        (
            [app(), OF_DB],
            [app(), policy("db", "Ingress", selector=DB, ingress=[{}])],
            "NetworkPolicy shop/db",
            "everything may connect to Deployment shop/db",
        ),
        ([OF_DB], [], "NetworkPolicy shop/db", "everything may connect to pods that it selects"),
        ([app(), DENY_IN, OF_DB], [app(), OF_DB], "NetworkPolicy shop/deny", "may connect to other pods"),
    ],
)
def test_pods_that_are_open_from_now_on_are_named(
    before: list[Resource], after: list[Resource], about: str, word: str
) -> None:
    (line,) = told(before, after)
    assert line.startswith(f"rights: {about}: ")
    assert word in line
    assert told(after, before) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Another one still isolates the pods: fewer may connect.
        ([app(), DENY_IN, OF_DB], [app(), DENY_IN]),
        # The workload goes, too.
        ([app(), OF_DB], []),
        # It was open all along.
        ([app(), DENY_IN, ALL], [app(), DENY_IN, ALL, OF_DB]),
        ([app(), ALL], [app()]),
    ],
)
def test_what_stays_fenced_is_no_matter(before: list[Resource], after: list[Resource]) -> None:
    assert told(before, after) == []


def test_a_policy_that_stays_in_the_cluster_still_fences() -> None:
    stays, open_ = told([app(), OF_DB], [app()], {})
    assert stays.startswith("deletes: NetworkPolicy shop/db: it stays until somebody syncs with pruning")
    assert "once it is deleted, everything may connect to Deployment shop/db" in open_
    kept = policy("db", "Ingress", selector=DB, ingress=[FROM_WEB])
    kept.body["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": "Prune=false"}
    (line,) = told([app(), kept], [app()], PRUNING)
    assert line.startswith("deletes: ")


def test_pods_that_a_policy_no_longer_selects_are_named() -> None:
    other = app()
    other.body["spec"]["template"]["metadata"]["labels"] = {"app": "database"}
    lines = [line for line in told([app(), OF_DB], [other, OF_DB]) if line.startswith("rights: ")]
    assert lines == [
        "rights: Deployment shop/db: everything may connect to Deployment shop/db: "
        "no NetworkPolicy restricts ingress there now"
    ]
