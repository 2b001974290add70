"""What the API server refuses of an object by itself, and what it takes."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index, Resource
from bootstrap.validate.rule import ClusterContext
from bootstrap.validate.rules.api import refused


def found(kind: str, name: str, spec: dict[str, object] | None = None, application: str = "argocd/a") -> list:
    version, _, short = kind.rpartition(" ")
    body = {"apiVersion": version, "kind": short, "metadata": {"name": name}, "spec": spec or {}}
    here = Index([Resource(body, "shop", application)], ())
    return [(one.rule.id, one.message, one.fix) for one in refused.check(here, ClusterContext(here, False))]


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("0 3 * * *", ""),
        ("*/5 0-6,22 1,15 jan-mar Mon-FRI", ""),
        ("5/10 ? * * 0", ""),
        ("@daily", ""),
        ("@every 1h30m", ""),
        ("0 3 * *", "it has 4 fields, not 5"),
        ("0 0 3 * * *", "it has 6 fields, not 5"),
        ("60 3 * * *", "'60' is not a valid minute (from 0 to 59)"),
        ("0 3 * * 7", "'7' is not a valid weekday (from 0 to 6)"),
        ("0 3 0 * *", "'0' is not a valid day (from 1 to 31)"),
        ("*/0 * * * *", "'*/0' is not a valid minute (from 0 to 59)"),
        ("0 6-3 * * *", "'6-3' is not a valid hour (from 0 to 23)"),
        ("H 3 * * *", "'H' is not a valid minute (from 0 to 59)"),
        ("@dayly", "there is no @dayly"),
        ("TZ=UTC 0 3 * * *", "the time zone goes into spec.timeZone"),
    ],
)
def test_schedule_is_read_as_kubernetes_reads_it(schedule: str, says: str) -> None:
    assert refused.broken(schedule) == says


@pytest.mark.parametrize(
    ("kind", "name", "fix"),
    [
        ("v1 ConfigMap", "web", None),
        ("v1 ConfigMap", "kube-root-ca.crt", None),
        ("rbac.authorization.k8s.io/v1 ClusterRole", "system:Admin", None),
        ("v1 ConfigMap", "${NAME}", None),
        ("v1 ConfigMap", "Web_Config", "rename it to web-config, also where it is referenced"),
        ("apps/v1 Deployment", "web-", "rename it to web, also where it is referenced"),
        ("v1 Service", "web.shop", "rename it to web-shop, also where it is referenced"),
        ("v1 Service", "a" * 64, refused.NAME.fix),
        ("v1 ConfigMap", "___", refused.NAME.fix),
    ],
)
def test_name_is_one_that_kubernetes_allows(kind: str, name: str, fix: str | None) -> None:
    assert [one[2] for one in found(kind, name)] == ([fix] if fix else [])


def test_name_in_a_folder_that_nothing_applies_may_be_filled_in() -> None:
    assert found("v1 ConfigMap", "APP_NAME", application="") == []


@pytest.mark.parametrize(
    ("ports", "rules"),
    [
        ([{"name": "a", "port": 53, "protocol": "UDP"}, {"name": "b", "port": 53}], []),
        ([{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "TCP"}], ["GB357"]),
        ([{"name": "a", "port": 53}, {"name": "a", "port": 54}], ["GB357"]),
        ([{"port": 80, "nodePort": 30000}], []),
        ([{"port": 80, "nodePort": 29999}], ["GB358"]),
        ([{"port": 80, "nodePort": 32768}], ["GB358"]),
        ([{"port": 80, "nodePort": 0}], []),
    ],
)
def test_ports_of_a_service_are_distinguished(ports: list[dict[str, object]], rules: list[str]) -> None:
    assert [one[0] for one in found("v1 Service", "web", {"ports": ports})] == rules
