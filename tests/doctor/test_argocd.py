"""What `bootstrap doctor` says of Argo CD's repositories, queue, webhook and certificate."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from bootstrap.doctor import argocd
from tests.applications import application

NOW = datetime(2026, 11, 24, 22, 0, 0, tzinfo=timezone.utc)
URL = "https://git.example.com/platform/gitops.git"


def secret(**values: str) -> dict[str, object]:
    return {
        "data": {
            key.replace("__", "."): base64.b64encode(value.encode()).decode() for key, value in values.items()
        }
    }


def test_repository_that_cannot_be_read_is_reported_with_argocds_words() -> None:
    conditions = [
        {"type": "ComparisonError", "message": f"failed to list refs of {URL}: authentication required"}
    ]
    found = argocd.repositories([application("a"), application("b", conditions=conditions)], [])
    states = {what.partition(": ")[0]: (state, what) for _, state, what, _ in found}
    assert states[URL][0] == "broken"
    assert "authentication required" in states[URL][1]
    assert states["https://charts.example.com"][0] == "ok"


def test_credential_of_a_repository_is_named_and_never_shown() -> None:
    repository = f"https://user:hunter22@{URL.removeprefix('https://')}"
    one = application("a", repository=repository)
    found = argocd.repositories([one], [secret(url=URL, password="correct-horse")])
    said = " ".join(what for _, _, what, _ in found)
    assert f"{URL}: read for 1 of 1 Applications, with a credential" in said
    assert "hunter22" not in said
    assert "correct-horse" not in said


def test_queues_are_read_from_the_controllers_metrics() -> None:
    metrics = (
        "# TYPE workqueue_depth gauge\n"
        'workqueue_depth{controller="",name="app_reconciliation_queue",priority=""} 12\n'
        'workqueue_depth{name="app_operation_processing_queue"} 1e+03\n'
        'workqueue_depth{name="project_reconciliation_queue"} 7\n'
    )
    assert argocd.depths_of(metrics) == {
        "app_reconciliation_queue": 12,
        "app_operation_processing_queue": 1000,
    }


def test_controller_that_does_not_keep_up_is_reported() -> None:
    one = application("a", reconciledAt="2026-11-24T21:00:00Z")
    [(_, state, what, fix)] = argocd.compared([one, application("b")], NOW)
    assert (state, what) == ("warning", "the oldest one, of a, is 3600 s old")
    assert fix
    [(_, state, _, _)] = argocd.compared([application("b", reconciledAt="2026-11-24T21:59:00Z")], NOW)
    assert state == "ok"
    [(_, state, what, fix)] = argocd.compared([application("b", reconciledAt=None)], NOW)
    assert (state, bool(fix)) == ("broken", True)


def test_webhook_is_reported_by_the_names_of_its_keys() -> None:
    found = argocd.webhook(secret(webhook__gogs__secret="hunter22", admin__password="x"))
    assert found[2] == "argocd-secret has webhook.gogs.secret"
    assert "no webhook" in argocd.webhook(secret(admin__password="x"))[2]
    assert "no webhook" in argocd.webhook(None)[2]


def test_certificate_of_the_server_that_ends_soon_is_reported() -> None:
    assert argocd.server_certificate(None, NOW) == []
    [(_, state, what, fix)] = argocd.server_certificate(secret(tls__crt=_pem(NOW + timedelta(days=3))), NOW)
    assert (state, what) == ("warning", "argocd-server's expires in 3 days")
    assert fix
    [(_, state, _, _)] = argocd.server_certificate(secret(tls__crt=_pem(NOW + timedelta(days=90))), NOW)
    assert state == "ok"
    [(_, state, what, _)] = argocd.server_certificate(secret(tls__crt="no PEM"), NOW)
    assert (state, what) == ("broken", "argocd-server-tls contains no certificate")


def _pem(end: datetime) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "argocd")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=365))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def of_one_repository(message: str) -> dict[str, Any]:
    """An Application whose every fault would be its only repository's."""
    found = application("a", conditions=[{"type": "ComparisonError", "message": message}])
    del found["spec"]["sources"][0]
    return found


@pytest.mark.parametrize(
    "message",
    [
        'Failed to load live state: failed to get cluster info for "https://kubernetes.default.svc": error '
        "synchronizing cache state : failed to sync cluster https://10.96.0.1:443: failed to load initial "
        "state of resource Issuer.cert-manager.io: conversion webhook failed",
        'Failed to load target state: failed to get cluster version for cluster "https://10.0.0.5": failed '
        'to get cluster info for "https://10.0.0.5": error synchronizing cache state: failed to load open '
        "api schema while syncing cluster cache: error getting openapi resources",
        f"{'x' * 400}: failed to get cluster info for https://10.0.0.5: dial tcp: connection refused",
    ],
)
def test_a_cluster_that_argo_cd_cannot_read_is_not_blamed_on_the_repository(message: str) -> None:
    found = argocd.repositories([of_one_repository(message)], [])
    assert {state for area, state, _, _ in found if area == "repository"} == {"ok"}
    (told,) = [one for one in found if one[0] == "cluster cache"]
    assert told[1] == "broken"
    assert "Argo CD cannot read the cluster of a" in told[2]
    assert "credential" not in told[3]


@pytest.mark.parametrize(
    "message",
    [
        f"application repo {URL} is not permitted in project 'apps'",
        "application destination server 'https://kubernetes.default.svc' and namespace 'x' do not match any "
        "of the allowed destinations in project 'apps'",
        "application destination spec for shop is invalid: unable to find destination server: there are no "
        "clusters with this name: east",
        "Application referencing project shop which does not exist",
        "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = "
        "Unknown desc = apps/shop: app path does not exist",
        "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = "
        "Unknown desc = `kustomize build /tmp/x` failed exit status 1: Error: accumulating resources",
    ],
)
def test_what_the_application_is_to_blame_for_is_not_blamed_on_the_repository(message: str) -> None:
    found = argocd.repositories([of_one_repository(message)], [])
    assert {state for _, state, _, _ in found} == {"ok"}
    assert argocd.repositories([of_one_repository("authentication required")], [])[0][1] == "broken"
