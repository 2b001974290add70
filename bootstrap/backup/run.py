"""What `bootstrap backup` does: collect, compare with the last one, encrypt, write a new file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bootstrap import kube
from bootstrap.argocd import home
from bootstrap.backup import archive, collect, leftovers, volumes
from bootstrap.backup.archive import Backup, Keys
from bootstrap.backup.volumes import Claim, Left
from bootstrap.core.errors import ExitStatus, RefusedError
from bootstrap.core.output import Output
from bootstrap.core.text import counted

SHOWN = 8


@dataclass(frozen=True)
class Request:
    """The options, as given; `shrunken`: objects of the last backup may be missing from the cluster."""

    folder: Path
    keys: Keys
    context: str | None = None
    shrunken: bool = False
    dry_run: bool = False
    volumes: bool = False
    """Whether storage drivers also keep the data of claims, as snapshots."""
    timeout: float = 300.0
    """Seconds for all snapshots together."""


def backup(request: Request, output: Output) -> int:
    """Run it; returns the exit status. RefusedError for nothing to keep, or less than last time."""
    cluster = home.connect(output.invocation, request.context)
    with output.progress("reading the cluster"):
        objects = tuple(collect.collect(cluster))
        followed = collect.followed(cluster)
    at = datetime.fromtimestamp(output.invocation.clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = Backup(cluster.context, followed, at, objects)
    claims, left = volumes.look(cluster) if request.volumes else ([], [])
    _refuse(made, request, [str(one) for one in claims], cluster.server)
    kinds = Counter(str(item["kind"]) for item in objects)
    told = ", ".join(counted(number, kind) for kind, number in sorted(kinds.items()))
    data = {"cluster": made.cluster, "repository": made.repository, "objects": made.names()}
    if request.dry_run:
        told = f"{told}{_of_volumes(len(claims), request)}; nothing was written"
        leftover = leftovers.find(cluster) if request.volumes else []
        lines = [*made.names(), *(f"snapshot of {one}" for one in claims), *map(_not_kept, left)]
        lines += [*(f"left by a backup that has not ended: {one}" for one in leftover), told]
        output.result({**data, **_data(claims, left, request)}, "\n".join(lines))
        return ExitStatus.NO
    content = archive.sealed(made, request.keys, output.invocation)  # before anything is asked of a driver
    if request.volumes:
        path = archive.path_of(request.folder, made)
        with leftovers.settled(cluster, path, output.warn) as marks:
            made, late = _with_snapshots(made, claims, marks, request.timeout, cluster, output)
            archive.write(request.folder, made, archive.sealed(made, request.keys, output.invocation))
        claims = [one for one in claims if str(one) not in {two.claim for two in late}]
        left = [*left, *late]
    else:
        path = archive.write(request.folder, made, content)
    for one in left:
        output.warn(_not_kept(one))
    told += _of_volumes(len(claims), request)
    data = {**data, "objects": made.names(), **_data(claims, left, request), "file": str(path)}
    output.result(data, f"{path}: {told}")
    return ExitStatus.NO if left else ExitStatus.OK


def _with_snapshots(
    made: Backup,
    claims: Sequence[Claim],
    marks: Mapping[str, str],
    seconds: float,
    cluster: kube.Cluster,
    output: Output,
) -> tuple[Backup, list[Left]]:
    """The backup with the ways back to snapshots that it takes now, and what is not ready in time."""
    with output.progress("taking snapshots") as progress:
        labels = {volumes.LABEL: made.created.replace("-", "").replace(":", "").lower()}
        ways, late = volumes.take(cluster, claims, labels, marks, seconds, progress.update)
    return replace(made, objects=(*made.objects, *ways)), late


def _of_volumes(number: int, request: Request) -> str:
    return f"; the data of {counted(number, 'claim')} is with its driver" if request.volumes else ""


def _not_kept(one: Left) -> str:
    return f"not kept: the data of claim {one.claim}: {one.why}"


def _data(claims: Sequence[Claim], left: Sequence[Left], request: Request) -> dict[str, Any]:
    if not request.volumes:
        return {}
    kept = [{"claim": str(one), "driver": one.driver} for one in claims]
    return {"volumes": kept, "notKept": [one.data() for one in left]}


def _refuse(made: Backup, request: Request, claims: Sequence[str], server: str) -> None:
    tried = "making a backup"
    if not made.objects:
        hint = "give the --context of the cluster that you mean"
        raise RefusedError(tried, "the cluster has nothing that Git does not have", hint, server)
    last = archive.previous(request.folder, made.cluster)
    gone = sorted(set(volumes.without(last)) - set(made.names()))
    if request.volumes:
        gone += sorted(set(volumes.claims_in(last)) - {f"{volumes.CLAIM} {one}" for one in claims})
    if gone and not request.shrunken:
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        found = f"the last backup has objects that the cluster does not have: {', '.join(gone[:SHOWN])}{more}"
        hint = "if they were removed on purpose, add --shrunken; the last backup stays as it is"
        raise RefusedError(tried, found, hint, server)
