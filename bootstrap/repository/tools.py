"""Runs kustomize and helm, and returns objects with the file that each comes from.

One process builds many overlays: an umbrella kustomization in a temporary folder names them
all, the namespace shows which overlay an object belongs to, and kustomize's origin annotation names the
file. Overlays that conflict (two objects of one name) are built again one by one.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bootstrap.core import on_path, scratch, verbose
from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.manifests.reader import load_all
from bootstrap.programs import run
from bootstrap.repository.kustomize import NAMES
from bootstrap.repository.overrides.edited import Refused, edited

if TYPE_CHECKING:
    from concurrent.futures import Executor

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
ORIGIN = "config.kubernetes.io/origin"
BATCH = 16
_MOST_RULES = 500
"""Each path that a program may read costs two system calls at every start."""


@dataclass(frozen=True)
class Overlay:
    """A folder to build, with the namespace that it sets ("": none) and the files that it is made of.

    `overrides` are fields of a kustomization on top of it.
    """

    folder: str
    namespace: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    files: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Built:
    """Objects as (body, file from the repository's root or ""), or why there are none."""

    objects: tuple[tuple[Mapping[str, Any], str], ...] = ()
    error: str | None = None


def build(folder: Path, invocation: Invocation, root: Path | None = None) -> list[Mapping[str, Any]]:
    """The objects that a kustomization renders; InputError with kustomize's message when it fails."""
    root = root or folder
    name = posixpath.normpath(Path(os.path.relpath(folder, root)).as_posix())
    built = build_many(root, [Overlay("" if name == "." else name)], kustomize(invocation))[0]
    if built.error is not None:
        raise InputError("building a kustomization", built.error, "fix what kustomize reports", str(folder))
    return [body for body, _ in built.objects]


def kustomize(invocation: Invocation, report: Callable[[str], None] = lambda _: None) -> str:
    """The kustomize to run: the one on PATH, else the sandbox's (downloaded or built once).

    `report` is called with what is done if there is none: that can take a minute.
    """
    found = on_path.find("kustomize", invocation.environ)
    if found is None:
        from bootstrap.programs import find

        found = str(find.ensure(("kustomize",), invocation, report)["kustomize"].path)
    return found


def build_many(root: Path, overlays: Sequence[Overlay], program: str) -> list[Built]:
    """Build overlays, in parallel and many per process; the results are in the order of `overlays`.

    Nothing outside `root` is read, and nothing is fetched.
    """
    return Builder(root, program).build(overlays)


@contextmanager
def workers() -> Iterator[Executor]:
    """Threads that run programs: one more than there are cores, which builds while another reads its output.

    What has not begun when the block is left is dropped.
    """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor((os.cpu_count() or 1) + 1)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def in_parallel(work: Callable[[_Item], _Made], items: Sequence[_Item]) -> list[_Made]:
    """What `work`, which runs programs, makes of each item."""
    if len(items) == 1:
        return [work(items[0])]
    with workers() as pool:
        return list(pool.map(work, items))


Batch = list[tuple[int, Overlay]]


@dataclass(frozen=True)
class Builder:
    """Runs kustomize for one repository; nothing outside `root` is read.

    Nothing is fetched unless `allow_remote`. `unrestricted` overlays may include single files from outside
    their folder, as in Flux.
    """

    root: Path
    program: str
    allow_remote: bool = False
    budget: run.Budget = field(default_factory=run.Budget)
    unrestricted: bool = False

    def build(self, overlays: Sequence[Overlay]) -> list[Built]:
        """Build overlays, in parallel and many per process; the results are in the order of `overlays`."""
        if sum(1 for _ in _batches(overlays)) == 1:
            return self.begin(overlays)()
        with workers() as pool:
            return self.begin(overlays, pool)()

    def begin(self, overlays: Sequence[Overlay], pool: Executor | None = None) -> Callable[[], list[Built]]:
        """Begin what `build` does in `pool`; returns what waits for the results.

        Without a pool, nothing is begun before somebody waits.
        """
        begun: list[Callable[[], dict[int, Built]]] = [
            pool.submit(_build, self, batch).result if pool else partial(_build, self, batch)
            for batch in _batches(overlays)
        ]

        def answers() -> list[Built]:
            results: dict[int, Built] = {}
            for one in begun:
                results.update(one())
            return [results[number] for number in range(len(overlays))]

        return answers

    def call(self, target: Path, folder: Path) -> run.Ended:
        """Run it on what is in `target`; `folder` is private."""
        read = (*_without_git(self.root), folder)
        options = ("--load-restrictor", "LoadRestrictionsNone") if self.unrestricted else ()
        command = (self.program, "build", *options, "--", str(target))
        return run.run(command, folder, os.environ, read, self.allow_remote, self.budget)


def _without_git(root: Path) -> tuple[Path, ...]:
    """What is in a repository's top folder except Git's own, which has a checkout's token; no links."""
    found = [entry for entry in root.iterdir() if entry.name != ".git" and not entry.is_symlink()]
    return tuple(found) if len(found) <= _MOST_RULES else (root,)


def _batches(overlays: Sequence[Overlay]) -> Iterator[Batch]:
    """Plain overlays of different namespaces are combined; others may clash."""
    open_: list[Batch] = []
    for number, overlay in enumerate(overlays):
        if not overlay.namespace or overlay.overrides:
            yield [(number, overlay)]
            continue
        for batch in open_:
            if all(other.namespace != overlay.namespace for _, other in batch):
                batch.append((number, overlay))
                if len(batch) == BATCH:
                    open_.remove(batch)
                    yield batch
                break
        else:
            open_.append([(number, overlay)])
    yield from open_


def _build(builder: Builder, batch: Batch) -> dict[int, Built]:
    """Build a batch; if that fails, or an object's overlay is unclear, build each overlay alone."""
    answer = _run(builder, batch)
    if len(batch) == 1:
        return {batch[0][0]: answer}
    shared = _share(answer, batch)
    return shared or {number: _run(builder, [(number, overlay)]) for number, overlay in batch}


def _run(builder: Builder, batch: Batch) -> Built:
    root = builder.root
    with scratch.folder("build") as folder:
        up = Path(os.path.relpath(root, folder)).as_posix()
        top: dict[str, Any] = {
            "buildMetadata": ["originAnnotations"],
            "resources": [posixpath.join(up, overlay.folder) for _, overlay in batch],
        }
        if len(batch) == 1:
            overlay = batch[0][1]
            if overlay.overrides:
                root = folder / "repository"
                try:
                    _copy_edited(builder.root, overlay, root)
                except Refused as refused:
                    return Built(error=str(refused))
                top["resources"] = [posixpath.join("repository", overlay.folder)]
        (folder / "kustomization.yaml").write_text(json.dumps(top), encoding="utf-8")
        folders = ", ".join(overlay.folder or "." for _, overlay in batch)
        with verbose.call(f"kustomize build {folders}") as call:
            ended = builder.call(folder, folder)
            error = ended.complaint
            call.ended = "refused" if error else f"{len(ended.out):,} bytes"
        if error is None:
            return _read(ended.out, folder, root)
        if len(batch) == 1 and ended.limit is None:
            # Some overlays cannot be a resource (`configurations` that the umbrella's defaults contradict);
            # for the others, this gives the message without the umbrella's part.
            own = root / batch[0][1].folder
            alone = builder.call(own, folder)
            if alone.complaint is None:
                return _read(alone.out, own, root)
            error = _shorten(alone.complaint, root)
        return Built(error=error)


def _copy_edited(root: Path, overlay: Overlay, copy: Path) -> None:
    """Copy the overlay's files, and edit its kustomization as Argo CD does. Raises Refused."""
    top = os.path.realpath(root)
    for name in overlay.files:
        real = os.path.realpath(root / name)
        if Path(real).is_file() and os.path.commonpath((top, real)) == top:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(real, copy / name)
    (copy / overlay.folder).mkdir(parents=True, exist_ok=True)
    for own in (copy / overlay.folder / name for name in NAMES):
        if own.exists():
            body = next(iter(load_all(own.read_text(encoding="utf-8"))), None)
            changed = edited(body if isinstance(body, dict) else {}, overlay.overrides)
            own.write_text(json.dumps(changed, default=str), encoding="utf-8")
            return


def _read(out: bytes, folder: Path, root: Path) -> Built:
    """The objects that kustomize printed; unreadable output is an error, not a crash."""
    objects, error = loaded(out)
    return Built(tuple((body, _from_top(_origin(body), folder, root)) for body in objects), error)


def loaded(out: bytes) -> tuple[list[dict[str, Any]], str | None]:
    """The mappings among the documents that a program printed, or why they cannot be read."""
    import yaml

    try:
        return [body for body in load_all(out.decode()) if isinstance(body, dict)], None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return [], f"its output cannot be read: {str(error).splitlines()[0]}"


def _share(answer: Built, batch: Batch) -> dict[int, Built] | None:
    """Assign objects to overlays: by namespace, or to the only one that includes the file."""
    if answer.error is not None:
        return None
    by_namespace = {overlay.namespace: number for number, overlay in batch}
    shares: dict[int, list[tuple[Mapping[str, Any], str]]] = {number: [] for number, _ in batch}
    for body, file in answer.objects:
        metadata = body.get("metadata") or {}
        namespace = metadata.get("name") if body.get("kind") == "Namespace" else metadata.get("namespace")
        owners = [by_namespace[namespace]] if namespace in by_namespace else []
        owners = owners or [number for number, overlay in batch if file and file in overlay.files]
        if len(owners) != 1:
            return None
        shares[owners[0]].append((body, file))
    return {number: Built(tuple(share)) for number, share in shares.items()}


_PATH = re.compile(r"^(?:path|configuredIn): (.+)$", re.MULTILINE)


def _origin(body: dict[str, Any]) -> str:
    """Remove an object's origin annotation; returns its file as kustomize saw it ("" if it is elsewhere)."""
    annotations = body.get("metadata", {}).get("annotations") or {}
    origin = str(annotations.pop(ORIGIN, ""))
    if not annotations:
        body.get("metadata", {}).pop("annotations", None)
    found = _PATH.search(origin)
    return found[1].strip("\"' ") if found and "repo: " not in origin else ""


def _from_top(origin: str, umbrella: Path, root: Path) -> str:
    """A path from the repository's root; "" for what is not in it."""
    path = os.path.relpath(os.path.normpath(umbrella / origin), root) if origin else ""
    return "" if path.startswith("..") else Path(path).as_posix() if path else ""


def _shorten(error: str, root: Path) -> str:
    """kustomize nests its errors; the last part says what is wrong, and paths from the root are enough."""
    error = re.sub(r"^# Warning: .*\n", "", error, flags=re.MULTILINE)
    error = error.removeprefix("Error: ").replace(f"{root}/", "").replace(str(root), ".")
    return " ".join(error.split())[:600]
