"""What `bootstrap app list` shows: every app and environment, what it runs, and whether it is on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bootstrap.app import inventory
from bootstrap.app.inventory import Apps
from bootstrap.component import switch
from bootstrap.component.switch import Cluster
from bootstrap.core.errors import ExitStatus
from bootstrap.core.names import is_own_source
from bootstrap.core.output import Output
from bootstrap.core.text import with_short_digests
from bootstrap.edit.access import open_branch, open_tree
from bootstrap.edit.carry_out import Where
from bootstrap.edit.files import Files
from bootstrap.image.places import find
from bootstrap.manifests.reader import documents, is_application

SHOWN = 2
"""Images or hosts that a line of the table lists."""


@dataclass(frozen=True)
class Listed:
    """One environment of an app; `on` says whether this cluster runs it; `hosts`: those it serves."""

    app: str
    environment: str
    on: bool
    kind: str
    runs: tuple[str, ...]
    hosts: tuple[str, ...]
    namespace: str | None


def list_apps(where: Where, output: Output) -> int:
    """Print the apps of a layout; returns the exit status."""
    found = read(where, output)
    output.result([asdict(item) for item in found])
    rows = [
        (one.app, one.environment, "on" if one.on else "off", _few(one.runs), _few(one.hosts))
        for one in found
    ]
    output.table(("APP", "ENVIRONMENT", "STATE", "RUNS", "HOSTS"), rows)
    return ExitStatus.OK


def read(where: Where, output: Output) -> list[Listed]:
    """Every environment of every app, from local files or from a repository by URL."""
    if where.access.repo is None:
        tree, under = open_tree(where.access)
        return listed(tree, switch.read(tree, under, where.cluster), where.cluster)
    with open_branch(where.access, output) as (branch, under):
        branch.refresh()
        return listed(branch, switch.read(branch, under, where.cluster), where.cluster)


def _few(names: tuple[str, ...]) -> str:
    """Enough to recognise them: digests are shortened, and of many names only the first are shown."""
    shown = [with_short_digests(name) for name in names[:SHOWN]]
    more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join([*shown, *more])


def listed(files: Files, cluster: Cluster, name: str) -> list[Listed]:
    """Every environment of every app, ordered by name."""
    apps = inventory.read(files, inventory.prefix_of(cluster.path, name))
    on = {component.entry for component in cluster.offers.values() if component.on}
    return [
        _one(files, apps, app, environment, on)
        for app in apps.names()
        for environment in apps.environments(app)
    ]


def _one(files: Files, apps: Apps, app: str, environment: str, on: set[str]) -> Listed:
    application = application_of(files, apps, app, environment)
    kind, runs = _source(application)
    overlay = f"{apps.folder(app)}/overlays/{environment}"
    if kind == "image":
        runs = _images(files, f"{overlay}/kustomization.yaml")
    data = inventory.settings(files, f"{overlay}/settings.yaml")
    hosts = tuple(str(value) for key, value in data.items() if key.lower().endswith("host"))
    if hosts and not inventory.are_served(files, overlay):
        hosts = ()
    namespace = application.get("spec", {}).get("destination", {}).get("namespace")
    state = inventory.entry(app, environment) in on
    return Listed(app, environment, state, kind, runs, hosts, namespace)


def application_of(files: Files, apps: Apps, app: str, environment: str) -> Mapping[str, Any]:
    """The Application of an environment; empty when there is none."""
    path = f"{apps.folder(app)}/applications/{environment}/application.yaml"
    content = files.read(path)
    found = documents(content, path) if content is not None else []
    return next((item for item in found if is_application(item)), {})


def sources_elsewhere(application: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The sources of an Application that are not this repository."""
    return [one for one in application.get("spec", {}).get("sources") or () if not is_own_source(one)]


def _source(application: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    elsewhere = sources_elsewhere(application)
    if not elsewhere:
        return "image", ()
    first = elsewhere[0]
    if "chart" in first:
        return "chart", (f"{first['repoURL']}/{first['chart']} {first.get('targetRevision')}",)
    return "git", (f"{first['repoURL']}/{first.get('path', '')} {first.get('targetRevision')}",)


def _images(files: Files, path: str) -> tuple[str, ...]:
    content = files.read(path)
    places = find(path, content) if content is not None else []
    return tuple(
        str(place.reference) for place in places if place.kind == "kustomization" and place.reference
    )
