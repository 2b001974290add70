"""Suggestions for a missing name: a similar one, or one that kustomize changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bootstrap.core.text import names_near
from bootstrap.resources.index import Resource

_HASH = re.compile(r"-[bcdfghkmt2456789]{10}")
"""The suffix that kustomize appends to the names of generated objects."""


def near(
    user: Resource, name: str, known: Collection[str], path: Sequence[str | int], kind: str
) -> tuple[str, str | None]:
    """(`; did you mean x?` or another hint, the fix if it differs from the rule's own).

    `known` are the existing names, `path` is the field of `user` that names one of the `kind`.
    """
    renamed = sorted(one for one in known if is_renamed(user.name, one, name))
    if not renamed:
        return names_near(name, (one for one in known if not _HASH.fullmatch(one[-11:]))), None
    field = "/".join(part for part in path if isinstance(part, str))
    what = "hash" if _is_hashed(renamed[0], name) else "prefix or suffix"
    hint = f"; kustomize renamed it to {renamed[0]}, but this field did not get its {what}"
    if not _is_custom(user):
        return hint, (
            "build both from one kustomization, where kustomize replaces the name"
            + (", or set generatorOptions.disableNameSuffixHash" if what == "hash" else "")
        )
    fix = (
        f"name a file under `configurations:` with nameReference: kind {kind.partition('.')[0]}, "
        f"fieldSpecs kind {user.short_kind}, path {field}"
    )
    return hint, fix + (", or set generatorOptions.disableNameSuffixHash" if what == "hash" else "")


def is_renamed(user: str, known: str, name: str) -> bool:
    """Whether kustomize made a known name of this one: with a hash, or with what the user's name has, too."""
    return _is_hashed(known, name) or _has_affixes(user, known, name)


def _is_hashed(known: str, name: str) -> bool:
    """Whether a known name is this one with a hash after it, and possibly a prefix before it."""
    return bool(_HASH.fullmatch(known[-11:])) and known[:-11].endswith(name)


def _has_affixes(user: str, known: str, name: str) -> bool:
    """Whether a known name is this one with a prefix and suffix that its user has, too."""
    start, found, end = known.partition(name)
    apart = start[-1:] in ("", "-", ".") and end[:1] in ("", "-", ".")
    if not found or not (start or end) or not apart or len(name) < 2:
        return False
    return user.startswith(start) and user.endswith(end) and len(user) > len(start + end)


def _is_custom(user: Resource) -> bool:
    group = user.kind.partition(".")[2]
    return "." in group and not group.endswith(".k8s.io")
