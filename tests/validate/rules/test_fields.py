"""Values of single fields that the API server of Kubernetes 1.36 refuses, each next to what it accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bootstrap.validate.rules.api import labels, validation
from tests.validate.rules.asking import ask
from tests.validate.rules.fields import RIGHT, WRONG, whole


def told(kind: str, body: Any) -> list[str]:
    text = json.dumps(whole(kind, body))
    return [one.message for check in (validation.check, labels.check) for one in ask(check, text)]


@pytest.mark.parametrize(("kind", "body", "says"), WRONG)
def test_value_that_is_refused_is_named_with_its_field(kind: str, body: Any, says: str) -> None:
    found = told(kind, body)
    assert len(found) == 1, found
    assert says in found[0]


@pytest.mark.parametrize(("kind", "body"), RIGHT)
def test_value_that_is_accepted_is_not_reported(kind: str, body: Any) -> None:
    assert told(kind, body) == []
