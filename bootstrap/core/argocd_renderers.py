"""The helm and kustomize that each release of Argo CD renders with."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Renderers:
    """Versions such as 4.3.1, without a `v`."""

    helm: str
    kustomize: str


TABLE: tuple[tuple[tuple[int, int, int], Renderers], ...] = (
    ((2, 10, 0), Renderers("3.14.0", "5.2.1")),
    ((2, 11, 0), Renderers("3.14.3", "5.2.1")),
    ((2, 12, 0), Renderers("3.15.2", "5.4.2")),
    ((2, 13, 0), Renderers("3.15.4", "5.4.3")),
    ((2, 14, 0), Renderers("3.16.3", "5.4.3")),
    ((3, 0, 0), Renderers("3.17.1", "5.6.0")),
    ((3, 1, 0), Renderers("3.18.4", "5.7.0")),
    ((3, 3, 0), Renderers("3.19.4", "5.8.0")),
    ((3, 3, 1), Renderers("3.19.4", "5.8.1")),
    ((3, 5, 0), Renderers("4.2.1", "5.8.1")),
    ((3, 6, 0), Renderers("4.3.1", "5.8.3")),
)
"""The first release with each pair, oldest first; from `hack/tool-versions.sh` of argoproj/argo-cd."""

_NUMBERS = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


def numbers(version: str) -> tuple[int, int, int] | None:
    """(major, minor, patch) of a version; None if the text is not a version."""
    found = _NUMBERS.match(version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def renderers(argocd: str) -> Renderers | None:
    """The versions that a release of Argo CD renders with; None for one older than the table.

    A release newer than the table is assumed to use what its last entry uses.
    """
    asked = numbers(argocd)
    found = None
    for since, what in TABLE:
        if asked is not None and since <= asked:
            found = what
    return found


def same_minor(one: str, other: str) -> bool:
    """Whether two versions differ at most in the patch."""
    first, second = numbers(one), numbers(other)
    return first is not None and second is not None and first[:2] == second[:2]
