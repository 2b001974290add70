"""What `bootstrap status` and `bootstrap wait` do, callable from Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bootstrap import argocd, kube
from bootstrap.argocd import expiry, home
from bootstrap.argocd import server as argocd_server
from bootstrap.argocd.explain import explained
from bootstrap.argocd.source import Source
from bootstrap.argocd.status import Family, Status, key_of, summarise
from bootstrap.core.errors import ExitStatus, InputError, NotFound
from bootstrap.core.keyboard import pressed
from bootstrap.core.output import Output
from bootstrap.kube import Cluster, certificates
from bootstrap.status import behind as live_behind
from bootstrap.status import images as live_images
from bootstrap.status import table

ROOT = "root"
FOREVER = 10 * 365 * 86400.0
"""Seconds: the timeout of a watch without an end."""
API_VERSION = "argoproj.io/v1alpha1"
TICK = 1.0
"""Seconds between two drawings of a live view, at least."""
QUIT = frozenset("qQ")


@dataclass(frozen=True)
class Request:
    """What was asked for; see the options of the commands."""

    context: str | None = None
    namespace: str = ""
    """Argo CD's; "" for where it is found."""
    root: str = ROOT
    commit: str | None = None
    timeout: float = 600.0
    repository: Path | None = None
    server: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    images: bool = False


# -- status ----------------------------------------------------------------------------------


def status(request: Request, output: Output) -> int:
    """Print every Application, certificates in trouble, images that differ; 1 when one is not ready."""
    cluster = home.connect(output.invocation, request.context, request.namespace)
    request = replace(request, namespace=cluster.argocd_namespace)
    applications = argocd.applications(cluster, request.namespace)
    if not applications:
        raise NotFound(
            f"reading the Applications in {request.namespace}",
            "there are no Applications",
            "run bootstrap init, or name Argo CD's namespace with --namespace",
        )
    found = explained(cluster, everything(applications, request, output), applications)
    found = _with_distance(found, applications, request, output)
    troubles = list(certificates.troubles(certificates.listed(cluster), certificates.issuers(cluster)))
    ending = [one for one in expiry.read(cluster, request.namespace) or () if one.state != "ok"]
    runs = live_images.running(applications)
    git = live_images.in_git(request.repository or Path(), output) if request.images else {}
    differing = list(live_images.differences(runs, git))
    if output.format == "json":
        output.result(
            {
                **found.data(),
                "images": runs,
                "imagesInGit": git,
                "imagesDiffer": [asdict(item) for item in differing],
                "certificates": [item.data() for item in troubles],
                "credentials": [one.data() for one in ending],
            }
        )
    else:
        output.table(table.HEADERS, [table.cells(item) for item in found.applications])
        for item in found.waiting:
            for line in item.objects:
                output.line(f"{item.name}: {line}")
        for difference in differing:
            output.line(difference.line())
        for trouble in troubles:
            output.line(f"{trouble.what} {trouble.found}; {trouble.fix}")
        for one in ending:
            output.line(f"{one.what} {one.text}")
        output.info(found.summary())
    return ExitStatus.OK if found.ready else ExitStatus.NO


def everything(applications: Sequence[dict[str, Any]], request: Request, output: Output) -> Status:
    """The root and what is below it, then what the root does not lead to."""
    commit = _commit(request, output)
    family = Family.from_applications(applications)
    first = summarise(family, request.root, request.namespace, commit)
    seen = {(item.namespace, item.name) for item in first.applications}
    rows = list(first.applications)
    for application in sorted(applications, key=key_of):
        if key_of(application) not in seen:
            namespace, name = key_of(application)
            part = [
                item
                for item in summarise(family, name, namespace, commit).applications
                if (item.namespace, item.name) not in seen
            ]
            rows += part
            seen |= {(item.namespace, item.name) for item in part}
    return replace(first, applications=tuple(rows))


