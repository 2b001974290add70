"""The state of cert-manager's Certificates: not ready, or about to expire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from bootstrap import kube
from bootstrap.core.errors import Forbidden
from bootstrap.kube import Cluster

EXPIRES_SOON = 21.0
"""Days before expiry from which a certificate is reported."""


@dataclass(frozen=True)
class Trouble:
    """A Certificate with a problem; `ends` is when it expires, an RFC 3339 time or ""."""

    namespace: str
    name: str
    state: Literal["warning", "broken"]
    found: str
    ends: str = ""

    @property
    def fix(self) -> str:
        return f"kubectl -n {self.namespace} describe certificate {self.name}"

    def data(self) -> dict[str, str | None]:
        """As JSON data (docs/json.md)."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "state": self.state,
            "found": self.found,
            "ends": self.ends or None,
        }


def listed(cluster: Cluster) -> list[dict[str, Any]]:
    """Every Certificate; none without cert-manager, or without permission to read them."""
    try:
        return kube.list_objects(cluster, "cert-manager.io/v1", "Certificate")
    except Forbidden:
        return []


def troubles(certificates: list[dict[str, Any]], now: datetime | None = None) -> Iterator[Trouble]:
    """Those that are not ready, or expire within EXPIRES_SOON days."""
    now = now or datetime.now(timezone.utc)
    for item in certificates:
        if found := trouble(item, now):
            metadata, ends = item["metadata"], str((item.get("status") or {}).get("notAfter") or "")
            yield Trouble(metadata["namespace"], metadata["name"], *found, ends)


def trouble(certificate: dict[str, Any], now: datetime) -> tuple[Literal["warning", "broken"], str] | None:
    """What is wrong with a Certificate; None when it is healthy."""
    status = certificate.get("status") or {}
    ready = [item for item in status.get("conditions") or () if item.get("type") == "Ready"]
    if ready and ready[0].get("status") != "True":
        return "broken", f"is not ready: {ready[0].get('message') or ready[0].get('reason')}"
    if end := status.get("notAfter"):
        days = (datetime.fromisoformat(end.replace("Z", "+00:00")) - now).total_seconds() / 86400
        if days < EXPIRES_SOON:
            return ("broken" if days < 0 else "warning"), f"expires in {days:.0f} days"
    return None
