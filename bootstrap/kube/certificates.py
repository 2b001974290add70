"""The state of cert-manager's Certificates and issuers: not ready, or about to expire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from bootstrap import kube
from bootstrap.core import next_run
from bootstrap.core.errors import Forbidden
from bootstrap.kube import Cluster

EXPIRES_SOON = 21.0
"""Days before expiry from which a certificate is reported."""


ISSUERS = ("ClusterIssuer", "Issuer")
_API = "cert-manager.io/v1"
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Trouble:
    """A Certificate or an issuer with a problem; `ends` is when it expires, an RFC 3339 time or "".

    `namespace` is "" for a ClusterIssuer.
    """

    namespace: str
    name: str
    state: Literal["warning", "broken"]
    found: str
    ends: str = ""
    kind: str = "Certificate"

    @property
    def what(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def fix(self) -> str:
        within = f"-n {self.namespace} " if self.namespace else ""
        return next_run.kubectl(f"{within}describe {self.kind.lower()} {self.name}")

    def data(self) -> dict[str, str | None]:
        """As JSON data (docs/json.md)."""
        return {
            "kind": self.kind,
            "namespace": self.namespace or None,
            "name": self.name,
            "state": self.state,
            "found": self.found,
            "ends": self.ends or None,
        }


def listed(cluster: Cluster) -> list[dict[str, Any]]:
    """Every Certificate; none without cert-manager, or without permission to read them."""
    return _listed(cluster, "Certificate")


def issuers(cluster: Cluster) -> list[dict[str, Any]]:
    """Every ClusterIssuer and Issuer; none without cert-manager, or without permission to read them."""
    return [{**item, "kind": kind} for kind in ISSUERS for item in _listed(cluster, kind)]


def _listed(cluster: Cluster, kind: str) -> list[dict[str, Any]]:
    try:
        return kube.list_objects(cluster, _API, kind)
    except Forbidden:
        return []


def troubles(
    certificates: Iterable[Object], issuers: Iterable[Object] = (), now: datetime | None = None
) -> Iterator[Trouble]:
    """Those that are not ready, or expire within EXPIRES_SOON days; then issuers that are not ready.

    An issuer that is not ready is a warning as long as no Certificate asks for it.
    """
    now = now or datetime.now(timezone.utc)
    asked = set()
    for item in certificates:
        metadata = item["metadata"]
        asked.add(_issuer_of(item))
        if found := trouble(item, now):
            ends = str((item.get("status") or {}).get("notAfter") or "")
            yield Trouble(metadata["namespace"], metadata["name"], *found, ends)
    for item in issuers:
        if said := _not_ready(item):
            kind, namespace, name = key = _key(item)
            if key in asked:
                yield Trouble(namespace, name, "broken", f"is not ready: {said}", kind=kind)
            else:
                text = f"is not ready: {said}; no Certificate asks for it"
                yield Trouble(namespace, name, "warning", text, kind=kind)


def trouble(certificate: Object, now: datetime) -> tuple[Literal["warning", "broken"], str] | None:
    """What is wrong with a Certificate; None when it is healthy."""
    if said := _not_ready(certificate):
        return "broken", f"is not ready: {said}"
    if end := (certificate.get("status") or {}).get("notAfter"):
        days = (datetime.fromisoformat(end.replace("Z", "+00:00")) - now).total_seconds() / 86400
        if days < EXPIRES_SOON:
            return ("broken" if days < 0 else "warning"), f"expires in {days:.0f} days"
    return None


def _not_ready(item: Object) -> str | None:
    """What its condition Ready says, if it is not true; None as long as it says nothing."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    ready = [each for each in conditions if each.get("type") == "Ready"]
    if not ready or ready[0].get("status") == "True":
        return None
    return str(ready[0].get("message") or ready[0].get("reason") or "it does not say why")


def _key(issuer: Object) -> tuple[str, str, str]:
    metadata = issuer["metadata"]
    return str(issuer["kind"]), str(metadata.get("namespace") or ""), str(metadata["name"])


def _issuer_of(certificate: Object) -> tuple[str, str, str]:
    wanted = (certificate.get("spec") or {}).get("issuerRef") or {}
    kind = str(wanted.get("kind") or "Issuer")
    namespace = "" if kind == "ClusterIssuer" else str(certificate["metadata"].get("namespace") or "")
    return kind, namespace, str(wanted.get("name") or "")