def _with_distance(
    found: Status, applications: Sequence[dict[str, Any]], request: Request, output: Output
) -> Status:
    """With the number of commits that each Application is behind, where this is a clone of its repository."""
    from bootstrap.git.behind import clone_at

    clone = clone_at(request.repository or Path(), output.invocation)
    if clone is None:
        return found
    counts = live_behind.counted(applications, clone)
    if clone.stale:
        output.warn("the Git host does not answer: BEHIND is as of the last fetch")
    return live_behind.with_counts(found, counts)


def watch(request: Request, output: Output) -> int:
    """Show the Applications as they change, until q or Ctrl-C; 1 if one is not ready then."""
    cluster = home.connect(output.invocation, request.context, request.namespace)
    request = replace(request, namespace=cluster.argocd_namespace)
    console = output.console(output.invocation.stdout)
    if console is None or output.format == "json":
        raise InputError("reading --watch", "the output is not a terminal", "use bootstrap wait in scripts")
    from rich.live import Live

    found = Status(request.root, None, ())
    with pressed(output.invocation) as typed, Live(console=console, auto_refresh=False, screen=True) as live:
        try:
            for state in states(cluster, request, output):
                if QUIT.intersection(typed()):
                    break
                if state is not None:
                    found = state
                live.update(table.live(found, console.height, console.width), refresh=True)
        except KeyboardInterrupt:
            pass  # Ctrl-C ends the view, too
    output.info(found.summary())
    return ExitStatus.OK if found.ready else ExitStatus.NO


def states(cluster: Cluster, request: Request, output: Output) -> Iterator[Status | None]:
    """The status every TICK seconds when something has changed, else None; by a watch."""
    from bootstrap.git.behind import clone_at

    following = live_behind.Following(clone_at(request.repository or Path(), output.invocation))
    known: dict[tuple[str, str], dict[str, Any]] = {}
    changed = True
    events = kube.watch(cluster, API_VERSION, "Application", request.namespace, request.timeout, tick=TICK)
    for event, application in events:
        if event == "TICK":
            if changed or following.news:
                applications = list(known.values())
                state = everything(applications, request, output)
                yield live_behind.with_counts(state, following.counts(applications))
            else:
                yield None
            changed = False
            continue
        changed = True
        if event == "DELETED":
            known.pop(key_of(application), None)
        else:
            known[key_of(application)] = application


# -- wait ------------------------------------------------------------------------------------


def wait(request: Request, output: Output) -> int:
    """Return once all below the root is Synced and Healthy (at the commit), else NotReadyError."""
    cluster: Cluster | Source
    if request.server is not None:
        cluster = argocd_server.connect(
            request.server, output.invocation, request.token_file, request.ca_file
        )
    else:
        cluster = home.connect(output.invocation, request.context, request.namespace)
        request = replace(request, namespace=cluster.argocd_namespace)
    commit = _commit(request, output)
    at = f" at {commit[:9]}" if commit else ""
    with output.progress(f"waiting for {request.root}{at}") as progress:
        found = argocd.wait(
            cluster,
            request.root,
            commit,
            request.timeout,
            progress.update,
            namespace=request.namespace or argocd.NAMESPACE,
            descends=_ancestry(request, output),
        )
    output.result(found.data(), found.summary())
    return ExitStatus.OK


def _ancestry(request: Request, output: Output) -> Callable[[str, str], bool]:
    """Whether a commit has another in its history, by the clone here; False without one."""
    from bootstrap.git.behind import clone_at

    clone = clone_at(request.repository or Path(), output.invocation)
    return clone.descends if clone is not None else lambda commit, ancestor: False


def _commit(request: Request, output: Output) -> str | None:
    """The full id of the commit that was asked for; short ones and names are looked up here."""
    if request.commit is None or re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", request.commit):
        return request.commit
    from bootstrap.git.revisions import commit_id

    return commit_id(request.repository or Path(), request.commit, output.invocation)
