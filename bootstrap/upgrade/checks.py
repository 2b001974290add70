"""Breaking changes that are checked: what the crossed versions remove, and what uses it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.layout import units
from bootstrap.manifests.reader import documents
from bootstrap.resources.index import Resource, mapping, mappings

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Note:
    """Something that breaks, or may. `fatal`: something that works now stops working."""

    found: str
    fix: str
    where: str = ""
    fatal: bool = False

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.found}{place}: {self.fix}"


def removed_values(base: Files, theirs: Files, ours: Files, prefix: str) -> Iterator[Note]:
    """Values that a component sets here but that the catalog has dropped."""
    for unit, paths in units.by_unit(theirs, prefix).items():
        for path in paths:
            if not path.endswith("values.yaml") or path not in base or path not in ours:
                continue
            gone = {*_keys(base[path], path)} - {*_keys(theirs[path], path)}
            still = {*_keys(ours[path], path)}
            for key in sorted(gone & still):
                if not any(key[: len(other)] == other and other != key for other in gone & still):
                    name = ".".join(map(str, key))
                    yield Note(
                        f"{name} is set, but the catalog's {unit.rpartition('/')[2]} no longer has it",
                        "check whether the chart still reads it (helm show values), else remove it",
                        path,
                    )


def served_no_more(before: Iterable[Resource], after: Iterable[Resource]) -> Iterator[Note]:
    """Versions of custom resources that a CRD drops, and the objects in Git that still use them."""
    after = list(after)
    old, new = _versions(before), _versions(after)
    for (group, kind), versions in sorted(old.items()):
        if (group, kind) not in new:
            continue  # the CRD itself is removed with its component: the diff shows that
        for version in sorted(versions - new[group, kind]):
            users = [
                one
                for one in after
                if one.body.get("kind") == kind and one.body.get("apiVersion") == f"{group}/{version}"
            ]
            found = f"{group}/{version} {kind} is no longer served"
            left = " or ".join(f"{group}/{one}" for one in sorted(new[group, kind])) or "another kind"
            for one in users:
                yield Note(f"{found}, and {one} uses it", f"use {left}", one.place, fatal=True)
            if not users:
                yield Note(f"{found}", f"nothing in Git uses it; other users must move to {left}")


def stored_versions(live: Iterable[Mapping[str, Any]], after: Iterable[Resource]) -> Iterator[Note]:
    """Versions in which the cluster still stores objects and that the new CRDs do not have."""
    new = _versions(after, served=False)
    for crd in live:
        spec, status = mapping(crd.get("spec")), mapping(crd.get("status"))
        name = (str(spec.get("group")), str(mapping(spec.get("names")).get("kind")))
        stored = {str(one) for one in status.get("storedVersions") or ()}
        for version in sorted(stored - new.get(name, stored)):
            yield Note(
                f"the cluster stores {name[1]} as {name[0]}/{version}, which the new CRD does not have",
                "write each object again in the new version first, then remove the old one from "
                "status.storedVersions of the CRD",
                f"CustomResourceDefinition {mapping(crd.get('metadata')).get('name')}",
                fatal=True,
            )


def _versions(objects: Iterable[Resource], served: bool = True) -> dict[tuple[str, str], set[str]]:
    """(group, kind) → the versions that its CRD has, or serves."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in objects:
        if one.body.get("kind") != "CustomResourceDefinition":
            continue
        kind = str(mapping(one.spec.get("names")).get("kind"))
        versions = {
            str(item.get("name"))
            for item in mappings(one.spec.get("versions"))
            if not served or item.get("served", True)
        }
        found.setdefault((str(one.spec.get("group")), kind), set()).update(versions)
    return found


def _keys(text: bytes, path: str) -> Iterator[tuple[str, ...]]:
    """Every path of keys in a values file; none if it is not YAML."""
    try:
        items = documents(text, path)
    except InputError:
        return
    for item in items:
        yield from _below(item, ())


def _below(value: Any, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        yield (*above, str(key))
        yield from _below(inner, (*above, str(key)))


_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


def numbers(version: str) -> tuple[int, int, int]:
    """Major, minor and patch; zeros if it is not such a version."""
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)
