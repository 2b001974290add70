"""What `bootstrap app add` does: read the layout, decide, write or push, report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bootstrap.app import cluster_lines, inventory, laid_out
from bootstrap.app import files as app_files
from bootstrap.app.cluster_lines import Line
from bootstrap.app.files import Placed
from bootstrap.app.inventory import Apps
from bootstrap.app.request import PRODUCTION, AppRequest, check_host, check_name
from bootstrap.component import switch
from bootstrap.component.switch import Cluster
from bootstrap.core import next_run
from bootstrap.core.errors import ExitStatus, InputError, RefusedError
from bootstrap.core.output import Output
from bootstrap.edit.carry_out import Edit, Outcome, Where, carry_out
from bootstrap.edit.files import Files
from bootstrap.git.changes import FileChange
from bootstrap.layout.catalog import EXAMPLE_DOMAIN
from bootstrap.layout.traits import Choice


@dataclass(frozen=True)
class Added:
    """What was decided: the app in its environments, what it brings along, and notes for the user."""

    app: Placed
    choice: Choice
    notes: tuple[str, ...]


def add(request: AppRequest, where: Where, output: Output) -> int:
    """Lay an app out and switch it on; returns the exit status."""
    request.check()

    def decide(files: Files, under: str) -> Edit[Added]:
        return plan(request, files, switch.read(files, under, where.cluster), where.cluster)

    done = carry_out(where, decide, output)
    return _report(done, where, output)


def plan(request: AppRequest, files: Files, cluster: Cluster, name: str) -> Edit[Added]:
    """The files of the app, its lines, and what they require; InputError, RefusedError if that fails."""
    prefix = inventory.prefix_of(cluster.path, name)
    apps = inventory.read(files, prefix)
    environments = _environments(request, apps, cluster)
    check_name(request.name, "the app's name", environments)
    settings = inventory.settings(files, f"{prefix}clusters/{name}/settings.yaml")
    domain = str(settings.get("domain") or EXAMPLE_DOMAIN)
    hosts = {one: _host(request, one, environments, domain) for one in environments}
    taken = inventory.taken_hosts(files, apps, but=request.name) if request.host else {}
    for host in hosts.values():
        if host in taken:
            raise RefusedError("reading --host", f"{host} is taken", "give another host", taken[host])
    way = cluster_lines.way_in(cluster, request.gateway)
    app = Placed(request, prefix, hosts, way)
    wanted = app_files.files(app)
    wanted[f"{app.folder}/{laid_out.FILE}"] = laid_out.render(wanted, app.folder)
    new = _new_files(app, apps, files, wanted)
    lines = [
        Line(request.name, one, wanted[f"{app.folder}/applications/{one}/application.yaml"])
        for one in environments
    ]
    content, choice = cluster_lines.switched_on(cluster, lines)
    changes = [*new]
    if content != cluster.content:
        changes.append(FileChange(cluster.path, content, cluster.content))
    if source := _source(request):
        if source == settings.get("repoURL"):
            found, hint = f"{source} is this repository itself", "put its manifests below apps/ by hand"
            raise InputError("reading --git", found, hint)
        changes += _permission(files, f"{prefix}clusters/{name}/projects.yaml", source)
    subject = f"Add {request.name} ({', '.join(environments)}) on cluster {name}"
    return Edit(Added(app, choice, tuple(_notes(app, choice))), tuple(changes), subject)


def _permission(files: Files, path: str, repository: str) -> list[FileChange]:
    before = files.read(path) or b""
    after = cluster_lines.permitted(before, path, repository)
    return [FileChange(path, after, before)] if after != before else []


def _environments(request: AppRequest, apps: Apps, cluster: Cluster) -> tuple[str, ...]:
    on = {
        component.entry.rsplit("/", 1)[-1]
        for component in cluster.offers.values()
        if component.on and "/applications/" in component.entry
    }
    chosen = inventory.choose_environments(apps, request.environments, on)
    for one in chosen:
        check_name(one, "--env")
    return chosen


def _host(request: AppRequest, environment: str, all_: tuple[str, ...], domain: str) -> str:
    """The given host for a single environment and for production; otherwise with the environment in it."""
    if request.host is None:
        middle = "" if environment in PRODUCTION else f"{environment}."
        return f"{request.name}.{middle}{domain}"
    if len(all_) == 1 or environment in PRODUCTION:
        return request.host
    first, _, rest = request.host.partition(".")
    host = f"{first}.{environment}.{rest}"
    check_host(host, "--host")
    return host


def _new_files(app: Placed, apps: Apps, files: Files, wanted: app_files.Files) -> list[FileChange]:
    """The files to write: none when exactly this app exists; RefusedError when a different one exists."""
    there = apps.files_of(app.request.name)
    if not there:
        return [FileChange(path, content) for path, content in wanted.items()]
    rest = [path for path in wanted if path not in there]
    as_wanted = set(there) <= set(wanted) and all(files.read(path) == wanted[path] for path in there)
    # The record is the last file: without it, a run ended before it had written all of them.
    if as_wanted and (not rest or f"{app.folder}/{laid_out.FILE}" in rest):
        return [FileChange(path, wanted[path]) for path in rest]
    hint, name = "give it another name", app.request.name
    if known := apps.environments(name):
        add = next_run.command("env add", "ENV", "--from", known[0], "--app", name)
        hint += f"; for another environment: {add}"
    raise RefusedError(f"adding {name}", f"{app.folder} exists already", hint)


def _source(request: AppRequest) -> str | None:
    """The repository that the app's manifests come from, when it is not this one."""
    if request.kind == "chart":
        return request.chart_parts().repository
    return request.git if request.kind == "git" else None


