"""Pure: the address of a webhook, with a mark of its secret."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit


def marked(hook_url: str, secret: str) -> str:
    """The address with a mark of the secret, which no host gives back: so a stale one is seen.

    It tells nothing about a random secret; Argo CD ignores the query.
    """
    assert not urlsplit(hook_url).query  # noqa: S101 - the caller makes it from --argocd-url
    return f"{hook_url}?secret={hashlib.sha256(secret.encode()).hexdigest()[:8]}"


def is_to(address: str, hook_url: str) -> bool:
    """Whether a webhook's address is this one, however it is signed."""
    return address.partition("?")[0] == hook_url
