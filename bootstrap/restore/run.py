"""What `bootstrap restore` does: decrypt a backup, compare, show, ask, create what is missing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bootstrap import kube
from bootstrap.argocd.credential import TYPE_LABEL
from bootstrap.backup import archive, volumes
from bootstrap.backup.archive import Backup, Keys, name_of
from bootstrap.core import next_run
from bootstrap.core.errors import Conflict, ExitStatus, InputError, RefusedError
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.kube import crds
from bootstrap.kube.objects import create
from bootstrap.plan.execute import execute

CONTENT = ("type", "data", "binaryData")
SHOWN = 8
PLAIN = ("name", "project", "server", "type", "url", "username")
"""Keys of Argo CD's repositories and clusters that are no credential."""

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """The options, as given; `yes` is the name of the cluster that is restored to."""

    file: Path
    keys: Keys
    context: str | None = None
    yes: str | None = None
    dry_run: bool = False
    without_volumes: bool = False


@dataclass(frozen=True)
class Create:
    """Create one object, and its namespace where that is missing."""

    number: int
    name: str


@dataclass(frozen=True)
class Plan:
    """What remains to be created."""

    steps: tuple[Create, ...]


def restore(request: Request, output: Output) -> int:
    """Run it; returns the exit status. RefusedError when an object exists with different content."""
    saved = _read(request, output)
    if request.without_volumes:
        kept = tuple(one for one in saved.objects if one["kind"] not in volumes.KINDS)
        saved = replace(saved, objects=kept)
    cluster = kube.connect(output.invocation, request.context)
    with output.progress("reading the cluster"):
        missing, differ = _compare(cluster, saved)
    if differ:
        more = f" and {len(differ) - SHOWN} more" if len(differ) > SHOWN else ""
        found = f"the cluster has different content of {', '.join(differ[:SHOWN])}{more}"
        hint = "restore before bootstrap init --cluster-only; existing objects are never overwritten"
        raise RefusedError("restoring", found, hint, cluster.server)
    _refuse_unserved(cluster, [saved.objects[number] for number in missing])
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
    next_ = f"; next: {saved.place.init_command('--cluster-only')}" if saved.repository else ""
    if any(saved.objects[step.number]["kind"] == volumes.CLAIM for step in made.steps):
        check = next_run.kubectl("get pvc -A")
        output.warn(f"the claims' data is there once their driver has made the volumes: {check}")
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
            plain = PLAIN if TYPE_LABEL in (item["metadata"].get("labels") or {}) else ()
            for key, value in (item.get("data") or {}).items():
                if key in plain:
                    continue  # the URL is in the plan, and in the command that comes next
                output.invocation.keep_secret(base64.b64decode(value).decode("utf-8", "replace"))
    return saved


def _compare(cluster: kube.Cluster, saved: Backup) -> tuple[list[int], list[str]]:
    """The numbers of the missing objects, and the names of those that exist and differ."""
    missing, differ = [], []
    for number, item in enumerate(saved.objects):
        metadata = item["metadata"]
        namespace = metadata.get("namespace")
        live = kube.get(cluster, item["apiVersion"], item["kind"], namespace, metadata["name"])
        if live is None:
            missing.append(number)
        elif any((live.get(key) or None) != (item.get(key) or None) for key in CONTENT) or not _has(
            live.get("spec"), item.get("spec")
        ):
            differ.append(name_of(item))
    return missing, differ


def _has(live: Any, wanted: Any) -> bool:
    """Whether `live` has everything wanted; what the API server and controllers have added does not count."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(_has(live.get(key), value) for key, value in wanted.items())
    return wanted is None or bool(live == wanted)


def _refuse_unserved(cluster: kube.Cluster, objects: Sequence[Object]) -> None:
    """RefusedError when snapshots are to be restored, and the cluster does not serve their kind.

    A driver that was installed a moment ago is waited for: a CRD is served some seconds after it exists.
    """
    for item in objects:
        if not crds.becomes_served(cluster, item["apiVersion"], item["kind"]):
            found = f"the cluster serves no {item['kind']} in {item['apiVersion']}"
            hint = "install the storage driver and its snapshot CRDs first, or give --without-volumes"
            raise RefusedError("restoring", found, hint, cluster.server)


def _create(cluster: kube.Cluster, item: Object) -> bool:
    if namespace := item["metadata"].get("namespace"):
        kube.ensure_namespace(cluster, str(namespace))
    try:
        create(cluster, item)
    except Conflict as error:
        hint = "run again: it is then compared, and never overwritten"
        raise RefusedError(f"restoring {name_of(item)}", "somebody created it meanwhile", hint) from error
    return True


def _agree(request: Request, output: Output, name: str) -> None:
    tried = "asking before the first change"
    if request.yes is None and not output.invocation.interactive:
        hint = f"add --yes {name}, if that is the cluster that you mean; or preview with --dry-run"
        raise RefusedError(tried, "there is no terminal to ask on", hint)
    answer = request.yes or output.ask(f"Type the cluster's name ({name}) to continue")
    if answer != name:
        found = f"the answer was {answer!r}, but the cluster is {name}"
        raise RefusedError(tried, found, "give --context and --yes of the same cluster; nothing was changed")
