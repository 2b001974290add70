"""Definitions and policies on the light API server, and what it says of an object (a dry run)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bootstrap.core.errors import ApiError
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from tests.sandbox.kubernetes import SOON, delete

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PLACES = {
    "CustomResourceDefinition": CRDS,
    "ValidatingAdmissionPolicy": f"{_ADMISSION}/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": f"{_ADMISSION}/validatingadmissionpolicybindings",
    "Namespace": "/api/v1/namespaces",
}


@contextmanager
def applied(admin: Cluster, objects: Iterable[dict[str, Any]]) -> Iterator[None]:
    """Create cluster-scoped objects, and delete them after the block."""
    with ExitStack() as stack:
        for body in objects:
            place = PLACES[body["kind"]]
            request(admin, "POST", place, "creating", body=json.dumps(body).encode())
            stack.callback(delete, admin, f"{place}/{body['metadata']['name']}")
        yield


def created(admin: Cluster, path: str, body: dict[str, Any]) -> tuple[str, str]:
    """(why it is refused, what it is warned of) when an object is created at a path, as a dry run."""
    data = json.dumps(body).encode()
    try:
        answer = request(admin, "POST", path, "creating", query={"dryRun": "All"}, body=data)
    except ApiError as error:
        return error.found, ""
    return "", answer.headers.get("warning", "")


def until(holds: Callable[[str], bool], ask: Callable[[], str]) -> str:
    """Ask until the answer is so: policies take effect a moment after they are created."""
    deadline = time.monotonic() + SOON
    while not holds(said := ask()):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
    return said
