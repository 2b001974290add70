"""Pure: where an AppProject lets an Application go, as Argo CD reads its rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from bootstrap.resources.index import IN_CLUSTER, dig, mappings


@dataclass(frozen=True)
class Permission:
    """Whether a destination is permitted, and the pattern that refuses it, if one does.

    `elsewhere`: that pattern is of another cluster's rule, but a denial of a namespace applies to every one.
    """

    allowed: bool
    refused: str = ""
    elsewhere: bool = False


def permission(project: Mapping[str, Any], cluster: str, namespace: str) -> Permission:
    """Rule by rule; `cluster` is a server's URL or a name (applications.destination)."""
    allowed = False
    for item in mappings(dig(project, "spec", "destinations")):
        pattern = str(item.get("namespace") or "")
        on_cluster, refused = _on_cluster(item, cluster)
        if refused or (pattern.startswith("!") and fnmatchcase(namespace, pattern[1:])):
            return Permission(False, refused or pattern, not refused and not on_cluster)
        allowed = allowed or (on_cluster and (pattern[:1] == "!" or fnmatchcase(namespace, pattern)))
    return Permission(allowed)


def _on_cluster(allowed: Mapping[str, Any], cluster: str) -> tuple[bool, str]:
    """(whether a rule is for a cluster, the pattern by which it denies it).

    Git has the server or the name of a cluster, rarely both: what is unknown matches only `*`.
    """
    by_url = "://" in cluster
    known = {"server": cluster if by_url else "", "name": "" if by_url else cluster}
    if cluster == IN_CLUSTER:
        known["name"] = "in-cluster"
    fits = False
    for field, value in known.items():
        pattern = str(allowed.get(field) or "")
        if pattern.startswith("!") and value:
            if fnmatchcase(value, pattern[1:]):
                return False, pattern
            fits = True
        elif pattern == "*" or (value and pattern and fnmatchcase(value, pattern)):
            fits = True
    return fits, ""
