"""The fields of Kubernetes' own kinds, for the releases that ship with this program.

scripts/generate_kubernetes_kinds.py generates the file: neither a client nor a cluster is involved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

Release = tuple[int, int]
"""Major and minor, as (1, 36)."""


@cache
def _releases() -> dict[Release, tuple[str, Mapping[str, Any]]]:
    """Release → its name with the patch, and its data; see scripts/generate_kubernetes_kinds.py."""
    text = resources.files("bootstrap.validate").joinpath("kubernetes-kinds.json").read_text("utf-8")
    found = {}
    for name, kept in json.loads(text).items():
        major, minor, _ = name.removeprefix("v").split(".")
        found[(int(major), int(minor))] = (name, kept)
    return found


def releases() -> list[Release]:
    """The releases whose kinds are known, oldest first."""
    return sorted(_releases())


def newest() -> Release:
    """The newest release whose kinds are known."""
    return releases()[-1]


def nearest(release: Release) -> Release:
    """The release to use for another: the newest one that is not newer, else the oldest known."""
    older = [one for one in releases() if one <= release]
    return older[-1] if older else releases()[0]


def name_of(release: Release) -> str:
    """A known release with its patch: v1.36.3."""
    return _releases()[release][0]


@cache
def load(release: Release | None = None) -> Mapping[str, Any]:
    """What Kubernetes serves in a release (the newest by default).

    `models`: model → {"fields": {name: type}, "required": [names]}; `kinds`: `apiVersion/Kind` → model.
    A type is str, int, float, bool, date, quantity, any, `int|str`, `#Model`, ["list", type],
    ["dict", type], ["enum", [values]] or (of a custom kind) ["bounded", type, bounds].
    """
    wanted = nearest(release or newest())
    models: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for one in reversed(releases()):
        _, kept = _releases()[one]
        for part, found in (("models", models), ("kinds", kinds)):
            for name in kept.get(f"gone-{part}", ()):
                del found[name]
            found.update(kept[part])
        if one == wanted:
            break
    return {"models": models, "kinds": kinds}
