"""A repository's deploy keys on a Git host: whether one exists and is read-only, adding it, deleting it."""

from __future__ import annotations

from bootstrap.core.errors import ProviderError
from bootstrap.providers.client import Client


def has(client: Client, path: str, public: str, *, reads: tuple[str, bool]) -> bool:
    """Whether the public key is a read-only deploy key of the repository.

    `path` is that of the list in the API; `reads` is the field, and its value, of a read-only key. Raises
    ProviderError when the key exists and may write: Argo CD does not need that.
    """
    field, value = reads
    listed = client.pages(path, "listing the deploy keys")
    found = [key for key in listed if str(key.get("key", "")).split()[:2] == public.split()[:2]]
    if not found:
        return False
    if any(bool(key.get(field)) != value for key in found):
        hint = "delete it on the Git host and run again, or give Argo CD a key of its own"
        raise ProviderError(
            "checking the deploy keys", "the key exists and has write access", hint, client.base
        )
    return True


def ensure(client: Client, path: str, title: str, public: str, *, reads: tuple[str, bool]) -> bool:
    """Add it unless it exists; returns whether it was added. Raises as `has` does."""
    if has(client, path, public, reads=reads):
        return False
    body = {"title": title, "key": public, reads[0]: reads[1]}
    client.request("POST", path, "adding a deploy key", json=body, missing=frozenset())
    return True


def remove(client: Client, path: str, public: str) -> bool:
    """Delete it, whatever it may do; returns whether it was there."""
    listed = client.pages(path, "listing the deploy keys")
    found = [key for key in listed if str(key.get("key", "")).split()[:2] == public.split()[:2]]
    for key in found:
        client.request("DELETE", f"{path}/{key['id']}", "deleting a deploy key")
    return bool(found)
