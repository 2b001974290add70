"""Pure: expand an ApplicationSet: what it generates, and the fault that says what is not known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.manifests.reader import Fault
from bootstrap.repository.appsets.appset import MOST, Expansion, Inputs, Refused, expand
from bootstrap.resources.index import mapping, mappings

FIX = "correct the generator or the template that the message names"


def followed(
    body: Mapping[str, Any], inputs: Inputs, name: str, line: int, others: int = 0
) -> tuple[Expansion, Fault | None, str]:
    """What a set generates, with the fault and the reason if that is incomplete or nothing.

    `others` is how many Applications other sets have generated: after too many, a set is not expanded.
    """
    try:
        made = expand(body, inputs) if others <= MOST else _left(others)
    except Refused as error:
        message = f"Argo CD generates nothing from the ApplicationSet {name}: {error}"
        fault = Fault("set-refused", line, message, FIX)
        return Expansion(partial=True), fault, f"Argo CD refuses it: {error}"
    if (twice := _twice(made.applications)) is not None:
        what = f"the ApplicationSet {name} generates two Applications with the name {twice}"
        fault = Fault("set-refused", line, f"{what}: Argo CD refuses them", _UNIQUE)
        return made, fault, f"{what}"
    if not made.unknown:
        paths = [] if made.applications else list(_looked_for(mapping(body.get("spec"))))
        if paths:
            message = f"the ApplicationSet {name} generates nothing: no path matches {', '.join(paths)}"
            return made, Fault("set-empty", line, message, "correct the path of the generator"), ""
        return made, None, ""
    why = "; ".join(dict.fromkeys(made.unknown))
    how = "only partly" if made.applications else "not"
    fault = Fault("set", line, f"the ApplicationSet {name} is {how} followed: {why}", "check it live")
    return made, fault, why


def _looked_for(value: Mapping[str, Any]) -> Iterator[str]:
    """The paths of a set's own git generators; in a matrix or merge, another one may generate nothing."""
    for generator in mappings(value.get("generators")):
        git = mapping(generator.get("git"))
        for one in (*mappings(git.get("directories")), *mappings(git.get("files"))):
            if not one.get("exclude"):
                yield str(one.get("path"))


_UNIQUE = "put what tells them apart into template.metadata.name"


def _twice(made: Sequence[Mapping[str, Any]]) -> str | None:
    """The name that two Applications of a set share; None if each has its own."""
    seen: set[tuple[str, str]] = set()
    for one in made:
        metadata = mapping(one.get("metadata"))
        key = (str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
        if key in seen and key[1] and "{{" not in key[1]:
            return key[1]
        seen.add(key)
    return None


def _left(others: int) -> Expansion:
    return Expansion(unknown=[f"other sets already generate {others:,} Applications"], partial=True)


def digest(body: Mapping[str, Any]) -> str:
    """The checksum of an Application that a set generates."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
