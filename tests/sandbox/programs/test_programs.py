"""Programs of a sandbox: which one is used, and what the cache does about damage and age."""

from __future__ import annotations

import os
import re
import runpy
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.core.argocd_version import ARGOCD_VERSION
from bootstrap.core.invocation import Invocation
from bootstrap.programs import build, build_folder, cache, find
from bootstrap.programs import path as on_path
from bootstrap.programs.pinned import BY_NAME, PROGRAMS, Pinned
from bootstrap.sandbox import control_plane, embedded, pki, state
from bootstrap.sandbox import program_folder as sandbox_bin
from bootstrap.sandbox.argocd_workloads import COMPONENTS
from bootstrap.sandbox.node import layout
from tests.sandbox import machine

REDIS, KUSTOMIZE = BY_NAME["redis"], BY_NAME["kustomize"]


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """The folder that is on PATH."""
    return machine.tools(tmp_path / "tools")


@pytest.fixture
def fresh(tmp_path: Path, tools: Path) -> Invocation:
    """An empty cache, no releases."""
    return machine.invocation(tmp_path / "cache", tools)


# -- which one is used ------------------------------------------------------------------


def test_a_program_on_path_goes_before_the_cache(fresh: Invocation, tools: Path) -> None:
    cached = machine.place(fresh, BY_NAME["kustomize"])
    assert find.ensure(["kustomize"], fresh, machine.ignore)["kustomize"].path == cached
    mine = machine.script(tools, "kustomize", "v5.9.2")
    program = find.ensure(["kustomize"], fresh, machine.ignore)["kustomize"]
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
    cached = machine.place(fresh, BY_NAME[name])
    machine.script(tools, name, says)
    assert find.ensure([name], fresh, machine.ignore)[name].path == cached


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
    path = machine.script(tools, "redis-server" if name == "redis" else name, says)
    program = find.ensure([name], fresh, machine.ignore)[name]
    assert (program.origin, program.path, program.version) == ("path", path, version)
    assert not fresh.cache_dir.exists()


def test_a_program_on_path_that_fails_is_not_used(fresh: Invocation, tools: Path) -> None:
    cached = machine.place(fresh, BY_NAME["kustomize"])
    machine.script(tools, "kustomize", "v5.8.1").write_text("#!/bin/sh\necho v5.8.1; exit 3\n")
    assert find.ensure(["kustomize"], fresh, machine.ignore)["kustomize"].path == cached


def test_the_caches_own_program_on_path_is_still_verified(fresh: Invocation) -> None:
    cached = machine.place(fresh, BY_NAME["kustomize"])
    again = machine.invocation(fresh.cache_dir, cached.parent)
    assert on_path.find(KUSTOMIZE, again) is None
    assert find.ensure(["kustomize"], again, machine.ignore)["kustomize"].origin == "cache"


@pytest.mark.parametrize("pinned", PROGRAMS, ids=lambda pinned: pinned.name)
def test_the_pinned_version_itself_fits(pinned: Pinned) -> None:
    major, minor, patch = (int(part) for part in pinned.number.split("."))
    assert on_path.fits(pinned, (major, minor, patch))


# -- the list ---------------------------------------------------------------------------


def test_the_list_says_what_is_there_and_gets_nothing(fresh: Invocation, tools: Path) -> None:
    cached = machine.place(fresh, BY_NAME["helm"])
    mine = machine.script(tools, "etcd", "etcd Version: 3.6.9")
    listed = {program.name: program for program in find.list_programs(fresh)}
    assert tuple(listed) == find.NAMES
    assert (listed["helm"].origin, listed["helm"].path) == ("cache", cached)
    assert (listed["etcd"].origin, listed["etcd"].path, listed["etcd"].version) == ("path", mine, "v3.6.9")
    argocd = listed["argocd"]
    assert (argocd.origin, argocd.sha256, argocd.version) == ("missing", "", ARGOCD_VERSION)
    assert argocd.path == cache.folder(BY_NAME["argocd"], fresh) / "argocd"
    assert not build_folder.folder(fresh).exists()


def test_the_list_has_every_program_that_a_sandbox_starts() -> None:
    started = {*embedded.EVERYTHING} - {"agent"}
    assert {*find.NAMES} == started | {*sandbox_bin.OF_AGENT}


def test_what_starts_after_the_api_server_has_its_own_name_ports_and_certificate(tmp_path: Path) -> None:
    paths = {name: f"/programs/{name}" for name in find.NAMES}
    settings = state.Settings("own", dict.fromkeys(state.PORTS, 1), (), programs=paths)
    certificates = {identity.file for identity in pki.IDENTITIES}
    for name, spec_of in control_plane.AFTER_API_SERVER.items():
        assert spec_of(tmp_path, settings, {}).name == name
        assert name in certificates, f"{name} gets a kubeconfig: pki.IDENTITIES must have it"