def _notes(app: Placed, choice: Choice) -> list[str]:
    request = app.request
    notes = list(choice.notes)
    for config in request.configs() if request.kind == "image" else ():
        if config.kind == "configmap":
            notes.append(f"fill {app.folder}/base/{config.name}.env")
        elif not config.keys:
            made = f"create secret generic {config.name} …"
            notes += [
                f"create the Secret by hand: kubectl -n {request.name}-{one} {made}" for one in app.hosts
            ]
    if request.kind != "image":
        notes.append("the AppProject apps permits only namespaced kinds and the app's own Namespace")
    return notes


def _report(done: Outcome[Added], where: Where, output: Output) -> int:
    edit, added = done.edit, done.edit.what
    app, changes = added.app, edit.changes
    for note in added.notes:
        output.warn(note)
    shown = app.request.host is not None
    own = {f"{app.request.name}-{one}": host for one, host in app.hosts.items()}
    lines = [
        f"{name}: namespace {name}" + (f", https://{host}" if shown else "") for name, host in own.items()
    ]
    lines += came_along(added.choice, set(own), app.request.name)
    lines.append(written(done, where.dry_run))
    data: dict[str, Any] = {
        "app": app.request.name,
        "kind": app.request.kind,
        "cluster": where.cluster,
        "environments": [
            {"name": one, "namespace": f"{app.request.name}-{one}", "host": host if shown else None}
            for one, host in app.hosts.items()
        ],
        "switched": list(added.choice.switched),
        "because": dict(added.choice.because),
        "notes": list(added.notes),
        "changed": [change.path for change in changes],
        "commit": done.commit,
        "request": done.asked,
    }
    output.result(data, "\n".join(lines) if changes else "nothing to do")
    return ExitStatus.NO if where.dry_run and changes else ExitStatus.OK


def came_along(choice: Choice, own: set[str], what: str) -> list[str]:
    """The components that were switched on in addition to the apps' own lines, each with its reason."""
    return [
        f"enabled {name} (required by {choice.because.get(name, what)})"
        for name in choice.switched
        if name not in own
    ]


def written(done: Outcome[Any], dry_run: bool) -> str:
    """What happened to the files, in one line."""
    changes = done.edit.changes
    new = sum(change.before is None for change in changes)
    gone = sum(change.content is None for change in changes)
    counts = {"new": new, "changed": len(changes) - new - gone, "removed": gone}
    what = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    if dry_run:
        return f"nothing was written; files: {what}"
    if done.commit or done.request:
        return f"{done.summary('')}; files: {what}"
    return f"files: {what}; commit and push them"
