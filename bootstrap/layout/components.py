"""Pure: which components a cluster's kustomization offers, and which of them are on.

A component is one line in `resources:`; one that is off is a comment there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bootstrap.core.errors import InputError
from bootstrap.core.text import near, suggest

ALL = "all"
LINE = re.compile(
    r"^\s*(?P<off>#\s*)?-\s+(?P<entry>(?:\.\./)+(?:infrastructure|apps)/\S+)\s*(?:#\s*(?P<about>.*))?$"
)
_APPLICATION = re.compile(r".*/apps/(?P<app>[^/]+)/applications/(?P<environment>[^/]+)/?$")


@dataclass(frozen=True)
class Component:
    """`entry` is the line's path from the cluster's folder; `name` is its name on the command line."""

    name: str
    entry: str
    on: bool
    about: str

    def folder(self, cluster: str) -> str:
        """The folder of its Applications, relative like the folder `cluster`."""
        return posixpath.normpath(posixpath.join(cluster, self.entry))


def offered(kustomization: bytes) -> dict[str, Component]:
    """Every component named in a cluster's kustomization, on or off, in its order."""
    found: dict[str, Component] = {}
    for line in kustomization.decode("utf-8", "replace").splitlines():
        if match := LINE.match(line):
            name = _name(match["entry"])
            on = match["off"] is None
            if name not in found or on:
                found[name] = Component(name, match["entry"], on, (match["about"] or "").strip())
    return found


def choose(components: dict[str, Component], names: Iterable[str], option: str) -> list[Component]:
    """The named components (`all` names each); InputError with the nearest names."""
    chosen: list[Component] = []
    for name in names:
        if name == ALL:
            return list(components.values())
        if name not in components:
            hint = suggest(near(name, components, most=3, cutoff=0.4))
            raise InputError(
                f"reading {option}",
                f"there is no component {name!r}",
                hint or f"choose from: {', '.join(components)}",
            )
        chosen.append(components[name])
    return chosen


def _name(entry: str) -> str:
    if match := _APPLICATION.match(entry):
        return f"{match['app']}-{match['environment']}"
    return entry.rstrip("/").rsplit("/", 1)[-1]
