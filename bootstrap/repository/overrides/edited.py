"""Pure: a kustomization as Argo CD edits it, if an Application's `kustomize:` section changes it.

Argo CD runs `kustomize edit` in the folder, which replaces an existing prefix, and the entry of an image
with the same name: the same fields in a kustomization on top would have another result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.resources.index import mapping, mappings, sequence

FORCED = "forced"
"""A key of overrides: the fields whose existing entries may be replaced."""
_SET = ("namePrefix", "nameSuffix", "namespace")


class Refused(Exception):
    """What `kustomize edit` refuses, in words."""


def edited(kustomization: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The kustomization with an Application's fields. Raises Refused."""
    found = dict(kustomization)
    found |= {key: overrides[key] for key in _SET if key in overrides}
    for field in ("images", "replicas"):
        if field in overrides:
            ours = {str(one.get("name")): dict(one) for one in mappings(overrides[field])}
            kept = mappings(found.get(field)) + (
                mappings(found.pop("imageTags", None)) if field == "images" else []
            )
            theirs = {str(one.get("name")): one for one in kept}
            merged = {**theirs, **{name: _preserved(one, theirs.get(name, {})) for name, one in ours.items()}}
            found[field] = [merged[name] for name in sorted(merged)]
    forced = sequence(overrides.get(FORCED))
    for one in mappings(overrides.get("labels")):
        _add_labels(found, one, "labels" in forced)
    if "commonAnnotations" in overrides:
        there = dict(mapping(found.get("commonAnnotations")))
        _refuse_twice("commonAnnotation", there, overrides["commonAnnotations"], "annotations" in forced)
        found["commonAnnotations"] = {**there, **overrides["commonAnnotations"]}
    if "patches" in overrides:
        found["patches"] = [*sequence(found.get("patches")), *overrides["patches"]]
    if "components" in overrides:
        included = [*sequence(found.get("components")), *overrides["components"]]
        found["components"] = list(dict.fromkeys(included))
    return found


def _preserved(image: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """With `*` in a part of an image: the part that is there."""
    kept = {key: before.get(key, "") if value == "*" else value for key, value in image.items()}
    return {key: value for key, value in kept.items() if value != ""}


def _add_labels(found: dict[str, Any], added: Mapping[str, Any], force: bool) -> None:
    if added.get("includeSelectors"):
        there = dict(mapping(found.get("commonLabels")))
        _refuse_twice("label", there, added["pairs"], force)
        found["commonLabels"] = {**there, **added["pairs"]}
        return
    labels = [dict(one) for one in mappings(found.get("labels"))]
    same = ("includeSelectors", "includeTemplates")
    for one in labels:
        if all(bool(one.get(key)) is bool(added.get(key)) for key in same):
            _refuse_twice("label", mapping(one.get("pairs")), added["pairs"], force)
            one["pairs"] = {**mapping(one.get("pairs")), **added["pairs"]}
            break
    else:
        labels.append(dict(added))
    found["labels"] = labels


def _refuse_twice(kind: str, there: Mapping[str, Any], added: Mapping[str, Any], force: bool) -> None:
    for name in added:
        if name in there and not force:
            raise Refused(f"{kind} {name} already in kustomization file. Use --force to override.")
