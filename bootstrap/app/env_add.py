"""What `bootstrap env add` does: a new environment for the apps that have another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.app import cluster_lines, env_copy, inventory, laid_out
from bootstrap.app import list as app_list
from bootstrap.app.add import came_along, written
from bootstrap.app.cluster_lines import Line
from bootstrap.app.env_copy import Copy, Naming
from bootstrap.app.inventory import Apps
from bootstrap.app.request import check_host, check_name
from bootstrap.component import switch
from bootstrap.component.switch import Cluster
from bootstrap.core.errors import ExitStatus, InputError, RefusedError
from bootstrap.core.output import Output
from bootstrap.edit.carry_out import Edit, Outcome, Where, carry_out
from bootstrap.edit.files import Files
from bootstrap.git.changes import FileChange
from bootstrap.image import paths
from bootstrap.layout.catalog import EXAMPLE_DOMAIN
from bootstrap.layout.traits import Choice


@dataclass(frozen=True)
class EnvRequest:
    """The options of `env add`: the new name, the environment to copy, of one app or of all."""

    name: str
    source: str
    app: str | None = None
    domain: str | None = None

    def check(self) -> None:
        """Raise InputError for options that make no sense."""
        check_name(self.name, "the environment's name")
        if self.name == self.source:
            raise InputError(
                "reading --from", f"{self.source} is also the new name", "give two different names"
            )
        if self.domain is not None:
            check_host(self.domain, "--domain")


@dataclass(frozen=True)
class Added:
    """What was decided: a copy for each app, and what it brings along."""

    copies: tuple[Copy, ...]
    choice: Choice
    notes: tuple[str, ...]
    unserved: tuple[str, ...] = ()
    """Apps whose new environment has no route for its hosts."""

    def hosts(self, app: Copy) -> list[str]:
        """The hosts that an app answers to."""
        return [] if app.app in self.unserved else list(app.hosts.values())


def add(request: EnvRequest, where: Where, output: Output) -> int:
    """Create a new environment and switch it on; returns the exit status."""
    request.check()

    def decide(files: Files, under: str) -> Edit[Added]:
        return plan(request, files, switch.read(files, under, where.cluster), where.cluster)

    done = carry_out(where, decide, output)
    return _report(request, done, where, output)


def plan(request: EnvRequest, files: Files, cluster: Cluster, name: str) -> Edit[Added]:
    """The new files and lines; InputError for what does not exist, RefusedError for what exists already."""
    prefix = inventory.prefix_of(cluster.path, name)
    apps = inventory.read(files, prefix)
    settings = inventory.settings(files, f"{prefix}clusters/{name}/settings.yaml")
    naming = Naming(
        request.source, request.name, str(settings.get("domain") or EXAMPLE_DOMAIN), request.domain
    )
    on = {component.entry.rstrip("/") for component in cluster.offers.values() if component.on}

    def contents_of(app: str) -> dict[str, bytes]:
        return {path: text for path in apps.files_of(app) if (text := files.read(path)) is not None}

    def copied(app: str, contents: Mapping[str, bytes]) -> Copy:
        same_cluster = inventory.entry(app, request.source) in on
        return env_copy.copy(app, apps.folder(app), contents, naming, same_cluster)

    def is_unfinished(app: str) -> bool:
        """Whether a run ended before it had written all: the line in the cluster is the last."""
        contents = contents_of(app)
        there = {path: text for path, text in contents.items() if f"/{request.name}/" in path}
        is_on = inventory.entry(app, request.name) in on
        return not is_on and there.items() <= copied(app, contents).files.items()

    chosen, notes = _choose(request, apps, is_unfinished)
    copies, lines, changes = [], [], []
    for app in chosen:
        folder, contents = apps.folder(app), contents_of(app)
        made = copied(app, contents)
        copies.append(made)
        changes += [FileChange(path, text) for path, text in made.files.items() if path not in contents]
        record = f"{folder}/{laid_out.FILE}"
        if record in contents:
            extended = laid_out.extended(contents[record], made.files, folder)
            changes.append(FileChange(record, extended, contents[record]))
        application = made.files[f"{folder}/applications/{request.name}/application.yaml"]
        lines.append(Line(app, request.name, application))
        notes += _notes(made)
    _check_hosts(copies, files, apps)
    content, choice = cluster_lines.switched_on(cluster, lines)
    changes += [FileChange(cluster.path, content, cluster.content)] if content != cluster.content else []
    changes += _permissions(chosen, request.source, files, apps, f"{prefix}clusters/{name}")
    subject = f"Add environment {request.name} (from {request.source}) on cluster {name}"
    after = _After(files, {change.path: change.content for change in changes})
    overlays = {one.app: f"{apps.folder(one.app)}/overlays/{request.name}" for one in copies}
    unserved = tuple(app for app, overlay in overlays.items() if not inventory.are_served(after, overlay))
    added = Added(tuple(copies), choice, (*notes, *choice.notes), unserved)
    return Edit(added, tuple(changes), subject)


@dataclass(frozen=True)
class _After:
    """The files with the changes applied."""

    files: Files
    changes: Mapping[str, bytes | None]

    def read(self, path: str) -> bytes | None:
        return self.changes[path] if path in self.changes else self.files.read(path)

    def under(self, folder: str) -> Iterator[str]:
        new = {path for path, text in self.changes.items() if text is not None and _is_below(path, folder)}
        gone = {path for path, text in self.changes.items() if text is None}
        yield from sorted((new | set(self.files.under(folder))) - gone)


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _choose(
    request: EnvRequest, apps: Apps, is_unfinished: Callable[[str], bool]
) -> tuple[list[str], list[str]]:
    """The apps to copy, and notes on those that have the new environment already."""
    known = apps.environments()
    if request.source not in known:
        raise paths.unknown("reading --from", "environment", request.source, known)
    if request.app is not None and request.app not in apps.names():
        raise paths.unknown("reading --app", "app", request.app, apps.names())
    having = [app for app in apps.names() if request.source in apps.environments(app)]
    without = [app for app in having if not _has_application(apps, app, request.source)]
    having = [app for app in having if app not in without]
    wanted = having if request.app is None else [app for app in having if app == request.app]
    if not wanted:
        there = ", ".join(apps.environments(str(request.app))) or "none"
        raise InputError(
            "reading --from", f"{request.app} has no environment {request.source}", f"it has: {there}"
        )
    chosen = [
        app
        for app in wanted
        if not any(f"/{request.name}/" in path for path in _places(apps, app)) or is_unfinished(app)
    ]
    if not chosen:
        found = f"{', '.join(wanted)} {'has' if len(wanted) == 1 else 'have'} it already"
        raise RefusedError(f"adding environment {request.name}", found, "give it another name")
    left = [app for app in wanted if app not in chosen]
    notes = [f"{app} has {request.name} already and was not changed" for app in left]
    return chosen, notes + [
        f"{app} has an overlay but no Application of {request.source} and was skipped" for app in without
    ]


def _has_application(apps: Apps, app: str, environment: str) -> bool:
    return f"{apps.folder(app)}/applications/{environment}/application.yaml" in apps.paths


def _places(apps: Apps, app: str) -> list[str]:
    """The app's files below overlays/ and applications/."""
    starts = tuple(f"{apps.folder(app)}/{kind}/" for kind in ("overlays", "applications"))
    return [path for path in apps.files_of(app) if path.startswith(starts)]


