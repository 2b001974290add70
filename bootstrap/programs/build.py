"""Builds programs from the Go module proxy, each in a module whose go.sum is shipped with us.

A module's programs are one unit, built by one `go build`. What runs at the same time: build_line.py.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core import cache_trust
from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.http import download
from bootstrap.programs import build_folder, build_line, build_process, cache
from bootstrap.programs import go as toolchain
from bootstrap.programs.build_progress import BuildProgress, Spent, Stopwatch
from bootstrap.programs.cache import Placed
from bootstrap.programs.confine import Confinement
from bootstrap.programs.pinned import ARGOCD, Pinned

MODULES = Path(__file__).parent / "modules"
MEGABYTES_A_SECOND = 12
"""Growth of Go's caches for each second of `Pinned.seconds`: 15 GB for everything."""
ARGOCD_MANIFESTS = ("install.yaml", "ha/install.yaml", "core-install.yaml")

# Without debugging information, which is stripped anyway, compiling takes 8 % less time and 22 % less disk.
_COMPILER = "-gcflags=all=-dwarf=false"
# The names of a module's own programs: when the last of them is compiled, only the linker is left.
_MAINS = '{{if eq .Name "main"}}{{.ImportPath}}{{end}}'
Report = Callable[[str], None]
_Unit = tuple[Pinned, ...]
_Fetched = tuple[frozenset[str], float]
"""The import paths of a unit's programs (empty if its sources could not be read), and the seconds it took."""


@dataclass(frozen=True)
class _Workshop:
    """What all builds of a run share."""

    folder: Path
    go: Path
    environ: dict[str, str]
    invocation: Invocation

    @property
    def fetching(self) -> Confinement:
        """What go may do while it downloads."""
        return toolchain.fetching(self.folder)

    def environ_for(self, pinned: Pinned) -> dict[str, str]:
        """The environment with the toolchain that the program is known to work with."""
        chosen = toolchain.selected(self.go, pinned.go, self.invocation, self.folder)
        return {**self.environ, "GOTOOLCHAIN": chosen}


def build_all(
    wanted: Sequence[Pinned],
    invocation: Invocation,
    report: Report,
    spent: Callable[[Spent], None] = lambda _: None,
) -> dict[str, Placed]:
    """Build `wanted`, by name; what another run has built in the meantime is taken from the cache.

    `spent` is called at the end, if anything was built, with where the time went. After an interruption,
    the next call resumes where this one stopped. Raises SandboxError with the end of the compiler's output
    when a build fails, and before the first build when there is too little disk space.
    """
    if not wanted:
        return {}
    units = _units(wanted)
    _check_room([pinned for unit in units for pinned in unit], invocation)
    done: dict[str, Placed] = {}
    with build_folder.in_use(invocation) as folder:
        build_folder.expect(wanted, invocation)
        watch = Stopwatch()
        go = toolchain.find(invocation, folder, report)
        workshop = _Workshop(folder, go, toolchain.environ(invocation, folder), invocation)
        progress = BuildProgress(units, report)

        @contextmanager
        def hold(unit: _Unit) -> Iterator[bool]:
            with cache.locked(unit, invocation, report):
                found = {pinned.name: cache.find(pinned, invocation) for pinned in unit}
                done.update({name: placed for name, placed in found.items() if placed})
                progress.skip([pinned for pinned in unit if pinned.name in done])
                yield any(pinned.name not in done for pinned in unit)

        def fetch(unit: _Unit, stop: threading.Event) -> _Fetched:
            return _fetch(unit, workshop, stop)

        def build(
            unit: _Unit, fetched: Future[_Fetched], compiled: Callable[[], None], stop: threading.Event
        ) -> dict[str, Placed]:
            missing = [pinned for pinned in unit if pinned.name not in done]
            return _build(missing, fetched, workshop, progress, watch, compiled, stop)

        for built in build_line.run(units, build_line.Stages(fetch, hold, build)):
            done |= built
    if watch.units:
        spent(watch.spent())
    return done


def _units(wanted: Sequence[Pinned]) -> list[tuple[Pinned, ...]]:
    """Programs of one module are built by one call, which compiles and links them in parallel."""
    modules: dict[str, list[Pinned]] = {}
    for pinned in wanted:
        modules.setdefault(pinned.module, []).append(pinned)
    return [tuple(unit) for unit in modules.values()]


