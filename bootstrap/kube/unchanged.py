"""Pure: whether applying a document certainly changes nothing, without asking the server to try it.

Trying costs the API server a second for a long CRD (it checks the whole schema again), reading it a
hundredth of that. By the rules of server-side apply, nothing changes when every value of the document is
live already and every field that we own is still in the document. Anything less simple (a default
inside a list, a quantity in another notation, a null) is left to the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.kube.connection import FIELD_MANAGER


def surely_unchanged(document: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """True only when the server's dry run would return `live` unchanged; False means unknown."""
    if document.get("apiVersion") != live.get("apiVersion") or "status" in document:
        return False
    return _is_contained(document, live) and all(
        entry.get("apiVersion") == document.get("apiVersion") and _still_there(entry["fieldsV1"], document)
        for entry in live["metadata"].get("managedFields") or ()
        if _is_ours(entry)
    )


def _is_ours(entry: Mapping[str, Any]) -> bool:
    applied = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
    return applied and not entry.get("subresource")


def _is_contained(wanted: Any, found: Any) -> bool:
    """Mappings may contain more than is wanted; everything else must be equal, lists as a whole."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and _is_contained(value, found[key]) for key, value in wanted.items()
        )
    return wanted is not None and type(wanted) is type(found) and bool(wanted == found)


def _still_there(owned: Mapping[str, Any], wanted: Any) -> bool:
    """Whether the document has every field that we own; those within its lists are equal already."""
    if isinstance(wanted, list):
        return True
    names = {key[2:]: inner for key, inner in owned.items() if key.startswith("f:")}
    if not names:
        return True
    return isinstance(wanted, Mapping) and all(
        name in wanted and _still_there(inner, wanted[name]) for name, inner in names.items()
    )
