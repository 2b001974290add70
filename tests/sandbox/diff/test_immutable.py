"""What `diff` says the API server refuses, it refuses: each immutable field, changed on a real one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import BootstrapError
from bootstrap.diff import immutable
from bootstrap.kube import Cluster, crds
from bootstrap.resources.index import Resource
from bootstrap.sandbox.addresses import Sandbox
from tests.sandbox.diff.immutable_cases import CLUSTER_WIDE, REFUSED, TAKEN
from tests.sandbox.kubernetes import admin, made


@pytest.fixture(scope="module")
def api(api_server: Sandbox) -> Cluster:
    return admin(api_server)


@pytest.fixture
def name(api: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A name for the case's object, which is deleted afterwards."""
    version, kind, *_ = request.node.callspec.params["case"]
    mark = f"test-{secrets.token_hex(4)}"
    found = f"things.{mark}.example.com" if kind == "CustomResourceDefinition" else mark
    yield found
    place = {} if kind in CLUSTER_WIDE else {"namespace": "default"}
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": found, **place}}
    kube.delete(api, [made(body)])


def tried(api: Cluster, name: str, case: tuple[Any, ...]) -> tuple[str, str]:
    """What the API server says of the change, and what `diff` says; "" when it takes it."""
    version, kind, old, new, *_ = case

    def whole(fields: Mapping[str, Any]) -> dict[str, Any]:
        place = {} if kind in CLUSTER_WIDE else {"namespace": "default"}
        metadata = {"name": name, **place}
        if kind == "CustomResourceDefinition" and fields["spec"]["group"] == "example.com":
            fields = {"spec": {**fields["spec"], "group": name.partition(".")[2]}}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}

    kube.apply(api, [made(whole(old))])
    if kind == "CustomResourceDefinition":  # only one that is established is immutable
        group = whole(old)["spec"]["group"]
        thing = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "a"}}
        crds.wait_until_served(api, made(thing))
    said = ""
    try:
        kube.apply(api, [made(whole(new))])
    except BootstrapError as error:
        said = error.found
    ours = immutable.refusal(Resource(whole(old), "default"), Resource(whole(new), "default"))
    return said, ours


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[1]} {case[4]}")
def test_a_change_that_diff_calls_refused_is_refused(api: Cluster, name: str, case: tuple[Any, ...]) -> None:
    said, ours = tried(api, name, case)
    assert said
    assert case[4] in ours


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: case[1])
def test_a_change_that_diff_says_nothing_of_is_taken(api: Cluster, name: str, case: tuple[Any, ...]) -> None:
    assert tried(api, name, case) == ("", "")


def test_every_field_that_diff_knows_has_a_case() -> None:
    named = {(kind, field) for _, kind, _, _, field in REFUSED}
    known = {
        (kind.partition(".")[0], field) for kind, fields in immutable._FIELDS.items() for field in fields
    }
    assert known - named == set()