def test_every_port_is_named_after_the_process_that_listens() -> None:
    """By the name, `up` knows that a port in use is the sandbox's own, and keeps it."""
    processes = {*embedded.EVERYTHING, layout.PROCESS, *COMPONENTS}
    unknown = [
        port for port in state.PORTS if not any(f"{port}-".startswith(f"{each}-") for each in processes)
    ]
    assert unknown == []


@pytest.mark.parametrize("pinned", PROGRAMS, ids=lambda pinned: pinned.name)
def test_the_module_that_a_program_is_built_in_has_its_pinned_version(pinned: Pinned) -> None:
    text = (build.MODULES / pinned.module / "go.mod").read_text()
    direct = re.findall(r"^(?:require |\t)\S+ (v\S+)$", text, re.MULTILINE)
    assert pinned.version in direct or (pinned.module, direct) == ("pause", [])


# -- the cache --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["kwok", "metrics-server"])
def test_libraries_that_are_shared_with_kubernetes_have_its_version(name: str) -> None:
    """Each is then compiled once: scripts/share_go_modules.py."""
    script = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "share_go_modules.py"))
    here, kubernetes = (script["versions"](script["text_of"](each)) for each in (name, "kubernetes"))
    shared = here.keys() & kubernetes.keys()
    assert {"k8s.io/client-go", "google.golang.org/grpc"} <= shared
    assert {path: here[path] for path in shared} == {path: kubernetes[path] for path in shared}


def test_data_that_was_changed_is_not_used(fresh: Invocation, tmp_path: Path) -> None:
    gitea, data = BY_NAME["gitea"], tmp_path / "data"
    data.joinpath("templates").mkdir(parents=True)
    data.joinpath("templates", "home.tmpl").write_text("welcome")
    with cache.locked([gitea], fresh, machine.ignore):
        placed = cache.place(gitea, machine.script(tmp_path, "gitea", "x"), "built", fresh, data)
    assert cache.find(gitea, fresh) == placed
    assert placed.data is not None
    placed.data.joinpath("templates", "home.tmpl").write_text("changed")
    assert cache.find(gitea, fresh) is None


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"sha256": 1, "origin": "elsewhere"}'])
def test_a_program_whose_record_cannot_be_read_is_not_used(fresh: Invocation, record: str) -> None:
    machine.place(fresh, BY_NAME["helm"]).parent.joinpath("record.json").write_text(record)
    assert cache.find(BY_NAME["helm"], fresh) is None


def test_other_versions_that_were_not_used_for_long_are_removed(fresh: Invocation) -> None:
    days = 24 * 60 * 60
    old, recent = (replace(KUSTOMIZE, version=version) for version in ("v5.0.0", "v5.1.0"))
    for pinned in (old, recent, KUSTOMIZE, REDIS):
        machine.place(fresh, pinned)
    now = time.time() + cache.UNUSED_DAYS * days
    for pinned, age in ((old, 1), (recent, -1), (REDIS, 1)):
        record = cache.folder(pinned, fresh) / cache.RECORD
        os.utime(record, (now - cache.UNUSED_DAYS * days - age * days,) * 2)
    machine.place(Invocation(environ=fresh.environ, clock=lambda: now), KUSTOMIZE)
    assert cache.find(old, fresh) is None
    assert not cache.folder(old, fresh).exists()
    for pinned in (recent, KUSTOMIZE, REDIS):
        assert cache.find(pinned, fresh)


def test_using_a_program_is_noted(fresh: Invocation) -> None:
    record = machine.place(fresh, BY_NAME["kustomize"]).parent / cache.RECORD
    os.utime(record, (0, 0))
    find.ensure(["kustomize"], fresh, machine.ignore)
    assert record.stat().st_mtime > 0


def test_the_folder_to_build_in_stays_while_another_run_uses_it(fresh: Invocation) -> None:
    told: list[str] = []
    with build_folder.in_use(fresh):
        build_folder.remove_if_done([REDIS], fresh, told.append)
        assert build_folder.folder(fresh).exists()
    assert not told
    build_folder.remove_if_done([REDIS], fresh, told.append)
    assert not build_folder.folder(fresh).exists()
    assert told == ["removing the build folder: several gigabytes"]


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
    build_folder.remove_if_done([REDIS], fresh)
    assert build_folder.folder(fresh).exists()
    build_folder.remove_if_done([KUSTOMIZE], fresh)
    assert not build_folder.folder(fresh).exists()


def test_read_only_folders_are_removed_too(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "module" / "inner"
    inner.mkdir(parents=True)
    inner.joinpath("file").write_text("read-only")
    inner.chmod(0o500)
    inner.parent.chmod(0o500)
    build_folder.remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
