"""Credentials that say when they end are told in time, and nothing of them but that."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bootstrap.argocd.expiry import expiries, said

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)


def certificate(days: float) -> str:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    end = NOW + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")]))
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=365))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def token(days: float) -> str:
    """A ServiceAccount's, in JWT form."""
    claims = {"exp": int((NOW + timedelta(days=days)).timestamp()), "sub": "system:serviceaccount:a:b"}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{body}.c2lnbmVk"


def secret(kind: str, **data: str) -> dict[str, Any]:
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    labels = {"argocd.argoproj.io/secret-type": kind}
    return {"metadata": {"name": f"a-{kind}", "labels": labels}, "data": coded}


def cluster(config: object) -> dict[str, Any]:
    return secret("cluster", name="edge", server="https://10.0.0.1", config=json.dumps(config))


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("item", "what", "state"),
    [
        (cluster({"bearerToken": token(90)}), "token of cluster edge (Secret a-cluster)", "ok"),
        (cluster({"bearerToken": token(0.1)}), "token of cluster edge (Secret a-cluster)", "warning"),
        (
            cluster({"tlsClientConfig": {"certData": coded(certificate(-2))}}),
            "client certificate of cluster edge (Secret a-cluster)",
            "broken",
        ),
        (
            cluster({"tlsClientConfig": {"caData": coded(certificate(5))}}),
            "CA of cluster edge (Secret a-cluster)",
            "warning",
        ),
        (
            secret("repository", url="https://ada:pw@git.example.com/a/b", password=token(3)),
            "token of repository https://git.example.com/a/b (Secret a-repository)",
            "warning",
        ),
        (
            secret("repo-creds", url="https://git.example.com", tlsClientCertData=certificate(100)),
            "client certificate of repository https://git.example.com (Secret a-repo-creds)",
            "ok",
        ),
    ],
)
def test_what_says_when_it_ends_is_read(item: dict[str, Any], what: str, state: str) -> None:
    (found,) = expiries([item], None, NOW)
    assert (found.what, found.state) == (what, state)
    for value in item["data"].values():
        plain = base64.b64decode(value).decode()
        assert plain not in str(found.data()) or len(plain) < 30


@pytest.mark.parametrize(
    "item",
    [
        cluster({"bearerToken": "glowing-token"}),
        cluster({"bearerToken": "a.b.c"}),
        cluster([]),
        secret("cluster", name="edge", config="{"),
        secret("repository", url="https://git.example.com/a/b", password="glpat-abc"),
        secret("repository", url="git@git.example.com:a/b", sshPrivateKey="key"),
    ],
)
def test_what_does_not_say_is_left_out(item: dict[str, Any]) -> None:
    assert not list(expiries([item], None, NOW))


def test_the_soonest_comes_first_and_of_a_hosts_cas_the_last_one_counts() -> None:
    authorities = {"data": {"git.example.com": certificate(-9) + certificate(4), "empty.example.com": ""}}
    found = list(expiries([cluster({"bearerToken": token(90)})], authorities, NOW))
    assert [one.what.partition(" (")[0] for one in found] == [
        "the CA of git.example.com",
        "token of cluster edge",
    ]
    assert found[0].text == "expires in 4 days (2026-11-28)"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-12-31", "2026-12-31T00:00:00+00:00"),
        ("2026-12-31 23:58:59 UTC", "2026-12-31T23:58:59+00:00"),
        ("2026-12-31T23:58:59Z", "2026-12-31T23:58:59+00:00"),
        ("next year", None),
        ("2026-99-31", None),
    ],
)
def test_a_time_is_read_as_hosts_write_it(text: str, end: str | None) -> None:
    found = said(text)
    assert (found.isoformat() if found else None) == end
