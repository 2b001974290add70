"""Programs of a sandbox: which one is used, and what several runs and their deaths do to the cache.

The builds are real, of the smallest program; what they need is got once and shared.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.errors import SandboxError
from bootstrap.invocation import Invocation
from bootstrap.sandbox import build_folder, built, on_path, program_cache, programs
from bootstrap.sandbox.pinned import BY_NAME, PROGRAMS, Pinned

TIMEOUT = 600
"""Seconds a first build gets, on a machine that does other things too."""
REDIS, KUSTOMIZE = BY_NAME["redis"], BY_NAME["kustomize"]

GET = """
import sys
from bootstrap.errors import BootstrapError
from bootstrap.invocation import Invocation
from bootstrap.sandbox import programs
try:
    for program in programs.ensure(sys.argv[1:], Invocation(), lambda text: print(text, flush=True)).values():
        print("got", program.name, program.origin, program.sha256, flush=True)
except BootstrapError as error:
    print("error", error.found, flush=True)
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH with nothing in it but what a build itself needs: Go, if the machine has it."""
    folder = tmp_path / "tools"
    folder.mkdir()
    if go := shutil.which("go"):
        (folder / "go").symlink_to(go)
    return folder


def _invocation(cache: Path, tools: Path, **environ: str) -> Invocation:
    given = {"BOOTSTRAP_CACHE_DIR": str(cache), "BOOTSTRAP_RELEASES_URL": "off", "PATH": str(tools)}
    return Invocation(
        stdin=io.StringIO(),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
        environ={**os.environ, **given, **environ},
    )


@pytest.fixture
def fresh(tmp_path: Path, tools: Path) -> Invocation:
    """An empty cache, no releases, and nothing but Go on PATH."""
    return _invocation(tmp_path / "cache", tools)


@pytest.fixture(scope="module")
def go_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a build of redis leaves: taken over by links, later builds take seconds."""
    folder = tmp_path_factory.mktemp("seed")
    tools = folder / "tools"
    tools.mkdir()
    if go := shutil.which("go"):
        (tools / "go").symlink_to(go)
    invocation = _invocation(folder / "cache", tools)
    (folder / "cache" / "build" / "pending").mkdir(parents=True)
    # As if something else were still to be built: the caches stay.
    (folder / "cache" / "build" / "pending" / BY_NAME["gitea"].key).touch()
    programs.ensure(["redis"], invocation, _ignore)
    yield folder / "cache" / "build"
    build_folder.remove_tree(folder)


@pytest.fixture
def warm(go_caches: Path, fresh: Invocation) -> Invocation:
    """As `fresh`, with the sources and compiled packages of redis at hand."""

    def link(source: str, target: str) -> None:
        os.link(source, target)

    shutil.copytree(
        go_caches,
        fresh.cache_dir / "build",
        copy_function=link,
        symlinks=True,
        ignore=shutil.ignore_patterns("pending", "tmp"),
    )
    return fresh


