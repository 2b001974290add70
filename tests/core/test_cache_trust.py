"""A cache is trusted if no one else could have written it and its content is sealed by its user."""

from __future__ import annotations

import json
import marshal
import os
import shutil
import sqlite3
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import binary

from bootstrap.core import cache_trust
from bootstrap.core.errors import DownloadError, SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.http import download
from bootstrap.programs import build_folder, cache, find, go
from bootstrap.programs.pinned import BY_NAME
from bootstrap.repository import tools
from bootstrap.repository.store import NAME, open_store
from tests import properties
from tests.conftest import Run
from tests.repositories import OURS, write
from tests.sandbox import machine

KUSTOMIZE = BY_NAME["kustomize"]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user takes root")


@pytest.fixture
def fresh(tmp_path: Path) -> Invocation:
    """A cache and a secret of this test's alone; releases are off, PATH is empty."""
    (tmp_path / "path").mkdir()
    key = str(tmp_path / "share" / "cache.key")
    return machine.invocation(tmp_path / "cache", tmp_path / "path", BOOTSTRAP_CACHE_KEY=key)


def forged(invocation: Invocation) -> Path:
    """kustomize as a stranger would put it there, with a record to fit; returns what it writes when run."""
    place = cache.folder(KUSTOMIZE, invocation)
    place.mkdir(parents=True)
    ran = invocation.cache_dir / "ran"
    (place / "kustomize").write_text(f"#!/bin/sh\necho pwned >{ran}\n")
    (place / "kustomize").chmod(0o755)
    record = {"name": "kustomize", "version": KUSTOMIZE.version, "origin": "release"}
    record["sha256"] = download.checksum(place / "kustomize")
    (place / "record.json").write_text(json.dumps(record))
    return ran


def test_program_with_a_record_to_fit_is_not_believed(fresh: Invocation) -> None:
    forged(fresh)
    assert cache.find(KUSTOMIZE, fresh) is None
    listed = {program.name: program.origin for program in find.list_programs(fresh)}
    assert listed["kustomize"] == "missing"


def test_committed_cache_is_not_run_by_a_command_that_only_reads(fresh: Invocation, run: Run) -> None:
    """As in a CI job with its cache inside the checkout, open to anyone with a pull request."""
    repository = fresh.cache_dir.parent / "repository"
    (repository / "shop").mkdir(parents=True)
    (repository / "shop" / "kustomization.yaml").write_text("namePrefix: a-\nresources: [shop.yaml]\n")
    (repository / "shop" / "shop.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\ndata: {a: b}\n"
    )
    fresh.environ = {**fresh.environ, "BOOTSTRAP_CACHE_DIR": str(repository / ".cache"), "GOPROXY": "off"}
    ran = forged(fresh)
    run("validate", str(repository), env=dict(fresh.environ))
    assert not ran.exists()


@pytest.mark.parametrize("field", ["version", "name", "origin", "verified", "sha256"])
def test_sealed_record_says_what_it_said_when_it_was_sealed(fresh: Invocation, field: str) -> None:
    path = machine.place(fresh, KUSTOMIZE)
    assert cache.find(KUSTOMIZE, fresh)
    record = json.loads(path.with_name("record.json").read_text())
    path.with_name("record.json").write_text(json.dumps({**record, field: "release"}))
    assert cache.find(KUSTOMIZE, fresh) is None


def test_older_programs_record_does_not_vouch_for_a_newer_version(fresh: Invocation) -> None:
    old = replace(KUSTOMIZE, version="v5.0.0")
    machine.place(fresh, old)
    shutil.copytree(cache.folder(old, fresh), cache.folder(KUSTOMIZE, fresh))
    assert cache.find(KUSTOMIZE, fresh) is None


def test_relative_cache_is_the_same_for_programs_that_run_elsewhere(
    fresh: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fresh.cache_dir.parent)
    relative = replace(fresh, environ={**fresh.environ, "BOOTSTRAP_CACHE_DIR": "cache"})
    path = machine.place(relative, KUSTOMIZE)
    monkeypatch.chdir("/")
    assert path.is_absolute()
    assert cache.find(KUSTOMIZE, fresh)


def test_cache_of_another_secret_is_as_an_empty_one(fresh: Invocation, tmp_path: Path) -> None:
    machine.place(fresh, KUSTOMIZE)
    elsewhere = {**fresh.environ, "BOOTSTRAP_CACHE_KEY": str(tmp_path / "another" / "cache.key")}
    assert cache.find(KUSTOMIZE, replace(fresh, environ=elsewhere)) is None


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777, 0o772])
@pytest.mark.parametrize("which", ["program", "folder", "programs", "cache"])
def test_cache_that_others_may_write_is_refused(fresh: Invocation, mode: int, which: str) -> None:
    program = machine.place(fresh, KUSTOMIZE)
    places = {"program": program, "folder": program.parent, "programs": program.parents[1]}
    places["cache"] = fresh.cache_dir
    for parent in (fresh.cache_dir, program.parents[1], program.parent):
        parent.chmod(0o755)
    place = places[which]
    place.chmod(mode)
    if mode & 0o020 and not mode & 0o002:
        os.chown(place, -1, _foreign_group())
    with pytest.raises(SandboxError) as caught:
        cache.find(KUSTOMIZE, fresh)
    assert "other users may write" in caught.value.found
    assert "BOOTSTRAP_CACHE_DIR" in caught.value.hint


