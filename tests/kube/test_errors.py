"""What an API server's Status becomes: its own sentence, the right class, and something to do."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.core import errors
from bootstrap.kube.errors import combined, conflicts, cut, from_status, status_may_pass


def status(code: int, message: str, reason: str = "", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "message": message, "reason": reason, "details": details}


@pytest.mark.parametrize(
    ("code", "message", "kind", "hint"),
    [
        (400, "unknown field spec.x", errors.Invalid, "fix the object"),
        (401, "Unauthorized", errors.Forbidden, "log in again"),
        (403, 'secrets is forbidden: User "a" cannot list', errors.Forbidden, "has this permission"),
        (403, 'pods "a" is forbidden: exceeded quota: q', errors.Forbidden, "ResourceQuota"),
        (403, "unable to create new content because it is being terminated", errors.Forbidden, "deletion"),
        (403, "create not allowed while custom resource definition is terminating", errors.Forbidden, "CRD"),
        (403, "not yet ready to handle request", errors.Forbidden, "other than a missing permission"),
        (403, 'admission webhook "p" denied the request: no', errors.Forbidden, "policy"),
        (404, 'configmaps "a" not found', errors.NotFound, "check the name"),
        (409, "the object has been modified", errors.Conflict, "run again"),
        (413, "too large", errors.Invalid, "fix the object"),
        (
            422,
            'Service "a" is invalid: spec.clusterIP: field is immutable',
            errors.Invalid,
            "delete the object",
        ),
        (429, "too many requests", errors.ApiError, "overloaded"),
        (500, 'failed calling webhook "w": connection refused', errors.ApiError, "webhook of the cluster"),
        (503, "etcd has no leader", errors.ApiError, "overloaded"),
    ],
)
def test_status_is_quoted_with_something_to_do(
    code: int, message: str, kind: type[errors.ApiError], hint: str
) -> None:
    error = from_status(code, status(code, message, "Because"), "applying it", "Thing a")
    assert type(error) is kind
    assert message in error.found
    assert hint in error.hint
    assert (error.code, error.reason, error.where, error.tried) == (code, "Because", "Thing a", "applying it")


def test_field_conflict_names_every_field_and_manager() -> None:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl" using apps/v1',
            "field": ".spec.a",
        },
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "helm \\"x\\"" with subresource "scale" using apps/v1',
            "field": ".spec.replicas",
        },
    ]
    body = status(409, "Apply failed with 2 conflicts", "Conflict", causes=causes)
    error = from_status(409, body, "applying it")
    assert isinstance(error, errors.FieldsOwned)
    assert error.fields == conflicts(body) == ((".spec.a", "kubectl"), (".spec.replicas", 'helm \\"x\\"'))
    assert ".spec.a (owned by kubectl)" in error.found
    assert "--force-conflicts" in error.hint


def test_fields_of_others_are_a_refusal_unless_something_else_failed_too() -> None:
    def owned(name: str, manager: str) -> errors.ApiError:
        cause = {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}"',
            "field": ".spec.a",
        }
        return from_status(409, status(409, "Apply failed", "Conflict", causes=[cause]), "applying", name)

    both = combined([owned("a", "x"), owned("b", "y")])
    assert isinstance(both, errors.FieldsOwned)
    assert both.fields == ((".spec.a", "x"), (".spec.a", "y"))
    assert both.exit_status == errors.ExitStatus.REFUSED
    mixed = combined([owned("a", "x"), from_status(422, status(422, "wrong"), "applying", "c")])
    assert (type(mixed), mixed.exit_status) == (errors.Invalid, errors.ExitStatus.CLUSTER)
    assert "owned by x" in mixed.found
    changed = from_status(409, status(409, "the object has been modified"), "applying", "a")
    assert changed.exit_status == errors.ExitStatus.CLUSTER


def test_failures_of_several_objects_are_one_error_of_their_class() -> None:
    found = [from_status(422, status(422, f"wrong {name}"), f"applying {name}", name) for name in "ab"]
    error = combined(list(found))
    assert type(error) is errors.Invalid
    assert "2 objects were refused" in error.found
    assert "a: wrong a" in error.found
    assert "b: wrong b" in error.found
    assert combined([found[0]]) is found[0]


@pytest.mark.parametrize(
    ("code", "message", "passes"),
    [
        (429, "too many", True),
        (503, "not ready", True),
        (500, 'failed calling webhook "w": connection refused', True),
        (500, "etcdserver: leader changed", True),
        (500, "failed to create typed patch object: .spec.a: expected string", False),
        (403, "forbidden", False),
        (409, "conflict", False),
    ],
)
def test_only_what_may_pass_is_tried_again(code: int, message: str, passes: bool) -> None:
    assert status_may_pass(code, status(code, message)) is passes
    assert status_may_pass(502, b"<html>bad gateway")


def test_field_of_the_wrong_type_is_the_objects_fault() -> None:
    body = status(500, "failed to create typed patch object (a; v1): .data.x: expected string, got 8")
    error = from_status(500, body, "applying it")
    assert type(error) is errors.Invalid
    assert "fix the object" in error.hint


def test_foreign_text_is_one_short_line() -> None:
    assert cut("<p>a\n  b</p>") == "a b"
    assert len(cut("x" * 5000)) < 400
