"""The programs of a sandbox: from PATH, the cache, a release, or built from source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bootstrap.core.invocation import Invocation
from bootstrap.http.download import checksum
from bootstrap.programs import build, build_folder, cache, release
from bootstrap.programs import path as on_path
from bootstrap.programs.build_progress import Spent
from bootstrap.programs.cache import Placed
from bootstrap.programs.pinned import BY_NAME, PROGRAMS, Pinned

NAMES = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "argocd",
    "helm",
    "kustomize",
    "gitea",
    "redis",
    "metrics-server",
)
"""What a sandbox needs. `kubectl` may be requested too."""

_BY = {
    "path": "not verified: it was on PATH",
    "pinned": "verified by its pinned checksum",
    "host": "verified by its host alone",
    "built": "built from pinned sources",
}

Origin = Literal["path", "cache", "release", "built", "missing"]


@dataclass(frozen=True)
class Program:
    """One program. `data` is the folder of files that it needs: Gitea's static root when built.

    `origin` says where this run found it; `missing` is for lists only: then `path` is where it will
    be and `sha256` is empty. `verified` says why it is trusted.
    """

    name: str
    version: str
    origin: Origin
    path: Path
    sha256: str
    data: Path | None = None
    verified: str = ""


def ensure(
    names: Sequence[str],
    invocation: Invocation,
    report: Callable[[str], None],
    spent: Callable[[Spent], None] = lambda _: None,
) -> dict[str, Program]:
    """All of `names`, each from the first source that has it; `report` is called with the progress.

    `spent` is called with where the time went, if anything was built.
    Raises SandboxError when one cannot be built or stored, ChecksumDiffers when a release is not the
    published file, InputError for a bad mirror or CA file.
    """
    wanted = [BY_NAME[name] for name in dict.fromkeys(names)]
    found = _look(wanted, invocation)
    placed = release.fetch_all([p for p in wanted if p.name not in found], invocation, report)
    missing = [p for p in PROGRAMS if p in wanted and p.name not in found and p.name not in placed]
    placed |= build.build_all(missing, invocation, report, spent)
    build_folder.remove_if_done(wanted, invocation, report)
    found |= {name: _program(BY_NAME[name], there, there.origin) for name, there in placed.items()}
    return {pinned.name: found[pinned.name] for pinned in wanted}


def list_programs(invocation: Invocation) -> list[Program]:
    """The programs of a sandbox, with version, origin, path and checksum; fetches and builds nothing."""
    pinned = [BY_NAME[name] for name in NAMES]
    found = _look(pinned, invocation)
    listed = []
    for each in pinned:
        program = found.get(each.name)
        if program is None:
            path = cache.folder(each, invocation) / each.file_name
            program = Program(each.name, each.version, "missing", path, "")
        listed.append(program)
    return listed


def _look(wanted: Sequence[Pinned], invocation: Invocation) -> dict[str, Program]:
    """Those that exist already: on PATH, or in the cache. Hashing and version queries run in parallel."""

    def look(pinned: Pinned) -> Program | None:
        if there := on_path.find(pinned, invocation):
            path, version = there
            return Program(pinned.name, version, "path", path, checksum(path), verified=_BY["path"])
        placed = cache.find(pinned, invocation)
        return _program(pinned, placed, "cache") if placed else None

    with ThreadPoolExecutor(8) as pool:
        return {program.name: program for program in pool.map(look, wanted) if program}


def _program(pinned: Pinned, placed: Placed, origin: Origin) -> Program:
    verified = _BY[placed.verified if placed.origin == "release" else "built"]
    return Program(pinned.name, pinned.version, origin, placed.path, placed.sha256, placed.data, verified)