def _start(invocation: Invocation, *names: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", GET, *names],
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


def _program(folder: Path, name: str, says: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def _ignore(_: str) -> None:
    pass


# -- building ---------------------------------------------------------------------------


@pytest.mark.timeout(TIMEOUT)
def test_what_is_nowhere_is_built_and_runs(warm: Invocation) -> None:
    said: list[str] = []
    program = programs.ensure(["redis"], warm, said.append)["redis"]
    assert (program.origin, program.version) == ("built", REDIS.version)
    assert stat.S_IMODE(program.path.stat().st_mode) == 0o755
    helped = subprocess.run([program.path, "-h"], capture_output=True, text=True, check=False)
    assert "-password-file" in helped.stderr
    assert any(line.startswith("redis (1 of 1), ") and "to go" in line for line in said)


@pytest.mark.timeout(TIMEOUT)
def test_when_all_is_built_nothing_of_the_building_is_left(warm: Invocation) -> None:
    programs.ensure(["redis"], warm, _ignore)
    left = {path.name for path in warm.cache_dir.iterdir()}
    assert left <= {"programs", "build.lock"}
    kept = [path.name for path in (warm.cache_dir / "programs").iterdir() if not path.name.endswith(".lock")]
    assert kept == [REDIS.key]


@pytest.mark.timeout(TIMEOUT)
def test_a_build_writes_nothing_into_the_users_folders(warm: Invocation, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = {name: value for name, value in warm.environ.items() if not name.startswith(("XDG_", "GO"))}
    programs.ensure(["redis"], Invocation(environ={**environ, "HOME": str(home)}), _ignore)
    assert list(home.rglob("*")) == []


@pytest.mark.timeout(TIMEOUT)
def test_a_program_that_was_tampered_with_is_built_again_and_is_the_same(warm: Invocation) -> None:
    build_folder.folder(warm).joinpath("pending").mkdir()
    build_folder.folder(warm).joinpath("pending", BY_NAME["gitea"].key).touch()
    first = programs.ensure(["redis"], warm, _ignore)["redis"]
    first.path.write_bytes(first.path.read_bytes() + b"\0")
    again = programs.ensure(["redis"], warm, _ignore)["redis"]
    assert again == first
    assert again.origin == "built"
    assert programs.ensure(["redis"], warm, _ignore)["redis"].origin == "cache"


@pytest.mark.timeout(TIMEOUT)
def test_a_run_that_was_killed_is_gone_on_with(warm: Invocation) -> None:
    _placed(warm, "kustomize")
    with _start(warm, "kustomize", "redis") as process:
        _until(process, lambda line: line.startswith("redis (1 of 1)"))
        process.send_signal(signal.SIGKILL)
    assert build_folder.folder(warm).joinpath("pending", REDIS.key).exists()
    assert build_folder.folder(warm).joinpath("gocache").is_dir()

    # What only needs what is there does not throw away what the interrupted build has got.
    programs.ensure(["kustomize"], warm, _ignore)
    assert build_folder.folder(warm).joinpath("gocache").is_dir()

    found = programs.ensure(["kustomize", "redis"], warm, _ignore)
    assert (found["kustomize"].origin, found["redis"].origin) == ("cache", "built")
    assert not build_folder.folder(warm).exists()
    assert list((warm.cache_dir / "programs").glob(".redis-*-*")) == []


@pytest.mark.timeout(TIMEOUT)
def test_two_runs_at_once_build_once(warm: Invocation) -> None:
    with program_cache.locked([REDIS], warm, _ignore):
        # Both wait for the lock that we hold: neither can be done before the other has started.
        runs = [_start(warm, "redis"), _start(warm, "redis")]
        for run in runs:
            _until(run, lambda line: line == "waiting for another run, which is getting redis\n")
    ends = [run.communicate(timeout=TIMEOUT)[0].splitlines()[-1].split() for run in runs]
    assert [end[:2] for end in ends] == [["got", "redis"]] * 2
    assert ends[0] == ends[1]
    assert not build_folder.folder(warm).exists()


@pytest.mark.timeout(TIMEOUT)
def test_what_does_not_compile_is_told_in_the_compilers_words(
    warm: Invocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "modules" / "miniredis"
    module.mkdir(parents=True)
    module.joinpath("go.mod").write_text("module example.invalid/broken\n\ngo 1.21\n")
    module.joinpath("main.go").write_text("package main\n\nfunc main() { missing() }\n")
    monkeypatch.setattr(built, "MODULES", tmp_path / "modules")
    with pytest.raises(SandboxError) as caught:
        programs.ensure(["redis"], warm, _ignore)
    assert "undefined: missing" in caught.value.found
    assert "run it again" in caught.value.hint
    assert program_cache.find(REDIS, warm) is None
    assert build_folder.folder(warm).joinpath("pending", REDIS.key).exists()


@pytest.mark.timeout(TIMEOUT)
def test_without_a_route_to_the_module_proxy_that_is_told(fresh: Invocation) -> None:
    offline = Invocation(environ={**fresh.environ, "GOPROXY": "https://someone:secret-word@127.0.0.1:1"})
    with pytest.raises(SandboxError) as caught:
        programs.ensure(["redis"], offline, _ignore)
    assert "127.0.0.1:1" in caught.value.found
    assert "GOPROXY" in caught.value.hint
    assert "secret-word" in offline.secrets


def test_a_disk_that_is_too_small_is_told_before_anything_is_done(
    fresh: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=1_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(SandboxError) as caught:
        programs.ensure(["argocd", "gitea"], fresh, _ignore)
    assert "7.2 GB are needed" in caught.value.found
    assert not build_folder.folder(fresh).exists()


# -- which one is used ------------------------------------------------------------------


def _placed(invocation: Invocation, name: str) -> Path:
    """Put a program into the cache, as a run would have."""
    return _place(invocation, BY_NAME[name])


def _place(invocation: Invocation, pinned: Pinned) -> Path:
    with (
        program_cache.locked([pinned], invocation, _ignore),
        program_cache.workspace(pinned, invocation) as work,
    ):
        program = _program(work, pinned.file_name, "the one in the cache")
        return program_cache.place(pinned, program, "built", invocation).path


def test_a_program_on_path_goes_before_the_cache(fresh: Invocation, tools: Path) -> None:
    cached = _placed(fresh, "kustomize")
    assert programs.ensure(["kustomize"], fresh, _ignore)["kustomize"].path == cached
    mine = _program(tools, "kustomize", "v5.9.2")
    program = programs.ensure(["kustomize"], fresh, _ignore)["kustomize"]
    assert (program.origin, program.path, program.version) == ("path", mine, "v5.9.2")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("kustomize", "v4.5.7"),
        ("kustomize", "{Version:(devel) GitCommit:$Format}"),
        ("kube-scheduler", "Kubernetes v1.35.9"),
        ("kube-scheduler", "Kubernetes v1.36.0-rc.1"),
        ("kube-scheduler", "Kubernetes v0.0.0-master+$Format:%H$"),
        ("argocd", "argocd: v3.6.2+abcdef"),
        ("helm", "v3.19.0+g1234567"),
        ("gitea", "gitea version 1.26.1 built with go1.26.8"),
    ],
)
def test_a_program_on_path_that_does_not_fit_is_not_used(
    fresh: Invocation, tools: Path, name: str, says: str
) -> None:
    cached = _placed(fresh, name)
    _program(tools, name, says)
    assert programs.ensure([name], fresh, _ignore)[name].path == cached


@pytest.mark.parametrize(
    ("name", "says", "version"),
    [
        ("kustomize", "{Version:kustomize/v5.8.1 GitCommit:abc}", "v5.8.1"),
        ("kube-apiserver", "Kubernetes v1.36.0", "v1.36.0"),
        ("kubectl", "Client Version: v1.36.9+k3s1\nKustomize Version: v5.7.1", "v1.36.9"),
        ("argocd", "argocd: v3.6.1+da1a37c", "v3.6.1"),
        ("helm", "v4.4.0+gabcdef", "v4.4.0"),
        ("etcd", "etcd Version: 3.6.11\nGit SHA: abc", "v3.6.11"),
        ("gitea", "Gitea version 1.26.3 built with go1.26 : bindata, sqlite", "v1.26.3"),
        ("kwok", "kwok version v0.8.0 go1.26.8 (linux/amd64)", "v0.8.0"),
        ("redis", "Redis server v=8.0.2 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "v8.0.2"),
    ],
)
def test_a_program_on_path_that_fits_is_used(
    fresh: Invocation, tools: Path, name: str, says: str, version: str
) -> None:
    path = _program(tools, "redis-server" if name == "redis" else name, says)
    program = programs.ensure([name], fresh, _ignore)[name]
    assert (program.origin, program.path, program.version) == ("path", path, version)
    assert not fresh.cache_dir.exists()


def test_a_program_on_path_that_fails_is_not_used(fresh: Invocation, tools: Path) -> None:
    cached = _placed(fresh, "kustomize")
    _program(tools, "kustomize", "v5.8.1").write_text("#!/bin/sh\necho v5.8.1; exit 3\n")
    assert programs.ensure(["kustomize"], fresh, _ignore)["kustomize"].path == cached


def test_the_caches_own_program_on_path_is_still_verified(fresh: Invocation) -> None:
    cached = _placed(fresh, "kustomize")
    again = _invocation(fresh.cache_dir, cached.parent)
    assert on_path.find(KUSTOMIZE, again) is None
    assert programs.ensure(["kustomize"], again, _ignore)["kustomize"].origin == "cache"


@pytest.mark.parametrize("pinned", PROGRAMS, ids=lambda pinned: pinned.name)
def test_the_pinned_version_itself_fits(pinned: Pinned) -> None:
    major, minor, patch = (int(part) for part in pinned.number.split("."))
    assert on_path.fits(pinned, (major, minor, patch))


# -- the list ---------------------------------------------------------------------------


def test_the_list_says_what_is_there_and_gets_nothing(fresh: Invocation, tools: Path) -> None:
    cached = _placed(fresh, "helm")
    mine = _program(tools, "etcd", "etcd Version: 3.6.9")
    listed = {program.name: program for program in programs.list_programs(fresh)}
    assert tuple(listed) == programs.NAMES
    assert (listed["helm"].origin, listed["helm"].path) == ("cache", cached)
    assert (listed["etcd"].origin, listed["etcd"].path, listed["etcd"].version) == ("path", mine, "v3.6.9")
    argocd = listed["argocd"]
    assert (argocd.origin, argocd.sha256, argocd.version) == ("missing", "", "v3.6.1")
    assert argocd.path == program_cache.folder(BY_NAME["argocd"], fresh) / "argocd"
    assert not build_folder.folder(fresh).exists()


# -- the cache --------------------------------------------------------------------------


def test_data_that_was_changed_is_not_used(fresh: Invocation, tmp_path: Path) -> None:
    gitea, data = BY_NAME["gitea"], tmp_path / "data"
    data.joinpath("templates").mkdir(parents=True)
    data.joinpath("templates", "home.tmpl").write_text("welcome")
    with program_cache.locked([gitea], fresh, _ignore):
        placed = program_cache.place(gitea, _program(tmp_path, "gitea", "x"), "built", fresh, data)
    assert program_cache.find(gitea, fresh) == placed
    assert placed.data is not None
    placed.data.joinpath("templates", "home.tmpl").write_text("changed")
    assert program_cache.find(gitea, fresh) is None


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"sha256": 1, "origin": "elsewhere"}'])
def test_a_program_whose_record_cannot_be_read_is_not_used(fresh: Invocation, record: str) -> None:
    _placed(fresh, "helm").parent.joinpath("record.json").write_text(record)
    assert program_cache.find(BY_NAME["helm"], fresh) is None


def test_other_versions_that_were_not_used_for_long_are_removed(fresh: Invocation) -> None:
    days = 24 * 60 * 60
    old, recent = (replace(KUSTOMIZE, version=version) for version in ("v5.0.0", "v5.1.0"))
    for pinned in (old, recent, KUSTOMIZE, REDIS):
        _place(fresh, pinned)
    now = time.time() + program_cache.UNUSED_DAYS * days
    for pinned, age in ((old, 1), (recent, -1), (REDIS, 1)):
        record = program_cache.folder(pinned, fresh) / program_cache.RECORD
        os.utime(record, (now - program_cache.UNUSED_DAYS * days - age * days,) * 2)
    _place(Invocation(environ=fresh.environ, clock=lambda: now), KUSTOMIZE)
    assert program_cache.find(old, fresh) is None
    assert not program_cache.folder(old, fresh).exists()
    for pinned in (recent, KUSTOMIZE, REDIS):
        assert program_cache.find(pinned, fresh)


def test_using_a_program_is_noted(fresh: Invocation) -> None:
    record = _placed(fresh, "kustomize").parent / program_cache.RECORD
    os.utime(record, (0, 0))
    programs.ensure(["kustomize"], fresh, _ignore)
    assert record.stat().st_mtime > 0


def test_the_folder_to_build_in_stays_while_another_run_uses_it(fresh: Invocation) -> None:
    with build_folder.in_use(fresh):
        build_folder.settle([REDIS], fresh)
        assert build_folder.folder(fresh).exists()
    build_folder.settle([REDIS], fresh)
    assert not build_folder.folder(fresh).exists()


def test_what_a_killed_compiler_left_is_removed_when_no_other_run_builds(fresh: Invocation) -> None:
    left = build_folder.folder(fresh) / "tmp" / "go-build1" / "object"
    left.parent.mkdir(parents=True)
    left.touch()
    with build_folder.in_use(fresh):
        assert not left.exists()
        left.parent.mkdir(parents=True)
        left.touch()
        with build_folder.in_use(fresh):
            assert left.exists()


def test_the_folder_to_build_in_is_kept_for_what_was_interrupted(fresh: Invocation) -> None:
    with build_folder.in_use(fresh):
        build_folder.expect([REDIS, KUSTOMIZE], fresh)
    build_folder.settle([REDIS], fresh)
    assert build_folder.folder(fresh).exists()
    build_folder.settle([KUSTOMIZE], fresh)
    assert not build_folder.folder(fresh).exists()


def test_read_only_folders_are_removed_too(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "module" / "inner"
    inner.mkdir(parents=True)
    inner.joinpath("file").write_text("read-only")
    inner.chmod(0o500)
    inner.parent.chmod(0o500)
    build_folder.remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
