"""What `bootstrap backup` does: collect, compare with the last one, encrypt, write a new file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from bootstrap.argocd import home
from bootstrap.backup import archive, collect
from bootstrap.backup.archive import Backup, Keys
from bootstrap.core.errors import ExitStatus, RefusedError
from bootstrap.core.output import Output
from bootstrap.core.text import counted

SHOWN = 8


@dataclass(frozen=True)
class Request:
    """The options, as given; `shrunken`: what the last backup had and the cluster has not is let go."""

    folder: Path
    keys: Keys
    context: str | None = None
    shrunken: bool = False
    dry_run: bool = False


def backup(request: Request, output: Output) -> int:
    """Run it; returns the exit status. RefusedError for nothing to keep, or less than the last time."""
    cluster = home.connect(output.invocation, request.context)
    with output.progress("reading the cluster"):
        objects = tuple(collect.collect(cluster))
        followed = collect.repository(cluster)
    at = datetime.fromtimestamp(output.invocation.clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = Backup(cluster.context, followed, at, objects)
    _refuse(made, request, cluster.server)
    kinds = Counter(str(item["kind"]) for item in objects)
    told = ", ".join(counted(number, kind) for kind, number in sorted(kinds.items()))
    data = {"cluster": made.cluster, "repository": followed, "objects": made.names()}
    if request.dry_run:
        output.result(data, "\n".join([*made.names(), f"{told}; nothing was written"]))
        return ExitStatus.NO
    content = archive.sealed(made, request.keys, output.invocation)
    path = archive.write(request.folder, made, content)
    output.result({**data, "file": str(path)}, f"{path}: {told}")
    return ExitStatus.OK


def _refuse(made: Backup, request: Request, server: str) -> None:
    tried = "making a backup"
    if not made.objects:
        hint = "give the --context of the cluster that you mean"
        raise RefusedError(tried, "the cluster has nothing that Git does not have", hint, server)
    gone = sorted(set(archive.previous(request.folder, made.cluster)) - set(made.names()))
    if gone and not request.shrunken:
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        found = f"the last backup has objects that the cluster does not have: {', '.join(gone[:SHOWN])}{more}"
        hint = "if that was removed on purpose: --shrunken; the last backup stays as it is"
        raise RefusedError(tried, found, hint, server)
