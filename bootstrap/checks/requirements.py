"""What Applications say that they cannot do without: the components that they require."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from bootstrap.checks.rule import Apps, Problem, Rule, at, names_near
from bootstrap.index import Resource

OFF = Rule(
    "GB224",
    "required-component-off",
    "warning",
    "An Application requires (gitops-bootstrap.io/requires) a component that is not switched on.",
    "switch it on: bootstrap component enable NAME",
)

REQUIRES, PROVIDES = "gitops-bootstrap.io/requires", "gitops-bootstrap.io/provides"
_ENVIRONMENT = re.compile(r"(?:^|/)apps/([^/]+)/applications/([^/]+)$")
_COMPONENT = re.compile(r"(?:^|/)infrastructure/([^/]+)/[^/]+$")


def check(apps: Apps) -> Iterator[Problem]:
    """Every rule of this module."""
    users = [item for item in apps.applications if REQUIRES in item.annotations]
    if not users or not apps.complete or not apps.self_contained or apps.unread:
        return
    on = _on(apps)
    for application in users:
        for needed in _listed(application, REQUIRES):
            if needed not in on:
                message = f"{application} requires {needed}, which is not on{names_near(needed, on)}"
                mend = f"switch it on: bootstrap component enable {needed}"
                yield at(OFF, application, message, "metadata", "annotations", REQUIRES, mend=mend)


def _on(apps: Apps) -> set[str]:
    """Every name by which something that is on can be required."""
    names: set[str] = set()
    for application in apps.applications:
        folder = posixpath.dirname(application.file)
        names |= {application.name, posixpath.basename(folder), *_listed(application, PROVIDES)}
        if match := _ENVIRONMENT.search(folder):
            names.add(f"{match[1]}-{match[2]}")
    for files in apps.closures.values():
        names |= {match[1] for file in files if (match := _COMPONENT.search(file))}
    return names


def _listed(application: Resource, key: str) -> list[str]:
    return [part.strip() for part in str(application.annotations.get(key) or "").split(",") if part.strip()]
