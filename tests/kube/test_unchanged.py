"""A document is surely unchanged only when the server would leave the object as it is."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.kube.unchanged import surely_unchanged

DOCUMENT = {
    "apiVersion": "example.com/v1",
    "kind": "Thing",
    "metadata": {"name": "a", "labels": {"app": "a"}},
    "spec": {"scope": "Namespaced", "versions": [{"name": "v1", "served": True}], "on": True, "count": 1},
}
OWNED = {
    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
    "f:spec": {"f:scope": {}, "f:versions": {}, "f:on": {}, "f:count": {}},
}


def live(owned: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    entry = {"manager": "bootstrap", "operation": "Apply", "apiVersion": "example.com/v1"}
    status = {**entry, "subresource": "status", "fieldsV1": {"f:status": {"f:x": {}}}}
    theirs = {**entry, "manager": "somebody", "fieldsV1": {"f:spec": {"f:theirs": {}}}}
    return {
        **DOCUMENT,
        "metadata": {
            "name": "a",
            "namespace": "n",
            "uid": "u",
            "labels": {"app": "a", "theirs": "1"},
            "managedFields": [{**entry, "fieldsV1": owned or OWNED}, status, theirs],
        },
        "spec": {**DOCUMENT["spec"], "default": "filled in", "theirs": 1, **spec},  # type: ignore[dict-item]
        "status": {"x": 1},
    }


def test_values_that_are_there_already_change_nothing() -> None:
    assert surely_unchanged(DOCUMENT, live())


@pytest.mark.parametrize(
    "spec",
    [
        {"scope": "Cluster"},
        {"versions": [{"name": "v1", "served": True, "default": 1}]},
        {"versions": []},
        {"on": 1},
        {"on": "true"},
        {"count": "1"},
        {"count": 1.0},
    ],
)
def test_any_other_value_is_left_to_the_server(spec: dict[str, Any]) -> None:
    assert not surely_unchanged(DOCUMENT, live(**spec))


def test_field_that_we_own_and_no_longer_want_is_a_change() -> None:
    owned = {**OWNED, "f:spec": {**OWNED["f:spec"], "f:default": {}}}
    assert not surely_unchanged(DOCUMENT, live(owned))
    owned = {**OWNED, "f:metadata": {"f:labels": {"f:app": {}, "f:theirs": {}}}}
    assert not surely_unchanged(DOCUMENT, live(owned))


def test_fields_inside_a_list_that_is_equal_are_there() -> None:
    owned = {"f:spec": {"f:versions": {'k:{"name":"v1"}': {".": {}, "f:name": {}, "f:served": {}}}}}
    assert surely_unchanged(DOCUMENT, live(owned))


@pytest.mark.parametrize(
    "change",
    [
        {"apiVersion": "example.com/v2"},
        {"status": {"x": 1}},
        {"spec": None},
        {"spec": {"new": 1}},
        {"metadata": {"name": "a", "creationTimestamp": None}},
    ],
)
def test_what_is_not_plain_is_left_to_the_server(change: dict[str, Any]) -> None:
    assert not surely_unchanged({**DOCUMENT, **change}, live())


def test_entry_of_another_version_is_left_to_the_server() -> None:
    found = live()
    found["metadata"]["managedFields"][0]["apiVersion"] = "example.com/v1beta1"
    assert not surely_unchanged(DOCUMENT, found)
