"""Values of single fields: the API server refuses what we refuse, and takes what we take."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bootstrap.kube import Cluster
from tests.sandbox.validate.admission import created
from tests.validate.rules.fields import RIGHT, WRONG, whole


def answer(admin: Cluster, kind: str, body: dict[str, Any]) -> str:
    """Why the API server refuses an object; "" when it takes it."""
    api, _, short = kind.rpartition(" ")
    plural = re.sub(r"y$", "ie", re.sub(r"ss$", "sse", short.lower())) + "s"
    place = "" if short == "StorageClass" else "namespaces/default/"
    root = f"/apis/{api}" if "/" in api else f"/api/{api}"
    return created(admin, f"{root}/{place}{plural}", whole(kind, body))[0]


@pytest.mark.parametrize(("kind", "body", "says"), WRONG)
def test_the_api_server_refuses_the_value_too(admin: Cluster, kind: str, body: Any, says: str) -> None:
    assert "is invalid" in answer(admin, kind, body), says


@pytest.mark.parametrize(("kind", "body"), [one for one in RIGHT if "${" not in str(one)])
def test_the_api_server_takes_the_value_too(admin: Cluster, kind: str, body: Any) -> None:
    assert answer(admin, kind, body) == ""
