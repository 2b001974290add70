"""What `bootstrap app remove` does: remove an app, or one environment of it, from a layout."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bootstrap.app import cluster_lines, inventory, laid_out
from bootstrap.app import list as app_list
from bootstrap.app.add import written
from bootstrap.app.inventory import Apps
from bootstrap.component import prune, switch
from bootstrap.component.prune import Pruned
from bootstrap.component.switch import Cluster
from bootstrap.core import next_run
from bootstrap.core.errors import ExitStatus, RefusedError
from bootstrap.core.output import Output
from bootstrap.edit.carry_out import Edit, Where, carry_out
from bootstrap.edit.files import Files
from bootstrap.git.changes import FileChange
from bootstrap.image import paths
from bootstrap.layout import components

_APPLICATIONS = re.compile(r"/apps/([^/]+)/applications/([^/]+)/?$")
LISTED = 6
"""Files that a refusal names; it counts any more."""


@dataclass(frozen=True)
class Removed:
    """The environments to remove, and what Argo CD deletes of those that run somewhere."""

    environments: tuple[str, ...]
    pruned: tuple[Pruned, ...]
    left: tuple[str, ...] = ()
    """Components that stay on, though nothing else that is on requires them."""


def remove(app: str, environment: str | None, force: bool, where: Where, output: Output) -> int:
    """Remove an app's lines and files; returns the exit status."""

    def decide(files: Files, under: str) -> Edit[Removed]:
        cluster = switch.read(files, under, where.cluster)
        prefix = inventory.prefix_of(cluster.path, where.cluster)
        edit = plan(app, environment, force, files, inventory.read(files, prefix))
        going = set(edit.what.environments)
        gone = [
            name
            for name, one in cluster.offers.items()
            if (match := _APPLICATIONS.search(one.entry))
            and match[1] == app
            and (environment is None or match[2] in going)
        ]
        return replace(edit, what=replace(edit.what, left=left_on(cluster, gone)))

    done = carry_out(where, decide, output)
    removed, changes = done.edit.what, done.edit.changes
    for item in removed.pruned:
        output.warn(item.sentence())
    if removed.left:
        names = " ".join(removed.left)
        disable = next_run.command("component disable", *removed.left)
        output.warn(f"still on, and required by nothing else: {names} ({disable})")
    data: dict[str, Any] = {
        "app": app,
        "environments": list(removed.environments),
        "removed": [change.path for change in changes if change.content is None],
        "changed": [change.path for change in changes if change.content is not None],
        "pruned": [
            {"application": one.application, "deleted": list(one.deleted), "kept": list(one.kept)}
            for one in removed.pruned
        ],
        "left": list(removed.left),
        "commit": done.commit,
        "request": done.asked,
    }
    output.result(data, written(done, where.dry_run))
    return ExitStatus.NO if where.dry_run else ExitStatus.OK


