"""Real builds: what they leave, how they fail, and what several runs and their deaths do to each other.

One is of a program as it is shipped. The others are of a program of a few lines in its place.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.programs import build, build_folder, cache, confine, find
from bootstrap.programs import go as toolchain
from bootstrap.programs.pinned import BY_NAME
from tests.sandbox import machine

TIMEOUT = 1800
"""Seconds a build gets, however busy the machine is with other things."""
REDIS, KUSTOMIZE = BY_NAME["redis"], BY_NAME["kustomize"]

GET = """
import sys
from pathlib import Path
from bootstrap.core.invocation import Invocation
from bootstrap.programs import build as built
from bootstrap.programs import find as programs
built.MODULES = Path(sys.argv[1])
for program in programs.ensure(sys.argv[2:], Invocation(), lambda text: print(text, flush=True)).values():
    print("got", program.name, program.origin, program.sha256, flush=True)
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Invocation:
    """An empty cache, no releases, and nothing but Go on PATH."""
    return machine.invocation(tmp_path / "cache", machine.tools(tmp_path / "tools"))


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `modules`, a small program in redis' place, and `build`, what building it left."""
    folder = tmp_path_factory.mktemp("seed")
    module = folder / "modules" / REDIS.module
    module.mkdir(parents=True)
    module.joinpath("go.mod").write_text("module example.invalid/small\n\ngo 1.21\n")
    module.joinpath("main.go").write_text('package main\n\nfunc main() { println("small") }\n')
    invocation = machine.invocation(folder, machine.tools(folder / "tools"))
    with build_folder.in_use(invocation):  # so that it is not removed
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build, "MODULES", folder / "modules")
            find.ensure(["redis"], invocation, machine.ignore)
        yield folder
    build_folder.remove_tree(folder)


@pytest.fixture
def warm(seed: Path, fresh: Invocation, monkeypatch: pytest.MonkeyPatch) -> Invocation:
    """As `fresh`, building the small program, with its compiled packages available."""

    def link(source: str, target: str) -> None:
        os.link(source, target)

    unlinked = shutil.ignore_patterns("pending", "tmp")
    shutil.copytree(
        seed / "build", fresh.cache_dir / "build", copy_function=link, symlinks=True, ignore=unlinked
    )
    monkeypatch.setattr(build, "MODULES", seed / "modules")
    return fresh


