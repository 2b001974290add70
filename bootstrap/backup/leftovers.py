"""VolumeSnapshots that no backup names: found by a mark, removed by their run or by the next one.

Each is made with an annotation that says which file of a backup will name it, and loses it once that file is
there. So the file tells whether what still has the mark belongs to a backup.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bootstrap import kube
from bootstrap.backup import archive
from bootstrap.backup.volumes import API, CONTENT, LABEL, MARK, SNAPSHOT, Object, restored
from bootstrap.core import folder_lock, next_run
from bootstrap.core.errors import BootstrapError, NotFound, OutputError, RefusedError
from bootstrap.kube import discovery
from bootstrap.kube.objects import request_deletion
from bootstrap.kube.removal import merge_patch
from bootstrap.manifests.objects import ClusterObject

DELETE = {"spec": {"deletionPolicy": "Delete"}}

Report = Callable[[str], None]


@dataclass(frozen=True)
class Leftover:
    """A snapshot with the mark of a backup, and its content (None: it has none); or a content alone."""

    mark: str
    item: Object
    content: Object | None

    def __str__(self) -> str:
        return archive.name_of(self.item)

    @property
    def object(self) -> ClusterObject:
        metadata = self.item["metadata"]
        namespace = metadata.get("namespace") or ""
        return ClusterObject(API, self.item["kind"], namespace, metadata["name"], b"")

    def is_named_in(self, path: Path) -> bool:
        """Whether the backup of that file exists and has it; InputError for an unreadable index."""
        metadata = {**self.item["metadata"], "name": restored(self.item["metadata"]["name"])}
        name = archive.name_of({**self.item, "metadata": metadata})
        return path.exists() and name in archive.names_in(path)

    def commands(self) -> str:
        """How to delete it by hand, with its data."""
        lines = []
        if self.content:
            patch = json.dumps(DELETE, separators=(",", ":"))
            name = self.content["metadata"]["name"]
            lines.append(next_run.kubectl(f"patch volumesnapshotcontent {name} --type merge -p '{patch}'"))
        place = f" -n {self.object.namespace}" if self.object.namespace else ""
        lines.append(next_run.kubectl(f"delete {self.object.kind.lower()}{place} {self.object.name}"))
        return " && ".join(lines)


def find(cluster: kube.Cluster) -> list[Leftover]:
    """What has a mark, of any run."""
    snapshots = kube.list_objects(cluster, API, SNAPSHOT, label_selector=LABEL)
    contents = {_reference(one): one for one in kube.list_objects(cluster, API, CONTENT)}
    found = []
    for one in snapshots:
        metadata = one["metadata"]
        found.append(
            Leftover(_mark_of(one), one, contents.pop((metadata["namespace"], metadata["name"]), None))
        )
    found += [Leftover(_mark_of(one), one, one) for one in contents.values()]  # its namespace was deleted
    return [one for one in found if one.mark]


@contextmanager
def settled(cluster: kube.Cluster, path: Path, report: Report) -> Iterator[Mapping[str, str]]:
    """Makes the backup `path` in the block, with snapshots that have these annotations.

    Before it, what interrupted runs have left is removed or named. After it, however it ends, the snapshots
    that the file names lose their mark, and the others are removed.
    """
    if path.exists():
        raise RefusedError("making a backup", "it exists already", "run again", str(path))
    mark = f"{socket.gethostname()}:{os.getpid()}:{path.resolve()}"
    with _shared(path.parent, lambda: _settle(cluster, path.parent, report), report):
        try:
            yield {MARK: mark}
        finally:
            _settle_own(cluster, path, mark, report)


@contextmanager
def _shared(folder: Path, when_alone: Callable[[], None], report: Report) -> Iterator[None]:
    """Other runs may be in the folder too; `when_alone` is called first if none is, and none can begin."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise OutputError("writing the backup", str(error), "give another folder with --to") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another run, or a file system without locks, where nobody knows
            pass
        else:
            when_alone()
        with suppress(OSError):  # a file system without locks
            folder_lock.wait(descriptor, folder, "writing the backup", report, shared=True)
        yield
    finally:
        os.close(descriptor)


def _settle(cluster: kube.Cluster, folder: Path, report: Report) -> None:
    for one in find(cluster):
        host, _, rest = one.mark.partition(":")
        path = Path(rest.partition(":")[2])
        if host != socket.gethostname() or path.parent != folder.resolve():
            report(
                f"left by a backup that has not ended, unless it is under way: {one}; where {one.mark} is not"
                f" there, delete it: {one.commands()}"
            )
        elif path.with_name(path.name + archive.INDEX).exists() and not path.exists():
            report(f"left without its backup {path}: {one}; unless you have moved it: {one.commands()}")
        elif one.is_named_in(path):
            _unmark(cluster, one)
        elif _remove(cluster, one, report):
            report(f"removed what an interrupted backup had left: {one}")


def _settle_own(cluster: kube.Cluster, path: Path, mark: str, report: Report) -> None:
    try:
        ours = [one for one in find(cluster) if one.mark == mark]
        for one in [one for one in ours if one.is_named_in(path)]:
            _unmark(cluster, one)
            ours.remove(one)
    except BootstrapError as error:
        found = f"{error.tried}: {error.found}"
        report(f"snapshots have kept the mark of a backup that has not ended ({found}); the next one looks")
        return
    for one in ours:
        _remove(cluster, one, report)


def _unmark(cluster: kube.Cluster, one: Leftover) -> None:
    for item in (item for item in (one.content, one.item) if item):
        metadata = item["metadata"]
        patch = {"metadata": {"annotations": {MARK: None}}}
        merge_patch(cluster, API, item["kind"], metadata.get("namespace"), metadata["name"], patch)


def _remove(cluster: kube.Cluster, one: Leftover, report: Report) -> bool:
    """Have the driver delete it with its data, which only the policy Delete does; False, and told, if not."""
    try:
        if one.content:
            merge_patch(cluster, API, CONTENT, None, one.content["metadata"]["name"], DELETE)
        resource = discovery.get(cluster, API, one.object.kind, f"deleting {one}")
        with suppress(NotFound):
            request_deletion(cluster, resource, one.object, "Background")
    except BootstrapError as error:
        report(f"left, as it could not be deleted ({error.found}): {one}; delete it: {one.commands()}")
        return False
    return True


def _mark_of(item: Object) -> str:
    return str((item["metadata"].get("annotations") or {}).get(MARK) or "")


def _reference(content: Object) -> tuple[str, str]:
    reference = (content.get("spec") or {}).get("volumeSnapshotRef") or {}
    return str(reference.get("namespace")), str(reference.get("name"))
