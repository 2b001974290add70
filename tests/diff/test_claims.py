"""A claim under another name is an empty volume."""

from __future__ import annotations

from typing import Any

from bootstrap.diff.claims import emptied
from bootstrap.diff.compare import Key
from bootstrap.resources.index import Resource


def claim(name: str, **spec: Any) -> Resource:
    body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}}
    return Resource({**body, "spec": {"accessModes": ["ReadWriteOnce"], **spec}}, "shop", "argocd/shop")


def deployment(name: str, claim: str) -> Resource:
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": claim}},
        {"name": "tmp", "emptyDir": {}},
    ]
    spec = {"template": {"spec": {"containers": [{"name": "x", "image": "x:1"}], "volumes": volumes}}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    return Resource(body, "shop", "argocd/shop")


def told(before: list[Resource], after: list[Resource]) -> list[str]:
    def side(resources: list[Resource]) -> dict[Key, Resource]:
        return {("default", one.kind, one.namespace, one.name): one for one in resources}

    return [f"{one}: {text}" for one, text in emptied(side(before), side(after))]


def test_a_workload_that_gets_another_claim_starts_empty() -> None:
    before, after = [deployment("web", "old"), claim("old")], [deployment("web", "new"), claim("new")]
    assert told(before, after) == [
        "Deployment shop/web: volume data: claim old → new; what is in old is not moved"
    ]
    assert told(before, [deployment("web", "old"), claim("old"), claim("new")]) == []


def test_a_renamed_claim_is_new_and_empty_where_its_workload_has_another_name_too() -> None:
    before, after = [deployment("one", "old"), claim("old")], [deployment("two", "new"), claim("new")]
    (line,) = told(before, after)
    assert line.startswith("PersistentVolumeClaim shop/new: it is new and empty, and old is no longer in Git")
    assert told([claim("old")], [claim("new", storageClassName="fast")]) == [], "another kind of claim"
    assert told([], [claim("new")]) == []


def test_what_has_data_begins_empty_in_another_cluster() -> None:
    stateful = Resource(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "db"},
            "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
        },
        "shop",
        "argocd/shop",
    )

    def side(cluster: str) -> dict[Key, Resource]:
        found = (claim("data"), stateful, deployment("web", "data"))
        return {(f"default {cluster}", one.kind, one.namespace, one.name): one for one in found}

    assert [f"{one}: {text}" for one, text in emptied(side("https://one"), side("https://two"))] == [
        f"{one}: it begins empty in cluster https://two: its data in https://one is not moved"
        for one in ("PersistentVolumeClaim shop/data", "StatefulSet shop/db")
    ]
