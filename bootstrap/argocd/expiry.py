"""When Argo CD's credentials expire, as far as they say so themselves.

A client certificate and a JWT contain the time at which they expire; nothing else of them is returned.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from bootstrap import kube
from bootstrap.argocd.credential import TYPE_LABEL
from bootstrap.core.errors import ClusterError
from bootstrap.core.health import State
from bootstrap.git.urls import without_userinfo
from bootstrap.kube import Cluster
from bootstrap.kube.certificates import EXPIRES_SOON

KINDS = ("cluster", "repository", "repo-creds")
_JWT = re.compile(r"[\w-]+\.([\w-]+)\.[\w-]*")
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2}))?")

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Expiry:
    """One credential; `ends` is an RFC 3339 time, `days` how far away that is."""

    what: str
    ends: str
    days: float

    @property
    def state(self) -> State:
        return "broken" if self.days < 0 else "warning" if self.days < EXPIRES_SOON else "ok"

    @property
    def text(self) -> str:
        day = self.ends[:10]
        return f"expired on {day}" if self.days < 0 else f"expires in {self.days:.0f} days ({day})"

    def data(self) -> dict[str, str]:
        """As JSON data (docs/json.md)."""
        return {"what": self.what, "state": self.state, "ends": self.ends}


def expiry(what: str, end: datetime, now: datetime) -> Expiry:
    """The Expiry of one thing, `what`, that ends at `end`."""
    ends = end.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Expiry(what, ends, (end - now).total_seconds() / 86400)


def read(cluster: Cluster, namespace: str, now: datetime | None = None) -> list[Expiry] | None:
    """When each of Argo CD's credentials expires, soonest first; None if its Secrets may not be read."""
    secrets: list[Object] = []
    try:
        for kind in KINDS:
            secrets += kube.list_objects(cluster, "v1", "Secret", namespace, f"{TYPE_LABEL}={kind}")
        authorities = kube.get(cluster, "v1", "ConfigMap", namespace, "argocd-tls-certs-cm")
    except ClusterError:
        return None
    return list(expiries(secrets, authorities, now or datetime.now(timezone.utc)))


def said(text: str) -> datetime | None:
    """The time in a host's words (`2026-12-31`, `2026-12-31 23:59:59 UTC`); a day alone means its start."""
    found = _ISO.match(text)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00:00'}+00:00")
    except ValueError:
        return None


def expiries(secrets: Iterable[Object], authorities: Object | None, now: datetime) -> Iterator[Expiry]:
    """Pure: what expires in Secrets of clusters and repositories, and in `argocd-tls-certs-cm`, by date."""
    found = [one for secret in secrets for one in _of_secret(secret, now)]
    for host, pem in ((authorities or {}).get("data") or {}).items():
        ends = [end for part in _certificates(str(pem)) if (end := _end_of(part))]
        if ends:  # any of them may be the one that is needed: the last to expire decides
            found.append(expiry(f"the CA of {host} (ConfigMap argocd-tls-certs-cm)", max(ends), now))
    yield from sorted(found, key=lambda one: one.days)


def _of_secret(secret: Object, now: datetime) -> Iterator[Expiry]:
    name, kind = secret["metadata"]["name"], (secret["metadata"].get("labels") or {}).get(TYPE_LABEL)
    if kind == "cluster":
        what = f"cluster {_text(secret, 'name') or _text(secret, 'server')}"
        try:
            config = json.loads(_text(secret, "config") or "{}")
        except ValueError:
            return
        config = config if isinstance(config, dict) else {}
        tls = config.get("tlsClientConfig")
        tls = tls if isinstance(tls, dict) else {}
        parts = {
            "token": _end_of_token(str(config.get("bearerToken") or "")),
            "client certificate": _end_of(_decoded(str(tls.get("certData") or ""))),
            "CA": _end_of(_decoded(str(tls.get("caData") or ""))),
        }
    else:
        what = f"repository {without_userinfo(_text(secret, 'url'))}"
        tokens = [_end_of_token(_text(secret, key)) for key in ("bearerToken", "password")]
        parts = {
            "token": next((one for one in tokens if one), None),
            "client certificate": _end_of(_text(secret, "tlsClientCertData")),
        }
    for part, end in parts.items():
        if end is not None:
            yield expiry(f"{part} of {what} (Secret {name})", end, now)


def _end_of_token(token: str) -> datetime | None:
    match = _JWT.fullmatch(token.strip())
    if match is None:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)))
        return datetime.fromtimestamp(int(claims["exp"]), timezone.utc)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def _end_of(pem: str) -> datetime | None:
    if "-----BEGIN CERTIFICATE-----" not in pem:
        return None
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except ValueError:
        return None


def _certificates(pem: str) -> list[str]:
    end = "-----END CERTIFICATE-----"
    return [f"{part}{end}\n" for part in pem.split(end)[:-1]]


def _text(secret: Object, key: str) -> str:
    return _decoded(str((secret.get("data") or {}).get(key) or ""))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return ""