def left_on(cluster: Cluster, gone: Sequence[str]) -> tuple[str, ...]:
    """What the components in `gone` require, directly or not, and nothing else that is on does."""

    def required(names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            traits = cluster.traits.get(waiting.pop())
            new = set(traits.requires) - found if traits else set()
            found |= new
            waiting += new
        return found

    mine = {name for name in required(gone) if name in cluster.offers and cluster.offers[name].on}
    others = [name for name, one in cluster.offers.items() if one.on and name not in {*gone, *mine}]
    return tuple(sorted(mine - required(others)))


def plan(app: str, environment: str | None, force: bool, files: Files, apps: Apps) -> Edit[Removed]:
    """The files and lines to remove; InputError for what does not exist, RefusedError for what was edited."""
    if app not in apps.names():
        raise paths.unknown("reading the app's name", "app", app, apps.names())
    there = apps.environments(app)
    if environment is not None and environment not in there:
        raise paths.unknown("reading --env", "environment", environment, there, apps.folder(app))
    going = there if environment is None else [environment]
    folder = apps.folder(app)
    contents = {path: content for path in apps.files_of(app) if (content := files.read(path)) is not None}
    whole = set(going) == set(there)
    parts = tuple(f"{folder}/{kind}/{one}/" for kind in ("overlays", "applications") for one in going)
    leaving = {path: text for path, text in contents.items() if whole or path.startswith(parts)}
    record = contents.get(f"{folder}/{laid_out.FILE}")
    if not force:
        _check_untouched(app, leaving, record, folder)
    changes = [FileChange(path, None, content) for path, content in leaving.items()]
    if record is not None and not whole:
        path = f"{folder}/{laid_out.FILE}"
        changes.append(FileChange(path, laid_out.extended(record, {}, folder, leaving), record))
    clusters = inventory.clusters(files, apps.prefix)
    # The whole app may have lines of more than its environments, such as its alerts.
    names = _applications(apps, app) if whole else going
    entries = [inventory.entry(app, one) for one in names]
    on = {one for one in names if any(_is_on(text, inventory.entry(app, one)) for text in clusters.values())}
    lines = cluster_lines.without(clusters, entries)
    changes += [FileChange(path, text, clusters[path]) for path, text in lines.items()]
    if whole:
        changes += _projects(app, files, apps, list(clusters))
    pruned = tuple(_pruned(app, one, files, apps, contents) for one in names if one in on)
    subject = f"Remove {app}" + ("" if whole else f" ({environment})")
    return Edit(Removed(tuple(going), pruned), tuple(changes), subject)


def _check_untouched(app: str, leaving: dict[str, bytes], record: bytes | None, folder: str) -> None:
    tried = f"removing {app}"
    if record is None:
        found = f"it was not laid out by `bootstrap app add` ({folder}/{laid_out.FILE} does not exist)"
        raise RefusedError(tried, found, "add --force to remove all of its files")
    edited = laid_out.changed(record, leaving, folder)
    if edited:
        more = f" and {len(edited) - LISTED} more" if len(edited) > LISTED else ""
        found = f"someone has edited {', '.join(edited[:LISTED])}{more}"
        raise RefusedError(tried, found, "add --force to remove them anyway; Git keeps the old content")


def _applications(apps: Apps, app: str) -> list[str]:
    start = f"{apps.folder(app)}/applications/"
    return sorted(
        {path.removeprefix(start).split("/")[0] for path in apps.files_of(app) if path.startswith(start)}
    )


def _is_on(kustomization: bytes, entry: str) -> bool:
    return any(
        one.on and one.entry.rstrip("/") == entry for one in components.offered(kustomization).values()
    )


def _pruned(app: str, environment: str, files: Files, apps: Apps, contents: dict[str, bytes]) -> Pruned:
    application = app_list.application_of(files, apps, app, environment)
    return prune.pruned(application, bool(app_list.sources_elsewhere(application)), contents)


def _projects(app: str, files: Files, apps: Apps, clusters: list[str]) -> list[FileChange]:
    """The AppProjects without the repositories that no other app uses."""
    used: dict[str, set[str]] = {}
    for path in apps.paths:
        parts = path.removeprefix(f"{apps.prefix}apps/").split("/")
        if len(parts) == 4 and parts[1] == "applications" and parts[3] == "application.yaml":
            application = app_list.application_of(files, apps, parts[0], parts[2])
            urls = {str(one["repoURL"]) for one in app_list.sources_elsewhere(application)}
            used.setdefault(parts[0], set()).update(urls)
    others = {url for other, urls in used.items() if other != app for url in urls}
    changes = []
    for kustomization in clusters:
        path = f"{posixpath.dirname(kustomization)}/projects.yaml"
        if (before := files.read(path)) is None:
            continue
        after = before
        for url in sorted(used.get(app, set()) - others):
            after = cluster_lines.forbidden(after, path, url)
        changes += [FileChange(path, after, before)] if after != before else []
    return changes