def _start(invocation: Invocation, *names: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", GET, str(build.MODULES), *names],
        env=dict(invocation.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _until(process: subprocess.Popen[str], wanted: Callable[[str], bool]) -> list[str]:
    """The lines up to the one that is wanted."""
    lines = []
    for line in process.stdout or ():
        lines.append(line.rstrip())
        if wanted(line):
            return lines
    raise AssertionError("\n".join(lines))


@pytest.mark.timeout(TIMEOUT)
def test_what_is_nowhere_is_built_from_its_shipped_module_and_runs(fresh: Invocation) -> None:
    said: list[str] = []
    program = find.ensure(["redis"], fresh, said.append)["redis"]
    assert (program.origin, program.version) == ("built", REDIS.version)
    assert stat.S_IMODE(program.path.stat().st_mode) == 0o755
    helped = subprocess.run([program.path, "-h"], capture_output=True, text=True, check=False)
    assert "-password-file" in helped.stderr
    assert any(line.startswith("redis (1 of 1), ") and "to go" in line for line in said)


@pytest.mark.timeout(TIMEOUT)
def test_when_all_is_built_nothing_of_the_building_is_left(warm: Invocation) -> None:
    find.ensure(["redis"], warm, machine.ignore)
    left = {path.name for path in warm.cache_dir.iterdir()}
    assert left <= {"programs", "build.lock"}
    kept = [path.name for path in (warm.cache_dir / "programs").iterdir() if not path.name.endswith(".lock")]
    assert kept == [REDIS.key]


@pytest.mark.timeout(TIMEOUT)
def test_a_build_writes_nothing_into_the_users_folders(warm: Invocation, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = {name: value for name, value in warm.environ.items() if not name.startswith(("XDG_", "GO"))}
    find.ensure(["redis"], Invocation(environ={**environ, "HOME": str(home)}), machine.ignore)
    assert list(home.rglob("*")) == []


@pytest.mark.timeout(TIMEOUT)
def test_a_program_that_was_tampered_with_is_built_again_and_is_the_same(warm: Invocation) -> None:
    build_folder.folder(warm).joinpath("pending").mkdir()
    build_folder.folder(warm).joinpath("pending", BY_NAME["gitea"].key).touch()
    first = find.ensure(["redis"], warm, machine.ignore)["redis"]
    first.path.write_bytes(first.path.read_bytes() + b"\0")
    again = find.ensure(["redis"], warm, machine.ignore)["redis"]
    assert again == first
    assert again.origin == "built"
    assert find.ensure(["redis"], warm, machine.ignore)["redis"].origin == "cache"


@pytest.mark.timeout(TIMEOUT)
def test_a_run_that_was_killed_is_gone_on_with(warm: Invocation) -> None:
    machine.place(warm, BY_NAME["kustomize"])
    with _start(warm, "kustomize", "redis") as process:
        _until(process, lambda line: line.startswith("redis (1 of 1)"))
        process.send_signal(signal.SIGKILL)
    assert build_folder.folder(warm).joinpath("pending", REDIS.key).exists()
    assert build_folder.folder(warm).joinpath("gocache").is_dir()

    # What only needs what is there does not throw away what the interrupted build has got.
    find.ensure(["kustomize"], warm, machine.ignore)
    assert build_folder.folder(warm).joinpath("gocache").is_dir()

    found = find.ensure(["kustomize", "redis"], warm, machine.ignore)
    assert (found["kustomize"].origin, found["redis"].origin) == ("cache", "built")
    assert not build_folder.folder(warm).exists()
    assert list((warm.cache_dir / "programs").glob(".redis-*-*")) == []


@pytest.mark.timeout(TIMEOUT)
def test_two_runs_at_once_build_once(warm: Invocation) -> None:
    with cache.locked([REDIS], warm, machine.ignore):
        # Both wait for the lock that we hold: neither can be done before the other has started.
        runs = [_start(warm, "redis"), _start(warm, "redis")]
        for run in runs:
            _until(run, lambda line: line == "waiting for another run to fetch or build redis\n")
    ends = [run.communicate(timeout=TIMEOUT)[0].splitlines()[-1].split() for run in runs]
    assert [end[:2] for end in ends] == [["got", "redis"]] * 2
    assert ends[0] == ends[1]
    assert not build_folder.folder(warm).exists()


@pytest.mark.timeout(TIMEOUT)
def test_what_does_not_compile_is_reported_in_the_compilers_words(
    warm: Invocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "modules" / "miniredis"
    module.mkdir(parents=True)
    module.joinpath("go.mod").write_text("module example.invalid/broken\n\ngo 1.21\n")
    module.joinpath("main.go").write_text("package main\n\nfunc main() { missing() }\n")
    monkeypatch.setattr(build, "MODULES", tmp_path / "modules")
    with pytest.raises(SandboxError) as caught:
        find.ensure(["redis"], warm, machine.ignore)
    assert "undefined: missing" in caught.value.found
    assert "then run again" in caught.value.hint
    assert cache.find(REDIS, warm) is None
    assert build_folder.folder(warm).joinpath("pending", REDIS.key).exists()


@pytest.mark.timeout(TIMEOUT)
def test_without_a_route_to_the_module_proxy_that_is_reported(fresh: Invocation) -> None:
    offline = Invocation(environ={**fresh.environ, "GOPROXY": "https://someone:secret-word@127.0.0.1:1"})
    with pytest.raises(SandboxError) as caught:
        find.ensure(["redis"], offline, machine.ignore)
    assert "127.0.0.1:1" in caught.value.found
    assert "GOPROXY" in caught.value.hint
    assert "secret-word" in offline.secrets


def test_a_disk_that_is_too_small_is_reported_before_anything_is_done(
    fresh: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=1_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(SandboxError) as caught:
        find.ensure(["argocd", "gitea"], fresh, machine.ignore)
    assert "7.2 GB are needed" in caught.value.found
    assert not build_folder.folder(fresh).exists()


@pytest.mark.skipif(not confine.kernel().files, reason="this kernel has no Landlock")
def test_go_writes_nowhere_but_in_the_build_folder_and_fetches_nothing_while_it_compiles(
    seed: Path, fresh: Invocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in go's place reports what it may do; then it is go."""
    real = shutil.which("go", path=fresh.environ["PATH"])
    go = Path(real).resolve() if real else toolchain.find(fresh, seed / "build", machine.ignore)
    report, elsewhere = fresh.cache_dir / "build" / "report", tmp_path / "elsewhere"
    script = (
        "import pathlib, socket, sys\n"
        "may = []\n"
        "try:\n    socket.socket().close()\n    may.append('network')\nexcept OSError:\n    pass\n"
        f"try:\n    pathlib.Path({str(elsewhere)!r}).write_text('x')\n    may.append('elsewhere')\n"
        "except OSError:\n    pass\n"
        f"with open({str(report)!r}, 'a') as file:\n    print(sys.argv[1], *may, file=file)\n"
    )
    (tmp_path / "probe.py").write_text(script)
    wrapper = machine.script(tmp_path / "tools", "wrapped", "")
    wrapper.write_text(
        f'#!/bin/sh\n[ "$1" = version ] || {sys.executable} -I {tmp_path / "probe.py"} "$1"\nexec {go} "$@"\n'
    )
    found = tmp_path / "tools" / "go"
    found.unlink(missing_ok=True)
    wrapper.rename(found)
    monkeypatch.setattr(build, "MODULES", seed / "modules")
    with build_folder.in_use(fresh):
        find.ensure(["redis"], fresh, machine.ignore)
        assert report.read_text().split("\n") == ["list network", "build", ""]
    assert not elsewhere.exists()
