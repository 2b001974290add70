"""What `bootstrap cluster rename` does: a cluster gets another name, first in Git, then in the cluster.

The folder moves in one commit. Until the root Application follows, Argo CD does not find its path: it changes
and deletes nothing. After an interruption, the same command continues.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace

from bootstrap import kube
from bootstrap.argocd import home
from bootstrap.argocd.root import Place
from bootstrap.cluster.observe import LOOKING, followed
from bootstrap.cluster.rotate import agree
from bootstrap.core.errors import ExitStatus, InputError, RefusedError
from bootstrap.core.names import RECORD
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.edit.access import Access, open_branch
from bootstrap.edit.carry_out import Edit, Outcome, Where, carry_out
from bootstrap.edit.files import Files
from bootstrap.git.changes import FileChange
from bootstrap.git.urls import same_repository
from bootstrap.init import request as init_request
from bootstrap.init.run import initialise
from bootstrap.layout import rename as layout
from bootstrap.layout.settings import Settings
from bootstrap.plan.execute import execute

_LAYOUT = ("apps", "clusters", "infrastructure")


@dataclass(frozen=True)
class Request:
    """The options, as given; `init` has those shared with `bootstrap init`, `pr` opens a pull request."""

    url: str
    new: str
    init: init_request.Request
    pr: bool = False


@dataclass(frozen=True)
class MoveFolder:
    """Move the cluster's folder and its settings to the new name, in one commit."""

    old: str
    new: str


@dataclass(frozen=True)
class Plan:
    """What is changed in Git, before the cluster follows."""

    steps: tuple[MoveFolder, ...]


def rename(request: Request, output: Output) -> int:
    """Run it; returns the exit status, raises a BootstrapError for expected failures."""
    Settings(request.url, "main", cluster=request.new)  # refuses what is not a name
    cluster = home.connect(output.invocation, request.init.context)
    with output.progress("reading the cluster"):
        place = _followed(cluster, request)
    old, prefix = posixpath.basename(place.folder), _prefix(place.folder)
    where = _where(request, place)
    with output.progress("reading the repository"), open_branch(where.access, output) as (branch, _):
        branch.refresh()
        files = _files(branch, prefix)
    changes = layout.changes(files, prefix, old, request.new) if old != request.new else ()
    noted = layout.mentions(files, prefix, old) if changes else []
    lines = [f"cluster     {cluster.context}: {cluster.server}"]
    lines.append(f"follows     {place.folder} of {place.repo_url}")
    if changes:
        lines.append(f"  1. move {place.folder} to {prefix}clusters/{request.new}, {_counted(changes)}")
    lines += [f"note: {one} names {place.folder}: change it by hand" for one in noted]
    for line in lines:
        output.info(line)
    if request.init.dry_run:
        return ExitStatus.NO if changes else _go_on(request, place, prefix, output)
    agree(request.init.yes, output)
    done: list[Outcome[str]] = []

    def move(step: MoveFolder) -> bool:
        decide = lambda found, _: _edit(found, prefix, step)  # noqa: E731
        done.append(carry_out(where, decide, Output(output.invocation, quiet=True)))
        return done[-1].commit is not None

    made = Plan((MoveFolder(old, request.new),) if changes else ())
    with output.progress("rename") as progress:
        execute(made, {MoveFolder: move}, lambda step: progress.update(f"[1/1] push {step.new}"))
    if done and done[0].request:
        text = f"{done[0].summary('')}\nonce it is merged, run the same command again"
        output.result({"request": done[0].asked, "commit": done[0].commit}, text)
        return ExitStatus.OK
    return _go_on(request, place, prefix, output)


def _go_on(request: Request, place: Place, prefix: str, output: Output) -> int:
    """Have the cluster follow the new folder, with the other settings that were asked for."""
    asked = replace(
        request.init,
        repo_url=place.repo_url,
        branch=place.branch or None,
        cluster=request.new,
        path=prefix.rstrip("/"),
        renames_from=place.folder,
        yes=True,
    )
    return initialise(asked, output)


def _followed(cluster: kube.Cluster, request: Request) -> Place:
    _, _, place = followed(cluster, "give the --context of the cluster that you mean")
    if not same_repository(place.repo_url, request.url):
        found = f"the cluster follows {place.repo_url}, not {request.url}"
        raise RefusedError(LOOKING, found, "name that repository, or another --context", cluster.server)
    if posixpath.basename(posixpath.dirname(place.folder)) != "clusters":
        hint = "rename its folder by hand"
        raise InputError(LOOKING, f"{place.folder} is not below clusters/", hint, place.repo_url)
    return place


def _where(request: Request, place: Place) -> Where:
    names = ("username", "token_file", "ssh_key", "known_hosts", "ca_file")
    access = Access(
        repo=request.url,
        branch=place.branch or None,
        **{name: getattr(request.init, name) for name in names},
    )
    author, sign = request.init.author, request.init.sign
    return Where(access=access, push=not request.pr, pr=request.pr, author=author, sign=sign)


def _edit(files: Files, prefix: str, step: MoveFolder) -> Edit[str]:
    changes = layout.changes(_files(files, prefix), prefix, step.old, step.new)
    return Edit(step.new, changes, f"Rename cluster {step.old} to {step.new}")


def _files(files: Files, prefix: str) -> dict[str, bytes]:
    """The layout's files that may name a cluster."""
    paths = [prefix + RECORD, *(path for folder in _LAYOUT for path in files.under(f"{prefix}{folder}"))]
    return {path: text for path in paths if (text := files.read(path)) is not None}


def _prefix(folder: str) -> str:
    above = posixpath.dirname(posixpath.dirname(folder))
    return f"{above}/" if above not in ("", ".") else ""


def _counted(changes: tuple[FileChange, ...]) -> str:
    return counted(sum(one.content is None for one in changes), "file")
