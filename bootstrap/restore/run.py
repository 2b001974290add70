"""What `bootstrap restore` does: open a backup, compare, show, ask, create what is missing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap import kube
from bootstrap.backup import archive
from bootstrap.backup.archive import Backup, Keys, name_of
from bootstrap.core.errors import Conflict, ExitStatus, InputError, RefusedError
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.kube.objects import create
from bootstrap.plan.execute import execute

CONTENT = ("type", "data", "binaryData")
SHOWN = 8

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """The options, as given; `yes` is the name of the cluster that is restored to."""

    file: Path
    keys: Keys
    context: str | None = None
    yes: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class Create:
    """Make one object, and its namespace where that is missing."""

    number: int
    name: str


@dataclass(frozen=True)
class Plan:
    """What is left to make."""

    steps: tuple[Create, ...]


def restore(request: Request, output: Output) -> int:
    """Run it; returns the exit status. RefusedError when an object exists with different content."""
    saved = _read(request, output)
    cluster = kube.connect(output.invocation, request.context)
    with output.progress("reading the cluster"):
        missing, differ = _compare(cluster, saved)
    if differ:
        more = f" and {len(differ) - SHOWN} more" if len(differ) > SHOWN else ""
        found = f"the cluster has different content of {', '.join(differ[:SHOWN])}{more}"
        hint = "restore before bootstrap init --cluster-only; existing objects are never overwritten"
        raise RefusedError("restoring", found, hint, cluster.server)
    made = Plan(tuple(Create(number, name_of(saved.objects[number])) for number in missing))
    lines = [
        f"cluster     {cluster.context}: {cluster.server}",
        f"backup      of {saved.cluster} ({saved.repository or 'follows nothing'}), made {saved.created}",
        *(f"  {number}. create {step.name}" for number, step in enumerate(made.steps, 1)),
    ]
    data = {"cluster": cluster.context, "created": [step.name for step in made.steps]}
    if not made.steps:
        output.result({**data, "changed": False}, "nothing to do: every object of the backup exists")
        return ExitStatus.OK
    if request.dry_run:
        output.result(data, "\n".join(lines))
        return ExitStatus.NO
    for line in lines:
        output.info(line)
    _agree(request, output, cluster.context)

    def make(step: Create) -> bool:
        return _create(cluster, saved.objects[step.number])

    with output.progress("restore") as progress:
        execute(made, {Create: make}, lambda step: progress.update(step.name))
    next_ = f"; next: bootstrap init {saved.repository} --cluster-only" if saved.repository else ""
    output.result({**data, "changed": True}, f"{counted(len(made.steps), 'object')} restored{next_}")
    return ExitStatus.OK


def _read(request: Request, output: Output) -> Backup:
    try:
        content = request.file.read_bytes()
    except OSError as error:
        raise InputError("reading the backup", str(error), "give its file", str(request.file)) from error
    saved = archive.opened(content, request.keys, output.invocation, str(request.file))
    for item in saved.objects:
        if item["kind"] == "Secret":
            for value in (item.get("data") or {}).values():
                output.invocation.keep_secret(base64.b64decode(value).decode("utf-8", "replace"))
    return saved


def _compare(cluster: kube.Cluster, saved: Backup) -> tuple[list[int], list[str]]:
    """The missing ones, and the names of those that exist and differ."""
    missing, differ = [], []
    for number, item in enumerate(saved.objects):
        metadata = item["metadata"]
        live = kube.get(cluster, item["apiVersion"], item["kind"], metadata["namespace"], metadata["name"])
        if live is None:
            missing.append(number)
        elif any((live.get(key) or None) != (item.get(key) or None) for key in CONTENT):
            differ.append(name_of(item))
    return missing, differ


def _create(cluster: kube.Cluster, item: Object) -> bool:
    namespace = str(item["metadata"]["namespace"])
    kube.ensure_namespace(cluster, namespace)
    try:
        create(cluster, item)
    except Conflict as error:
        hint = "run again: it will be compared, and never overwritten"
        raise RefusedError(f"restoring {name_of(item)}", "somebody created it meanwhile", hint) from error
    return True


def _agree(request: Request, output: Output, name: str) -> None:
    tried = "asking before the first change"
    if request.yes is None and not output.invocation.interactive:
        hint = f"add --yes {name}, if that is the cluster that you mean; or look with --dry-run"
        raise RefusedError(tried, "there is no terminal to ask on", hint)
    answer = request.yes or output.ask(f"Type the cluster's name ({name}) to continue")
    if answer != name:
        found = f"the answer was {answer!r}, and the cluster is {name}"
        raise RefusedError(tried, found, "give --context and --yes of the same cluster; nothing was changed")