def _check_hosts(copies: list[Copy], files: Files, apps: Apps) -> None:
    """Refuse a host that another environment has: which one answers would be arbitrary."""
    taken = inventory.taken_hosts(files, apps)
    for made in copies:
        for host in made.hosts.values():
            check_host(host, "--domain")
            if host in taken and taken[host].partition(":")[0] not in made.files:  # an unfinished run's
                hint = "give the hosts of the new environment another --domain"
                raise RefusedError(f"naming the hosts of {made.app}", f"{host} is taken", hint, taken[host])


def _permissions(chosen: list[str], source: str, files: Files, apps: Apps, folder: str) -> list[FileChange]:
    """The AppProject of this cluster with the repositories of the apps' manifests."""
    changes: list[FileChange] = []
    before = after = files.read(f"{folder}/projects.yaml")
    for app in chosen:
        application = app_list.application_of(files, apps, app, source)
        for one in app_list.sources_elsewhere(application):
            if after is not None:
                after = cluster_lines.permitted(after, f"{folder}/projects.yaml", str(one["repoURL"]))
    if after is not None and after != before:
        changes.append(FileChange(f"{folder}/projects.yaml", after, before))
    return changes


def _notes(made: Copy) -> list[str]:
    notes = [
        f"{made.app}: {name} is off in the new environment: each node port can be used only once per cluster"
        for name in made.switched_off
    ]
    return notes + [f"{path}: seal it again, for namespace {made.namespace}" for path in made.sealed]


def _report(request: EnvRequest, done: Outcome[Added], where: Where, output: Output) -> int:
    edit, added = done.edit, done.edit.what
    for note in added.notes:
        output.warn(note)
    lines = [f"{one.app}: namespace {one.namespace}" + _named(added.hosts(one)) for one in added.copies]
    lines += came_along(added.choice, {f"{one.app}-{request.name}" for one in added.copies}, request.name)
    lines.append(written(done, where.dry_run))
    data: dict[str, Any] = {
        "environment": request.name,
        "from": request.source,
        "cluster": where.cluster,
        "apps": [
            {"app": one.app, "namespace": one.namespace, "hosts": added.hosts(one)} for one in added.copies
        ],
        "switched": list(added.choice.switched),
        "because": dict(added.choice.because),
        "notes": list(added.notes),
        "changed": [change.path for change in edit.changes],
        "commit": done.commit,
        "request": done.asked,
    }
    output.result(data, "\n".join(lines))
    return ExitStatus.NO if where.dry_run else ExitStatus.OK


def _named(hosts: Sequence[str]) -> str:
    return f", {', '.join(hosts)}" if hosts else ""
