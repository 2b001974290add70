"""The health check for child Applications, judged by Argo CD's own evaluator."""

from __future__ import annotations

import json
import subprocess
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.catalog.infrastructure import INFRASTRUCTURE
from tests.conftest import USER_ENVIRONMENT
from tests.tools import tool

CONFIG = INFRASTRUCTURE / "argocd/manifests/patches/argocd-cm.yaml"
SOURCES: list[dict[str, Any]] = [
    {
        "repoURL": "https://charts.test",
        "chart": "traefik",
        "targetRevision": "1.0.0",
        "helm": {"valuesObject": {"replicas": 2, "list": ["a", {"b": "c"}]}},
    },
    {"repoURL": "https://git.test/x.git", "ref": "repo", "targetRevision": "main"},
]
DESTINATION = {"server": "https://kubernetes.default.svc", "namespace": "traefik"}
GOOD: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "traefik", "namespace": "argocd"},
    "spec": {"sources": SOURCES, "destination": DESTINATION, "project": "infrastructure"},
    "status": {
        "sync": {
            "status": "Synced",
            "revisions": ["1.0.0", "c0ffee"],
            "comparedTo": {"sources": SOURCES, "destination": DESTINATION},
        },
        "health": {"status": "Healthy"},
        "operationState": {"phase": "Succeeded", "syncResult": {"revisions": ["1.0.0", "c0ffee"]}},
    },
}


@cache
def argocd() -> str:
    return str(tool("argocd"))


def changed(**changes: Any) -> dict[str, Any]:
    """The good Application with values by path, `__` between the keys; None removes."""
    result = deepcopy(GOOD)
    for path, value in changes.items():
        *way, last = path.split("__")
        place = result
        for key in way:
            place = place.setdefault(key, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return result


def health(application: dict[str, Any], folder: Path) -> tuple[str, str]:
    """(status, message) as Argo CD would show them."""
    file = folder / "application.json"
    file.write_text(json.dumps(application))
    command = [argocd(), "admin", "settings", "resource-overrides", "health", str(file)]
    done = subprocess.run(
        [*command, "--argocd-cm-path", str(CONFIG)],
        env={"ARGOCD_BINARY_NAME": "argocd", "HOME": str(folder), "PATH": USER_ENVIRONMENT.get("PATH", "")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    return lines["STATUS"].strip(), lines.get("MESSAGE", "").strip()


ERROR = [{"type": "ComparisonError", "message": "failed to load target state: no such chart"}]
FAILED = {"phase": "Failed", "message": "one object was refused"}


@pytest.mark.parametrize(
    ("application", "status", "message"),
    [
        pytest.param(changed(), "Healthy", "", id="synced and healthy"),
        pytest.param(changed(status=None), "Progressing", "", id="new, without a status"),
        pytest.param(changed(status__sync__status="OutOfSync"), "Progressing", "OutOfSync", id="out of sync"),
        pytest.param(changed(status__sync__status=None), "Progressing", "not known", id="never compared"),
        pytest.param(
            changed(status__health={"status": "Progressing", "message": "1 of 2 pods"}),
            "Progressing",
            "1 of 2 pods",
            id="still starting",
        ),
        pytest.param(changed(status__health={"status": "Missing"}), "Progressing", "Missing", id="missing"),
        pytest.param(
            changed(status__health={"status": "Degraded", "message": "crash"}),
            "Degraded",
            "crash",
            id="broken",
        ),
        pytest.param(
            changed(status__health={"status": "Suspended"}), "Suspended", "", id="suspended by a person"
        ),
        pytest.param(
            changed(status__conditions=ERROR, status__sync__status="Unknown"),
            "Degraded",
            "no such chart",
            id="cannot be rendered",
        ),
        pytest.param(
            changed(status__conditions=[{"type": "InvalidSpecError", "message": "no such project"}]),
            "Degraded",
            "no such project",
            id="invalid",
        ),
        pytest.param(
            changed(status__conditions=[{"type": "SharedResourceWarning", "message": "two owners"}]),
            "Healthy",
            "",
            id="only a warning",
        ),
        pytest.param(
            changed(status__operationState=FAILED, status__sync__status="OutOfSync"),
            "Degraded",
            "one object was refused",
            id="sync failed",
        ),
        pytest.param(
            changed(status__operationState={**FAILED, "syncResult": {"revisions": ["1.0.0", "c0ffee"]}}),
            "Degraded",
            "one object was refused",
            id="a hook failed after the sync",
        ),
        pytest.param(
            changed(status__operationState={**FAILED, "syncResult": {"revisions": ["1.0.0", "0ld"]}}),
            "Healthy",
            "",
            id="failed once, and what it failed for is gone",
        ),
        pytest.param(
            changed(status__operationState={"phase": "Running", "message": "waiting for hook"}),
            "Progressing",
            "waiting for hook",
            id="syncing",
        ),
        pytest.param(
            changed(
                status__operationState={"phase": "Running", "retryCount": 2, "message": "Retrying attempt #2"}
            ),
            "Progressing",
            "Retrying",
            id="retried twice",
        ),
        pytest.param(
            changed(
                status__operationState={"phase": "Running", "retryCount": 3, "message": "Retrying attempt #3"}
            ),
            "Degraded",
            "Retrying",
            id="retried again and again",
        ),
        pytest.param(
            changed(spec__sources=[{**SOURCES[0], "targetRevision": "2.0.0"}, SOURCES[1]]),
            "Progressing",
            "new spec",
            id="upgraded, not compared yet",
        ),
        pytest.param(
            changed(
                spec__sources=[
                    {**SOURCES[0], "helm": {"valuesObject": {"replicas": 3, "list": ["a", {"b": "c"}]}}},
                    SOURCES[1],
                ]
            ),
            "Progressing",
            "new spec",
            id="new values, not compared yet",
        ),
        pytest.param(
            changed(spec__destination={**DESTINATION, "namespace": "elsewhere"}),
            "Progressing",
            "new spec",
            id="moved, not compared yet",
        ),
        pytest.param(
            changed(spec__sources=[{**SOURCES[0], "directory": {"recurse": False}}, SOURCES[1]]),
            "Healthy",
            "",
            id="what is empty is as good as absent",
        ),
    ],
)
def test_health(application: dict[str, Any], status: str, message: str, tmp_path: Path) -> None:
    found = health(application, tmp_path)
    assert found[0] == status
    assert message in found[1]
