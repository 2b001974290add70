"""Runs kustomize and helm, and gives back objects with the file that each comes from.

Many overlays are built by one process: an umbrella kustomization in a temporary folder names them
all, a label tells whose an object is, and kustomize's own origin annotation tells the file. Overlays
that do not go together (two objects of one name) are built again one by one.
"""

from __future__ import annotations

import json
import os
import posixpath
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.errors import InputError
from bootstrap.index_yaml import load_all
from bootstrap.invocation import Invocation

UNIT_LABEL = "gitops-bootstrap.io/unit"
ORIGIN = "config.kubernetes.io/origin"
TIMEOUT = 120.0
"""Seconds for one process."""
BATCH = 24


@dataclass(frozen=True)
class Overlay:
    """A folder to build; `overrides` are fields of a kustomization on top of it."""

    folder: str
    namespace: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)


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


def kustomize(invocation: Invocation) -> str:
    """The kustomize to run: the one on PATH, else the sandbox's (fetched or built once)."""
    found = shutil.which("kustomize", path=invocation.environ.get("PATH"))
    if found is None:
        from bootstrap.sandbox import programs

        found = str(programs.ensure(("kustomize",), invocation, lambda _: None)["kustomize"].path)
    return found


def build_many(root: Path, overlays: Sequence[Overlay], program: str) -> list[Built]:
    """Build overlays, side by side and many in one process; the answers in the order of the questions."""
    results: dict[int, Built] = {}
    batches = list(_batches(overlays))
    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        for batch, texts in zip(batches, pool.map(lambda b: _try(root, b, program), batches), strict=True):
            results.update(_sort_out(root, batch, texts))
    return [results[number] for number in range(len(overlays))]


Batch = list[tuple[int, Overlay]]


@dataclass(frozen=True)
class _Text:
    """What one process printed, and from which folder its origins are told."""

    batch: Batch
    out: str
    error: str | None
    umbrella: Path


def _batches(overlays: Sequence[Overlay]) -> Iterator[Batch]:
    """Overlays of different namespaces go together; what sets none could clash, and goes alone."""
    open_: Batch = []
    waiting = [(number, overlay) for number, overlay in enumerate(overlays)]
    while waiting:
        seen: set[str] = set()
        later: Batch = []
        for number, overlay in waiting:
            if not overlay.namespace:
                yield [(number, overlay)]
            elif overlay.namespace in seen or len(open_) >= BATCH:
                later.append((number, overlay))
            else:
                seen.add(overlay.namespace)
                open_.append((number, overlay))
        if open_:
            yield open_
        open_, waiting = [], later


def _try(root: Path, batch: Batch, program: str) -> list[_Text]:
    """Build a batch; when it does not go, each of its overlays alone."""
    text = _run(root, batch, program)
    if text.error is None or len(batch) == 1:
        return [text]
    return [_run(root, [item], program) for item in batch]


def _run(root: Path, batch: Batch, program: str) -> _Text:
    with tempfile.TemporaryDirectory(prefix="bootstrap-build-") as name:
        folder = Path(os.path.realpath(name))
        up = Path(os.path.relpath(root, folder / "0")).as_posix()
        for place, (_, overlay) in enumerate(batch):
            inner = folder / str(place)
            inner.mkdir()
            top = {
                **overlay.overrides,
                "resources": [posixpath.join(up, overlay.folder)],
                "labels": [
                    *overlay.overrides.get("labels", ()),
                    {"pairs": {UNIT_LABEL: f"u{place}"}, "includeSelectors": False},
                ],
            }
            if "components" in overlay.overrides:
                parts = [posixpath.join(up, overlay.folder, part) for part in overlay.overrides["components"]]
                top["components"] = parts
            (inner / "kustomization.yaml").write_text(json.dumps(top), encoding="utf-8")
        umbrella = {"buildMetadata": ["originAnnotations"], "resources": [str(i) for i in range(len(batch))]}
        (folder / "kustomization.yaml").write_text(json.dumps(umbrella), encoding="utf-8")
        out, error = _call([program, "build", str(folder)])
        if error is not None and len(batch) == 1:
            # The overlay's own words, without ours around them.
            plain_error = _call([program, "build", str(root / batch[0][1].folder)])[1]
            error = _shorten(plain_error or error, root)
        return _Text(batch, out, error, folder)


def _call(command: Sequence[str], cwd: Path | None = None) -> tuple[str, str | None]:
    """Run a program without a network helper's prompts: its output, or what it complained of."""
    environ = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
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


def _sort_out(root: Path, batch: Batch, texts: Sequence[_Text]) -> Iterator[tuple[int, Built]]:
    for text in texts:
        numbers = [number for number, _ in text.batch]
        if text.error is not None:
            yield from ((number, Built(error=text.error)) for number in numbers)
            continue
        objects: dict[str, list[tuple[Mapping[str, Any], str]]] = {f"u{i}": [] for i in range(len(numbers))}
        for body in load_all(text.out):
            owner, origin = _strip(body)
            objects[owner].append((body, _from_top(origin, text.umbrella, root)))
        for place, number in enumerate(numbers):
            yield number, Built(tuple(objects[f"u{place}"]))


def _strip(body: dict[str, Any]) -> tuple[str, str]:
    """Take our label and the origin off an object; returns whose it is and its file as kustomize saw it."""
    metadata = body["metadata"]
    owner = str(metadata["labels"].pop(UNIT_LABEL))
    if not metadata["labels"]:
        del metadata["labels"]
    annotations = metadata.get("annotations") or {}
    origin: Mapping[str, Any] = next(iter(load_all(str(annotations.pop(ORIGIN, "")))), {})
    if not annotations:
        metadata.pop("annotations", None)
    path = origin.get("path") or origin.get("configuredIn") or ""
    return owner, "" if "repo" in origin else str(path)


def _from_top(origin: str, umbrella: Path, root: Path) -> str:
    """A path from the repository's top; "" for what does not lie in it."""
    path = os.path.relpath(os.path.normpath(umbrella / origin), root) if origin else ""
    return "" if path.startswith("..") else Path(path).as_posix() if path else ""


def _shorten(error: str, root: Path) -> str:
    """kustomize nests its errors; the last link says what is wrong, and paths from the top are enough."""
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
    out, error = _call([*command, *arguments], cwd)
    if error is not None:
        return Built(error=" ".join(error.removeprefix("Error: ").split())[:600])
    return Built(tuple((body, "") for body in load_all(out) if isinstance(body, dict)))
