"""Bounds that a definition puts on its fields: `validate` refuses the values that the API server refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bootstrap.kube import Cluster
from bootstrap.validate import custom_kinds
from bootstrap.validate.rules.api import limits
from bootstrap.validate.rules.api.schema import faults
from tests.sandbox.validate.admission import applied, created, until

FIELDS: dict[str, dict[str, Any]] = {
    "least": {"type": "integer", "minimum": 1},
    "most": {"type": "number", "maximum": 5},
    "above": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
    "below": {"type": "integer", "maximum": 10, "exclusiveMaximum": True},
    "step": {"type": "integer", "multipleOf": 3},
    "level": {"type": "integer", "enum": [1, 2]},
    "long": {"type": "string", "minLength": 2, "maxLength": 4},
    "word": {"type": "string", "pattern": "^[a-z]+$"},
    "part": {"type": "string", "pattern": "[0-9]"},
    "list": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "maxLength": 3}},
    "map": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "string"}},
    "four": {"type": "string", "format": "ipv4"},
    "six": {"type": "string", "format": "ipv6"},
    "range": {"type": "string", "format": "cidr"},
    "uuid": {"type": "string", "format": "uuid"},
    "when": {"type": "string", "format": "date-time"},
    "free": {"type": "string", "format": "something-else"},
    "none": {"type": "string", "nullable": True, "minLength": 2},
    "port": {"x-kubernetes-int-or-string": True, "pattern": "^a"},
}
UUID = "123e4567-e89b-12d3-a456-426614174000"
VALUES: dict[str, tuple[Any, ...]] = {
    "least": (0, 1, -4),
    "most": (5, 5.5, 6),
    "above": (0, 0.1),
    "below": (9, 10, 11),
    "step": (3, 4, 0),
    "level": (1, 3),
    "long": ("a", "ab", "abcd", "abcde", "äöüß"),
    "word": ("abc", "aBc", ""),
    "part": ("ab1c", "abc"),
    "list": ([], ["a"], ["a", "b", "c"], ["abcd"]),
    "map": ({}, {"a": "b"}, {"a": "b", "c": "d"}),
    "four": ("10.0.0.1", "10.0.0", "::1", ""),
    "six": ("::1", "10.0.0.1", "x"),
    "range": ("10.0.0.0/8", "10.0.0.1", "fd00::/64", "10.0.0.0/64"),
    "uuid": (UUID, UUID.replace("-", ""), "x"),
    "when": ("2026-01-31T08:00:00Z", "2026-01-31", "yesterday", "2026-01-31T08:00:00+02:00"),
    "free": ("x",),
    "none": (None, "a", "ab"),
    "port": (3, "ab", "b"),
}
CASES = [(field, value) for field, values in VALUES.items() for value in values]
PATH = "/apis/bounds.example.com/v1/namespaces/default/things"


def definition() -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "minProperties": 1, "properties": FIELDS}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.bounds.example.com"},
        "spec": {
            "group": "bounds.example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [version],
        },
    }


def thing(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "bounds.example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "one", "namespace": "default"},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def things(admin: Cluster) -> Iterator[Cluster]:
    with applied(admin, [definition()]):
        until(lambda why: not why, lambda: created(admin, PATH, thing({"free": "x"}))[0])
        yield admin


def found(body: dict[str, Any]) -> list[str]:
    known = custom_kinds.of_definition(definition())
    model = known["kinds"]["bounds.example.com/v1/Thing"]
    fields = {**body, "metadata": {}}
    return [message for _, message, _ in faults(fields, f"#{model}", known["models"], ())]


@pytest.mark.parametrize(("field", "value"), CASES, ids=str)
def test_a_value_is_refused_where_the_server_refuses_it(things: Cluster, field: str, value: Any) -> None:
    body = thing({field: value})
    why, _ = created(things, PATH, body)
    assert bool(found(body)) == bool(why), (found(body), why)


def test_a_mapping_with_too_few_keys_is_refused(things: Cluster) -> None:
    body = thing({})
    why, _ = created(things, PATH, body)
    assert "should have at least 1 properties" in why
    assert found(body) == ["spec has 0 keys; at least 1 are allowed"]


def test_bounds_that_are_none_are_left_out() -> None:
    odd = {
        "minLength": "2",
        "maxLength": float("inf"),
        "minimum": float("nan"),
        "maximum": True,
        "pattern": 3,
    }
    assert limits.of_schema({"type": "integer", **odd, "enum": ["a", 1, None, float("inf")]}) == {"enum": [1]}


def test_a_pattern_that_cannot_be_judged_in_time_is_silent() -> None:
    field = {"type": "string", "pattern": "^(a+)+$"}
    kind = custom_kinds.of_definition(
        {
            "spec": {
                "group": "x",
                "names": {"kind": "X"},
                "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"a": field}}}}],
            }
        }
    )
    body = {"apiVersion": "x/v1", "kind": "X", "a": "b"}
    assert list(faults(body, f"#{kind['kinds']['x/v1/X']}", kind["models"], ())) == []
