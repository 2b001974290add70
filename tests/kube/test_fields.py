"""Fields are found by the paths that the API server writes."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.kube.fields import MISSING, differs, value_at

OBJECT: dict[str, Any] = {
    "metadata": {"annotations": {"a.b/c": "1", "a": "2"}, "finalizers": ["x", "y.z/[w]"]},
    "spec": {
        "containers": [
            {
                "name": "one",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "env": [{"name": 'say "x"'}],
            },
            {"name": "two", "image": "i"},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".metadata.annotations.a", "2"),
        (".metadata.annotations.a.b/c", "1"),
        ('.metadata.finalizers[="y.z/[w]"]', "y.z/[w]"),
        ('.spec.containers[name="two"].image', "i"),
        (".spec.containers[1].name", "two"),
        ('.spec.containers[name="one"].ports[containerPort=80,protocol="TCP"].protocol', "TCP"),
        ('.spec.containers[name="one"].env[name="say \\"x\\""].name', 'say "x"'),
    ],
)
def test_value_is_found(path: str, value: Any) -> None:
    assert value_at(OBJECT, path) == value


@pytest.mark.parametrize(
    "path",
    [
        ".spec.none",
        '.spec.containers[name="no"]',
        ".spec.containers[7]",
        ".metadata[0]",
        "spec",
        ".spec.containers[",
    ],
)
def test_what_does_not_exist_is_missing(path: str) -> None:
    assert value_at(OBJECT, path) is MISSING


def test_only_fields_with_another_value_differ() -> None:
    after = {"spec": {"a": 1, "b": [{"name": "x", "v": 2}]}}
    before = {"spec": {"a": 1, "b": [{"name": "x", "v": 1}]}}
    assert differs(before, after, [".spec.a", '.spec.b[name="x"].v', ".spec.gone"]) == (
        '.spec.b[name="x"].v',
        ".spec.gone",
    )
