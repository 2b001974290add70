"""What `bootstrap doctor` says without a cluster, and of certificates."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from bootstrap.doctor import run as doctor
from bootstrap.kube.certificates import trouble as certificate_trouble
from tests import kubeconfigs
from tests.conftest import Run

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)


def certificate(ready: str = "True", end: str = "2027-06-01T00:00:00Z") -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "message": "the issuer is not there"}]
    return {"status": {"conditions": conditions, "notAfter": end}}


@pytest.mark.parametrize(
    ("found", "trouble"),
    [
        (certificate(), None),
        ({}, None),
        (certificate("False"), ("broken", "is not ready: the issuer is not there")),
        (certificate(end="2026-12-01T00:00:00Z"), ("warning", "expires in 7 days")),
        (certificate(end="2026-11-20T00:00:00Z"), ("broken", "expires in -4 days")),
    ],
)
def test_certificates_that_end_soon_or_never_came_are_reported(
    found: dict[str, Any], trouble: object
) -> None:
    assert certificate_trouble(found, NOW) == trouble


def test_unreachable_cluster_is_one_finding_and_the_rest_is_reported(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config"
    kubeconfigs.write(config, "https://127.0.0.1:1")
    result = run("doctor", "-o", "json", env={"KUBECONFIG": str(config)})
    assert result.exit == 1
    report = json.loads(result.out)
    by_area = {finding["area"]: finding for finding in report["findings"]}
    assert by_area["cluster"]["state"] == "broken"
    assert by_area["cluster"]["fix"]
    assert by_area["git"]["state"] == "ok"
    assert by_area["bootstrap"]["found"].startswith("0.")


@pytest.mark.parametrize(
    ("client", "server", "state"),
    [
        ("v1.32.0", "v1.36.3", "warning"),
        ("v1.36.1", "v1.36.3", "ok"),
        ("v1.35.0", "v1.36.3+k3s1", "ok"),
        ("v1.37.0", "v1.36.3", "ok"),
        ("v1.38.0", "v1.36.3", "warning"),
        ("not on PATH", "v1.36.3", "ok"),
    ],
)
def test_a_kubectl_too_far_from_the_server_is_reported(client: str, server: str, state: str) -> None:
    found = doctor.skewed(doctor.Finding("kubectl", "ok", client), server)
    assert found.state == state
    assert ("use kubectl 1.36" in found.fix) == (state == "warning")
