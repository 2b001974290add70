"""The components that Applications require."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from bootstrap.core import next_run
from bootstrap.core.text import names_near
from bootstrap.resources.index import WAVE, Resource
from bootstrap.validate.rule import Apps, Problem, Rule, problem
from bootstrap.validate.rules import waves

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
            yield from _order(apps, application, needed)
            if needed not in on:
                message = f"{application} requires {needed}, which is not switched on{names_near(needed, on)}"
                place = next_run.of_cluster(apps.folder)
                fix = f"switch it on: {next_run.command('component enable', needed, *place)}"
                yield problem(OFF, application, message, "metadata", "annotations", REQUIRES, fix=fix)


def _on(apps: Apps) -> set[str]:
    """Every name by which something that is switched on can be required."""
    names = {name for application in apps.applications for name in _names(application)}
    for files in apps.closures.values():
        names |= {match[1] for file in files if (match := _COMPONENT.search(file))}
    return names


def _names(application: Resource) -> set[str]:
    """The names by which an Application can be required: its own, its component's, and what it provides."""
    folder = posixpath.dirname(application.file)
    names = {application.name, posixpath.basename(folder), *_listed(application, PROVIDES)}
    if match := _ENVIRONMENT.search(folder):
        names.add(f"{match[1]}-{match[2]}")
    return names


def _order(apps: Apps, user: Resource, needed: str) -> Iterator[Problem]:
    """Requirements that the same parent only applies in later waves."""
    beside = [one for one in apps.applications if one.application == user.application]
    providers = [one for one in beside if needed in _names(one)]
    if not providers or user in providers or any(one.wave <= user.wave for one in providers):
        return
    first = min(providers, key=lambda one: one.wave)
    message = f"{user} (wave {user.wave}) requires {needed}, which comes with {first} (wave {first.wave})"
    yield problem(waves.LATER_APPLICATION, user, message, "metadata", "annotations", WAVE)


def _listed(application: Resource, key: str) -> list[str]:
    return [part.strip() for part in str(application.annotations.get(key) or "").split(",") if part.strip()]
