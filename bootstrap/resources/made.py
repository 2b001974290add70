"""Pure: the names of the Secrets that objects make, where the object itself tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.resources.index import dig, qualified

_NAMED_AT: Mapping[str, tuple[str, ...]] = {
    "Secret": (),
    "SealedSecret.bitnami.com": (),
    "ExternalSecret.external-secrets.io": ("spec", "target", "name"),
    "Certificate.cert-manager.io": ("spec", "secretName"),
    "VaultStaticSecret.secrets.hashicorp.com": ("spec", "destination", "name"),
    "VaultDynamicSecret.secrets.hashicorp.com": ("spec", "destination", "name"),
    "OnePasswordItem.onepassword.com": (),
    "InfisicalSecret.secrets.infisical.com": ("spec", "managedSecretReference", "secretName"),
}
"""Kind → the field that names its Secret, () or a field that is not there for the object's own name."""


def names_made(body: Mapping[str, Any]) -> list[str]:
    """The Secrets that an object says it makes, in its own namespace."""
    path = _NAMED_AT.get(qualified(body))
    if path is None:
        return []
    name = dig(body, *path) if path else None
    return [str(name or dig(body, "metadata", "name") or "")]