def _check_room(wanted: Sequence[Pinned], invocation: Invocation) -> None:
    needed = sum(pinned.seconds for pinned in wanted) * MEGABYTES_A_SECOND
    with cache.keeping("creating the cache", invocation.cache_dir):
        cache_trust.make(invocation.cache_dir, invocation)
        free = shutil.disk_usage(invocation.cache_dir).free // 1_000_000
    if free < needed:
        raise SandboxError(
            f"building {', '.join(pinned.name for pinned in wanted)}",
            f"{needed / 1000:.1f} GB are needed while building, {free / 1000:.1f} GB are free",
            "free some space, or set BOOTSTRAP_CACHE_DIR to a folder with more",
            str(invocation.cache_dir),
        )


def _build(
    unit: Sequence[Pinned],
    fetched: Future[_Fetched],
    workshop: _Workshop,
    progress: BuildProgress,
    watch: Stopwatch,
    compiled: Callable[[], None],
    stop: threading.Event,
) -> dict[str, Placed]:
    """Build programs of one module and place them in the cache; the caller holds their locks."""
    invocation, names = workshop.invocation, [pinned.name for pinned in unit]
    with (
        progress.building(unit) as seen,
        cache.workspace(unit[0], invocation) as work,
        _sources(unit[0], workshop) as module,
    ):
        while not wait([fetched], 1).done:
            if stop.is_set():
                raise build_process.Stopped
            seen("")
        mains, fetching = fetched.result()
        left = set(mains)
        with watch.unit(names, fetching) as linking:

            def read(line: str) -> None:
                seen(line)
                if line in left:
                    left.discard(line)
                    if not left:
                        linking()
                        compiled()

            # A single program can be named; several can only be put into a folder, by their packages' names.
            target = work / unit[0].file_name if len(unit) == 1 else work
            environ, may = workshop.environ_for(unit[0]), toolchain.fetching(workshop.folder, work)
            if mains:  # everything is downloaded and checked against go.sum: nothing more may be asked for
                may = toolchain.compiling(workshop.go, workshop.folder, work)
                environ |= {"GOPROXY": "off"}
            build_process.run(
                [str(workshop.go), "build", "-v", "-o", str(target), *_arguments(unit)],
                module,
                environ,
                may,
                f"building {' and '.join(names)}",
                read,
                stop,
            )
        return {
            pinned.name: cache.place(
                pinned, work / pinned.file_name, "built", invocation, _data(pinned, module, work, workshop)
            )
            for pinned in unit
        }


def _fetch(unit: _Unit, workshop: _Workshop, stop: threading.Event) -> _Fetched:
    """Download what a unit needs. If that fails, its own build reports it."""
    watch = Stopwatch()
    with _sources(unit[0], workshop) as module:
        listing = [str(workshop.go), "list", "-deps", "-f", _MAINS, *_arguments(unit)]
        output = build_process.ask(listing, module, workshop.environ_for(unit[0]), workshop.fetching, stop)
    return frozenset(output.split()), watch.elapsed


def _arguments(unit: Sequence[Pinned]) -> list[str]:
    """Flags and packages; all programs of a module have the same flags."""
    flags = [_COMPILER, f"-ldflags={' '.join(('-s', '-w', *unit[0].ldflags))}"]
    if unit[0].tags:
        flags.append(f"-tags={unit[0].tags}")
    return [*flags, *(pinned.package for pinned in unit)]


@contextmanager
def _sources(pinned: Pinned, workshop: _Workshop) -> Iterator[Path]:
    """A copy of the shipped module: `go` must not write into an installed package."""
    with cache.keeping("copying the module", workshop.folder):
        module = Path(tempfile.mkdtemp(prefix="module-", dir=workshop.folder / "tmp"))
        shutil.copytree(MODULES / pinned.module, module, dirs_exist_ok=True)
    try:
        yield module
    finally:
        shutil.rmtree(module, ignore_errors=True)


def _data(pinned: Pinned, module: Path, work: Path, workshop: _Workshop) -> Path | None:
    """The files of its own module that a built program needs, or provides to others."""
    if not pinned.data_module:
        return None
    listing = [str(workshop.go), "list", "-m", "-f", "{{.Dir}}", pinned.data_module]
    listed = build_process.ask(
        listing, module, workshop.environ_for(pinned), workshop.fetching, threading.Event()
    )
    source = Path(listed.strip())
    if not listed or not source.is_dir():
        found = f"go list gave {listed.strip() or 'no folder'}"
        raise SandboxError(f"finding the files of {pinned.data_module}", found, "run again")
    if pinned.version == ARGOCD and pinned.name == "argocd":
        for manifest in ARGOCD_MANIFESTS:
            download.keep(source / "manifests" / manifest, workshop.invocation)
    if not pinned.data:
        return None
    data = work / "data"
    with cache.keeping(f"storing {pinned.name}'s files", data):
        data.mkdir()
        for name in pinned.data:
            copy = shutil.copytree if (source / name).is_dir() else shutil.copyfile
            copy(source / name, data / name)
    return data