def _foreign_group() -> int:
    groups = [one for one in os.getgroups() if one != os.getegid()]
    if os.geteuid() != 0 and not groups:
        pytest.skip("this user has no other group")
    return groups[0] if groups else 65534


@pytest.mark.parametrize(("mode", "fine"), [(0o777, False), (0o1777, True), (0o755, True)])
def test_folder_above_the_cache_that_others_may_write_is_refused_unless_it_is_sticky(
    fresh: Invocation, mode: int, fine: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        above = Path(name)
        above.chmod(mode)
        (above / "cache").mkdir(mode=0o700)
        assert (cache_trust.fault(above / "cache") is None) is fine


def test_folder_that_no_one_else_can_enter_protects_the_cache_below(tmp_path: Path) -> None:
    """As in a container whose umask is 0, where only /root itself is closed."""
    (tmp_path / "closed" / "open" / "cache").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    (tmp_path / "closed" / "open").chmod(0o777)
    assert cache_trust.fault(tmp_path / "closed" / "open" / "cache") is None


@ROOT_ONLY
@pytest.mark.parametrize("which", ["program", "folder"])
def test_another_users_cache_is_refused(fresh: Invocation, which: str) -> None:
    program = machine.place(fresh, KUSTOMIZE)
    os.chown(program if which == "program" else program.parent, 65534, -1)
    with pytest.raises(SandboxError, match="belongs to"):
        cache.find(KUSTOMIZE, fresh)


@ROOT_ONLY
def test_downloads_are_neither_read_from_nor_put_into_another_users_folder(fresh: Invocation) -> None:
    folder = fresh.cache_dir / "downloads"
    folder.mkdir(parents=True)
    os.chown(folder, 65534, -1)
    with pytest.raises(DownloadError, match="it belongs to"):
        download.keep_bytes(b"content", fresh)


def test_cache_is_made_for_its_user_alone(fresh: Invocation) -> None:
    mask = os.umask(0)
    try:
        machine.place(fresh, KUSTOMIZE)
        download.keep_bytes(b"content", fresh)
        open_store(fresh).close()
    finally:
        os.umask(mask)
    assert cache.find(KUSTOMIZE, fresh)
    for name in ("programs", "downloads", "index"):
        assert (fresh.cache_dir / name).stat().st_mode & 0o077 == 0


def test_secret_is_the_users_alone_and_the_same_for_concurrent_runs(fresh: Invocation) -> None:
    path = cache_trust.key_path(fresh)
    found: list[bytes | None] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        found.append(cache_trust.key(fresh))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert found[0] is not None
    assert len(found[0]) == cache_trust.BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["cache.key"]


@pytest.mark.parametrize("damage", ["open", "short", "link"])
def test_secret_that_others_may_know_is_none_and_that_is_reported(fresh: Invocation, damage: str) -> None:
    cache_trust.key(fresh)
    path = cache_trust.key_path(fresh)
    if damage == "open":
        path.chmod(0o644)
    elif damage == "short":
        path.write_bytes(b"short")
    else:
        path.rename(path.with_name("other"))
        path.symlink_to(path.with_name("other"))
    machine.place(fresh, KUSTOMIZE)
    assert cache.find(KUSTOMIZE, fresh) is None
    assert "BOOTSTRAP_CACHE_KEY" in fresh.notices[0]


def test_compiler_that_came_with_a_cache_is_not_run(fresh: Invocation) -> None:
    """A Go toolchain is in the build folder, and so are Go's own caches."""
    build = build_folder.folder(fresh)
    program = build / "toolchain" / f"go-{go.PYPI_VERSION}" / "go" / "bin" / "go"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho pwned >{fresh.cache_dir / 'ran'}\n")
    program.chmod(0o755)
    with build_folder.in_use(fresh) as folder:
        assert not program.exists()
        (folder / "gocache").mkdir()
    with build_folder.in_use(fresh) as folder:
        assert (folder / "gocache").exists()  # this one is its user's
    elsewhere = {**fresh.environ, "BOOTSTRAP_CACHE_KEY": str(fresh.cache_dir.parent / "other" / "cache.key")}
    another = replace(fresh, environ=elsewhere)
    with (
        build_folder.in_use(fresh),
        pytest.raises(SandboxError, match="not created with your secret"),
        build_folder.in_use(another),
    ):
        raise AssertionError("it was used")
    with build_folder.in_use(another) as folder:
        assert not (folder / "gocache").exists()


def rows(invocation: Invocation) -> sqlite3.Connection:
    return sqlite3.connect(invocation.cache_dir / "index" / NAME)


def test_edited_row_of_the_store_is_as_one_that_does_not_exist(fresh: Invocation) -> None:
    store = open_store(fresh)
    store.put("findings", ["an error"])
    store.put("other", [])
    store.close()
    connection = rows(fresh)
    ((own,),) = connection.execute("select value from entries where key = 'findings'")
    for value in (
        marshal.dumps([]),
        own[:32] + marshal.dumps([]),
        bytes(32) + own[32:],
        connection.execute("select value from entries where key = 'other'").fetchone()[0],  # moved here
        b"",
    ):
        connection.execute("update entries set value = ? where key = 'findings'", (value,))
        connection.commit()
        store = open_store(fresh)
        assert store.get("findings") is None
        assert not store.has("findings")
        assert store.get("other") == []
        store.close()
    connection.execute("update entries set value = ? where key = 'findings'", (own,))
    connection.commit()
    connection.close()
    store = open_store(fresh)
    assert store.get("findings") == ["an error"]
    store.close()


def test_edited_store_does_not_turn_an_error_into_nothing_found(
    fresh: Invocation, run: Run, invocation: Invocation
) -> None:
    repository = fresh.cache_dir.parent / "repository"
    (repository / "shop").mkdir(parents=True)
    (repository / "shop" / "kustomization.yaml").write_text("resources: [gone.yaml]\n")
    program = Path(tools.kustomize(invocation))
    path = f"{program.parent}{os.pathsep}{invocation.environ['PATH']}"
    environ = {**fresh.environ, "PATH": path}
    before = run("validate", str(repository), env=environ)
    assert before.exit == 1, before.err
    connection = rows(fresh)
    with connection:
        for key, value in connection.execute("select key, value from entries").fetchall():
            loaded = marshal.loads(value[32:])  # noqa: S302 - what the run above has written
            blank = marshal.dumps([] if isinstance(loaded, list) else (loaded and type(loaded)()) or loaded)
            connection.execute("update entries set value = ? where key = ?", (value[:32] + blank, key))
    connection.close()
    after = run("validate", str(repository), env=environ)
    assert (after.exit, after.out) == (before.exit, before.out)


def test_objects_that_the_store_has_lost_are_rendered_again(
    fresh: Invocation, run: Run, invocation: Invocation
) -> None:
    """As when another run's row, or a damaged one, is in the place of this one's."""
    repository = write(fresh.cache_dir.parent / "repository", OURS)
    program = Path(tools.kustomize(invocation))
    environ = {**fresh.environ, "PATH": f"{program.parent}{os.pathsep}{invocation.environ['PATH']}"}
    graph = ("graph", str(repository), "--resources", "-o", "json")
    before = run(*graph, env=environ)
    assert before.exit == 0, before.err
    connection = rows(fresh)
    with connection:
        removed = connection.execute("delete from entries where key like 'objects:%'").rowcount
    connection.close()
    assert removed
    for command in (graph, ("validate", str(repository), "--fail-on", "error")):
        assert run(*command, env=environ).exit == 0
    assert run(*graph, env=environ).out == before.out


@ROOT_ONLY
def test_store_in_another_users_folder_is_kept_in_memory(fresh: Invocation) -> None:
    folder = fresh.cache_dir / "index"
    folder.mkdir(parents=True)
    os.chown(folder, 65534, -1)
    store = open_store(fresh)
    store.put("a", 1)
    store.close()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("whose", ["open to all", pytest.param("another user's", marks=ROOT_ONLY)])
def test_cache_that_is_left_aside_is_reported_once(
    fresh: Invocation, run: Run, invocation: Invocation, whose: str
) -> None:
    repository = write(fresh.cache_dir.parent / "repository", OURS)
    program = Path(tools.kustomize(invocation))
    environ = {**fresh.environ, "PATH": f"{program.parent}{os.pathsep}{invocation.environ['PATH']}"}
    fresh.cache_dir.mkdir(exist_ok=True)
    if whose == "open to all":
        fresh.cache_dir.chmod(0o777)
        found = f"{fresh.cache_dir.resolve()} has mode 0777: other users may write there"
    else:
        os.chown(fresh.cache_dir, 65534, -1)
        found = f"{fresh.cache_dir.resolve()} belongs to"
    for words in (("validate", str(repository), "-o", "json"), ("graph", str(repository), "-o", "json")):
        result = run(*words, env=environ)
        (line,) = [one for one in result.err.splitlines() if "the cache" in one]
        assert line.startswith(f"warning: the cache {fresh.cache_dir / 'index'} is not used: {found}")
        assert "chmod -R go-w" in line
        assert "BOOTSTRAP_CACHE_DIR" in line
        json.loads(result.out)
        quiet = run(*words, "--quiet", env=environ)
        assert (quiet.out, quiet.err) == (result.out, "")
    assert not any((fresh.cache_dir / "index").glob("*"))


@properties.QUICKLY
@given(text=binary(max_size=64), other=binary(max_size=64))
def test_seal_fits_its_own_text_alone(text: bytes, other: bytes) -> None:
    secret = b"k" * 32
    assert cache_trust.is_sealed(secret, text, cache_trust.seal(secret, text))
    assert cache_trust.is_sealed(secret, other, cache_trust.seal(secret, text)) is (text == other)
    assert not cache_trust.is_sealed(None, text, cache_trust.seal(secret, text))
