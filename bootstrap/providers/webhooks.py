"""Pure: a webhook as a Git host reports it, and its address, with a mark of its secret."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

WEBHOOK_PATH = "/api/webhook"
"""The path at which argocd-server receives webhooks."""


@dataclass(frozen=True)
class Delivery:
    """The last delivery: its HTTP status (0: no response), the host's message, and when ("": unknown)."""

    status: int
    message: str
    at: str = ""


@dataclass(frozen=True)
class Hook:
    """A webhook of a repository to some Argo CD, as far as the host reports it.

    `mark` is that of its secret, "" where this program did not create it; `wrong` is what keeps it from
    working, according to the host; `page` is where a person sees it; `signed`: whether it has a secret, None
    where the host does not say; `deliveries`: whether the host's API lists them, `last` is then the last
    one, or None.
    """

    address: str
    mark: str
    wrong: tuple[str, ...]
    page: str
    signed: bool | None = None
    deliveries: bool = True
    last: Delivery | None = None


def marked(hook_url: str, secret: str) -> str:
    """The address with a mark of the secret, which no host returns: so a stale one is noticed.

    Argo CD ignores the query.
    """
    assert not urlsplit(hook_url).query  # noqa: S101 - the caller builds it from --argocd-url
    return f"{hook_url}?secret={mark(secret, hook_url)}"


@functools.lru_cache(maxsize=64)
def mark(secret: str, address: str) -> str:
    """A mark that distinguishes two secrets of a webhook to `address`, and reveals nothing else.

    Salted with the address and slow to compute: whoever sees it can neither guess words nor see that two
    webhooks share a secret.
    """
    salt = f"gitops-bootstrap webhook {plain(address)}".encode()
    return hashlib.scrypt(secret.encode(), salt=salt, n=1 << 14, r=8, p=1, dklen=4).hex()


def mark_in(address: str) -> str:
    """The mark that a webhook's address has; "" when it has none."""
    return "".join(parse_qs(urlsplit(address).query).get("secret", ())[:1])


def is_argocds(address: str) -> bool:
    """Whether a webhook's address is that of some Argo CD."""
    return address.partition("?")[0].rstrip("/").endswith(WEBHOOK_PATH)


def plain(address: str) -> str:
    """The address for people: without its query and without a user or password."""
    parts = urlsplit(address.partition("?")[0])
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_to(address: str, hook_url: str) -> bool:
    """Whether a webhook's address is this one, however it is signed."""
    return address.partition("?")[0] == hook_url
