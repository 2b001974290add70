"""Pure: whether a Git host's deploy keys have one, and whether it may do more than read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.errors import ProviderError


def has(keys: Iterable[Mapping[str, Any]], public: str, where: str, *, reads: tuple[str, bool]) -> bool:
    """`reads` is the field, and its value, of a key that only reads.

    Raises ProviderError when the key is there and may write: Argo CD has no need of that.
    """
    field, value = reads
    found = [key for key in keys if str(key.get("key", "")).split()[:2] == public.split()[:2]]
    if not found:
        return False
    if any(bool(key.get(field)) != value for key in found):
        hint = "delete it there and run again, or give Argo CD a key of its own"
        raise ProviderError("looking at the deploy keys", "the key is there, and may write", hint, where)
    return True
