"""Pure: the API versions that CRDs add, as Argo CD passes them to helm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.repository.model import Placement
from bootstrap.repository.unit import UnitResult
from bootstrap.resources.index import dig, mappings

DEFINITION = "CustomResourceDefinition.apiextensions.k8s.io"


def served(units: Mapping[str, UnitResult], placements: Iterable[Placement]) -> set[str]:
    """`group/version` and `group/version/Kind` of the CRDs among what was rendered."""
    found: set[str] = set()
    for key in {one.unit.key for one in placements}:
        unit = units.get(key)
        for number, body in unit.public.items() if unit is not None else ():
            if unit is not None and unit.facts[number][0] == DEFINITION:
                found |= versions(body)
    return found


def versions(body: Mapping[str, Any]) -> set[str]:
    """The same of one CRD."""
    group, kind = dig(body, "spec", "group"), dig(body, "spec", "names", "kind")
    names = [
        f"{group}/{one.get('name')}"
        for one in mappings(dig(body, "spec", "versions"))
        if one.get("served", True)
    ]
    return {*names, *(f"{name}/{kind}" for name in names)} if group and kind else set()
