"""Runs kustomize and helm, and gives back objects with the file that each comes from.

Many overlays are built by one process: an umbrella kustomization in a temporary folder names them
all, the namespace tells whose an object is, and kustomize's own origin annotation tells the file.
Overlays that do not go together (two objects of one name) are built again one by one.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.core import verbose
from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.manifests.reader import load_all

ORIGIN = "config.kubernetes.io/origin"
TIMEOUT = 120.0
"""Seconds for one process."""
BATCH = 16
_FRUGAL = {"GOMAXPROCS": "1", "GOGC": "400"}
"""Several run side by side and end soon: collecting garbage on every core would cost a quarter more."""


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
    """Objects as (body, file from the repository's top or ""), or why there are none."""

    objects: tuple[tuple[Mapping[str, Any], str], ...] = ()
    error: str | None = None


def build(folder: Path, invocation: Invocation, root: Path | None = None) -> list[Mapping[str, Any]]:
    """The objects that a kustomization makes; InputError with kustomize's own words when it does not."""
    root = root or folder
    name = posixpath.normpath(Path(os.path.relpath(folder, root)).as_posix())
    built = build_many(root, [Overlay("" if name == "." else name)], kustomize(invocation))[0]
    if built.error is not None:
        raise InputError("building a kustomization", built.error, "mend what kustomize names", str(folder))
    return [body for body, _ in built.objects]


def kustomize(invocation: Invocation, report: Callable[[str], None] = lambda _: None) -> str:
    """The kustomize to run: the one on PATH, else the sandbox's (fetched or built once).

    `report` is told what is done when there is none: that can take a minute.
    """
    found = shutil.which("kustomize", path=invocation.environ.get("PATH"))
    if found is None:
        from bootstrap.programs import find

        found = str(find.ensure(("kustomize",), invocation, report)["kustomize"].path)
    return found


def build_many(root: Path, overlays: Sequence[Overlay], program: str) -> list[Built]:
    """Build overlays, side by side and many in one process; the answers in the order of the questions."""
    results: dict[int, Built] = {}
    batches = list(_batches(overlays))
    if len(batches) == 1:
        results = _build(root, batches[0], program)
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
            for answers in pool.map(lambda batch: _build(root, batch, program), batches):
                results.update(answers)
    return [results[number] for number in range(len(overlays))]


Batch = list[tuple[int, Overlay]]


def _batches(overlays: Sequence[Overlay]) -> Iterator[Batch]:
    """Plain overlays of different namespaces go together; another could clash, or needs a top of its own."""
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


def _build(root: Path, batch: Batch, program: str) -> dict[int, Built]:
    """Build a batch; when it does not go, or leaves doubt whose an object is, each of its overlays alone."""
    answer = _run(root, batch, program)
    if len(batch) == 1:
        return {batch[0][0]: answer}
    shared = _share(answer, batch)
    return shared or {number: _run(root, [(number, overlay)], program) for number, overlay in batch}


def _run(root: Path, batch: Batch, program: str) -> Built:
    with tempfile.TemporaryDirectory(prefix="bootstrap-build-") as name:
        folder = Path(os.path.realpath(name))
        up = Path(os.path.relpath(root, folder)).as_posix()
        top: dict[str, Any] = {
            "buildMetadata": ["originAnnotations"],
            "resources": [posixpath.join(up, overlay.folder) for _, overlay in batch],
        }
        if len(batch) == 1:
            overlay = batch[0][1]
            top = {**overlay.overrides, **top}
            if "components" in top:
                top["components"] = [posixpath.join(up, overlay.folder, part) for part in top["components"]]
        (folder / "kustomization.yaml").write_text(json.dumps(top), encoding="utf-8")
        folders = ", ".join(overlay.folder or "." for _, overlay in batch)
        with verbose.call(f"kustomize build {folders}") as call:
            out, error = _call([program, "build", str(folder)])
            call.ended = "refused" if error else f"{len(out):,} bytes"
        if error is None:
            return Built(tuple((body, _from_top(_origin(body), folder, root)) for body in load_all(out)))
        if len(batch) == 1:
            # The overlay's own words, without ours around them.
            plain_error = _call([program, "build", str(root / batch[0][1].folder)])[1]
            error = _shorten(plain_error or error, root)
        return Built(error=error)


def _share(answer: Built, batch: Batch) -> dict[int, Built] | None:
    """Give each overlay its objects: by namespace, or as the only one that is made of the file."""
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


def _call(command: Sequence[str], cwd: Path | None = None) -> tuple[str, str | None]:
    """Run a program without a network helper's prompts: its output, or what it complained of."""
    environ = {**_FRUGAL, **os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        ended = subprocess.run(
            command, capture_output=True, timeout=TIMEOUT, check=False, env=environ, cwd=cwd, text=True
        )
    except subprocess.TimeoutExpired:
        return "", f"it did not end within {TIMEOUT:.0f} seconds"
    except (OSError, UnicodeDecodeError) as error:
        return "", str(error)
    if ended.returncode:
        return "", ended.stderr.strip() or f"it ended with {ended.returncode}"
    return ended.stdout, None


_PATH = re.compile(r"^(?:path|configuredIn): (.+)$", re.MULTILINE)


def _origin(body: dict[str, Any]) -> str:
    """Take the origin off an object; returns its file as kustomize saw it, "" for another repository's."""
    annotations = body.get("metadata", {}).get("annotations") or {}
    origin = str(annotations.pop(ORIGIN, ""))
    if not annotations:
        body.get("metadata", {}).pop("annotations", None)
    found = _PATH.search(origin)
    return found[1].strip("\"' ") if found and "repo: " not in origin else ""


def _from_top(origin: str, umbrella: Path, root: Path) -> str:
    """A path from the repository's top; "" for what does not lie in it."""
    path = os.path.relpath(os.path.normpath(umbrella / origin), root) if origin else ""
    return "" if path.startswith("..") else Path(path).as_posix() if path else ""


def _shorten(error: str, root: Path) -> str:
    """kustomize nests its errors; the last link says what is wrong, and paths from the top are enough."""
    error = re.sub(r"^# Warning: .*\n", "", error, flags=re.MULTILINE)
    error = error.removeprefix("Error: ").replace(f"{root}/", "").replace(str(root), ".")
    return " ".join(error.split())[:600]


def helm_template(
    program: str,
    chart: Sequence[str],
    name: str,
    namespace: str,
    values: Sequence[Path],
    sets: Sequence[str] = (),
    cwd: Path | None = None,
) -> Built:
    """The objects of a chart (`chart` are helm's arguments that name it), or helm's words."""
    arguments = [part for file in values for part in ("--values", str(file))]
    arguments += [part for item in sets for part in ("--set", item)]
    command = [program, "template", name, *chart, "--namespace", namespace or "default", "--include-crds"]
    with verbose.call(f"helm template {name} {' '.join(chart)}") as call:
        out, error = _call([*command, *arguments], cwd)
        call.ended = "refused" if error else f"{len(out):,} bytes"
    if error is not None:
        return Built(error=" ".join(error.removeprefix("Error: ").split())[:600])
    return Built(tuple((body, "") for body in load_all(out) if isinstance(body, dict)))
