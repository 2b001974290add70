"""What `bootstrap status` and `bootstrap wait` do, callable from Python."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bootstrap import argocd, kube
from bootstrap.errors import ExitStatus, InputError, NotFound
from bootstrap.kube import Cluster
from bootstrap.output import Output
from bootstrap.status import ApplicationStatus, Status, key_of, summarise

ROOT = "root"
FOREVER = 10 * 365 * 86400.0
"""Seconds that a watch without an end lasts."""
API_VERSION = "argoproj.io/v1alpha1"
TICK = 1.0
"""Seconds between two drawings of a live view, at least."""
HEADERS = ("WAVE", "APPLICATION", "SYNC", "HEALTH", "REVISION", "SINCE", "WAITING FOR")


@dataclass(frozen=True)
class Request:
    """What was asked for; see the options of the commands."""

    context: str | None = None
    namespace: str = argocd.NAMESPACE
    root: str = ROOT
    commit: str | None = None
    timeout: float = 600.0
    repository: Path | None = None


# -- status ----------------------------------------------------------------------------------


def status(request: Request, output: Output) -> int:
    """Print every Application; 1 when one is not Synced and Healthy."""
    cluster = kube.connect(output.invocation, request.context)
    applications = argocd.applications(cluster, request.namespace)
    if not applications:
        raise NotFound(
            f"reading the Applications in {request.namespace}",
            "there is none",
            "run bootstrap init, or name Argo CD's namespace with --namespace",
        )
    found = everything(applications, request, output)
    if output.format == "json":
        output.result({**found.data(), "images": images(applications)})
    else:
        output.table(HEADERS, [cells(item) for item in found.applications])
        output.info(found.summary())
    return ExitStatus.OK if found.ready else ExitStatus.NO


def everything(applications: Sequence[dict[str, Any]], request: Request, output: Output) -> Status:
    """The root and what is below it, then what no root leads to."""
    commit = _commit(request, output)
    first = summarise(applications, request.root, request.namespace, commit)
    seen = {(item.namespace, item.name) for item in first.applications}
    rows = list(first.applications)
    for application in sorted(applications, key=key_of):
        if key_of(application) not in seen:
            namespace, name = key_of(application)
            part = [
                item
                for item in summarise(applications, name, namespace, commit).applications
                if (item.namespace, item.name) not in seen
            ]
            rows += part
            seen |= {(item.namespace, item.name) for item in part}
    return replace(first, applications=tuple(rows))


def cells(item: ApplicationStatus) -> tuple[str, ...]:
    """A row of the table."""
    wave, name, sync, health, since, waiting = item.cells()
    revision = item.revision[:9] if re.fullmatch(r"[0-9a-f]{40,64}", item.revision) else item.revision[:16]
    return wave, name, sync, health, revision or "-", since, waiting


def images(applications: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The images that run, by Application, as Argo CD tells."""
    found = {}
    for application in applications:
        summary = (application.get("status") or {}).get("summary") or {}
        if summary.get("images"):
            found["/".join(key_of(application))] = sorted(summary["images"])
    return found


def watch(request: Request, output: Output) -> int:
    """Show the Applications as they change, until Ctrl-C; 1 when one is not Synced and Healthy then."""
    cluster = kube.connect(output.invocation, request.context)
    console = output.console(output.invocation.stdout)
    if console is None or output.format == "json":
        raise InputError("reading --watch", "the output is no terminal", "use bootstrap wait in scripts")
    from rich.live import Live

    found = Status(request.root, None, ())
    with Live(console=console, auto_refresh=False, screen=True) as live:
        try:
            for found in states(cluster, request, output):
                live.update(_drawn(found, console.height, console.width), refresh=True)
        except KeyboardInterrupt:
            pass  # the way to end it
    output.info(found.summary())
    return ExitStatus.OK if found.ready else ExitStatus.NO


def states(cluster: Cluster, request: Request, output: Output) -> Iterator[Status]:
    """The whole, each time that something changed, at most every TICK seconds; by a watch."""
    known: dict[tuple[str, str], dict[str, Any]] = {}
    changed = True
    events = kube.watch(cluster, API_VERSION, "Application", request.namespace, request.timeout, tick=TICK)
    for event, application in events:
        if event == "TICK":
            if changed:
                yield everything(list(known.values()), request, output)
            changed = False
            continue
        changed = True
        if event == "DELETED":
            known.pop(key_of(application), None)
        else:
            known[key_of(application)] = application


def _drawn(found: Status, height: int, width: int) -> Any:
    """As many rows as the terminal has, those that are not ready first."""
    from rich.table import Table
    from rich.text import Text

    room = max(1, height - 4)
    rows = [*found.waiting, *(item for item in found.applications if item.ready)]
    table = Table(box=None, header_style="bold", pad_edge=False, caption_justify="left")
    for header in HEADERS:
        table.add_column(header, no_wrap=True, overflow="ellipsis", max_width=max(12, width // 2))
    for item in rows[:room]:
        style = "" if item.ready else ("red" if item.final else "yellow")
        mark = "✓ " if item.ready else ("✗ " if item.final else "… ")
        wave, name, *rest = cells(item)
        table.add_row(*(Text(cell, style=style) for cell in (wave, mark + name, *rest)))
    more = f", {len(rows) - room} more below" if len(rows) > room else ""
    table.caption = f"{found.summary()}{more}; Ctrl-C ends"
    return table


# -- wait ------------------------------------------------------------------------------------


def wait(request: Request, output: Output) -> int:
    """End when all below the root is Synced and Healthy (at the commit); NotReadyError says what is not."""
    cluster = kube.connect(output.invocation, request.context)
    commit = _commit(request, output)
    at = f" at {commit[:9]}" if commit else ""
    with output.progress(f"waiting for {request.root}{at}") as progress:
        found = argocd.wait(
            cluster,
            request.root,
            commit,
            request.timeout,
            progress.update,
            namespace=request.namespace,
        )
    output.result(found.data(), found.summary())
    return ExitStatus.OK


def _commit(request: Request, output: Output) -> str | None:
    """The full id of the commit that was asked for; short ones and names are looked up here."""
    if request.commit is None or re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", request.commit):
        return request.commit
    from bootstrap.git_history import commit_id

    return commit_id(request.repository or Path(), request.commit, output.invocation)
