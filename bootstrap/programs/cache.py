"""The cache of programs: each in a folder of its own with a sealed record of its checksum.

`cache_dir/programs/<name>-<version>/` holds the program, `record.json` and, for a program that needs
it, `data/`. The record is sealed (cache_trust.py): a program that someone else has put there, with a matching
record, is not run. A reader sees a complete program or none. A lock per program lets several runs
share the cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bootstrap.core import cache_trust
from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.http.download import checksum
from bootstrap.programs.pinned import Pinned

RECORD = "record.json"
DATA = "data"
UNUSED_DAYS = 30
"""How long another version of a program is kept after its last use."""


Verified = Literal["pinned", "host"]


@dataclass(frozen=True)
class Placed:
    """A program in the cache, and where it came from.

    `verified` of a release: by the checksum that ships with us ("pinned"), or by its own host alone ("host").
    """

    path: Path
    sha256: str
    origin: Literal["release", "built"]
    data: Path | None = None
    verified: Verified = "pinned"


def folder(pinned: Pinned, invocation: Invocation) -> Path:
    """Where the program is kept, whether it exists or not."""
    return invocation.cache_dir / "programs" / pinned.key


def find(pinned: Pinned, invocation: Invocation) -> Placed | None:
    """The program in the cache, if it and its data are still what this user put there.

    Raises SandboxError when another user may write to the cache.
    """
    place = folder(pinned, invocation)
    program, data = place / pinned.file_name, place / DATA
    if not place.exists():
        return None
    for each in (program, place / RECORD, data):
        check(each, invocation)
    try:
        record = json.loads((place / RECORD).read_text(encoding="utf-8"))
        sealed = record.pop("seal", None)
        if not cache_trust.is_sealed(cache_trust.key(invocation), _sealed_text(record), sealed):
            return None
        if (record["name"], record["version"]) != (pinned.name, pinned.version):
            return None
        sha256, origin, recorded_data = str(record["sha256"]), record["origin"], record.get("data")
        if origin not in ("release", "built") or checksum(program) != sha256:
            return None
        if recorded_data is not None and digest(data) != recorded_data:
            return None
        os.utime(place / RECORD)  # the time of its last use
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing, or modified: it is put there again
    verified: Verified = "host" if record.get("verified") == "host" else "pinned"
    return Placed(program, sha256, origin, data if recorded_data is not None else None, verified)


def check(path: Path, invocation: Invocation) -> None:
    """Raise SandboxError when someone else may write to the file or folder, or to one above it."""
    if path.exists() and (why := cache_trust.fault(path, invocation.cache_dir)):
        raise SandboxError(
            "using the cache of programs",
            why,
            "make it yours alone (chmod -R go-w, chown -R), or choose another with BOOTSTRAP_CACHE_DIR",
            str(path),
        )


def _sealed_text(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, sort_keys=True).encode()


def place(
    pinned: Pinned,
    program: Path,
    origin: Literal["release", "built"],
    invocation: Invocation,
    data: Path | None = None,
    verified: Verified = "pinned",
) -> Placed:
    """Move `program` (and a copy of the folder `data`) into the cache; the caller holds the lock.

    A reader sees the complete program or none. Raises SandboxError when it cannot be stored.
    """
    target = folder(pinned, invocation)
    with workspace(pinned, invocation) as work, keeping(f"keeping {pinned.name}", target):
        draft = work / "draft"
        draft.mkdir(mode=0o700)
        shutil.move(program, draft / pinned.file_name)
        (draft / pinned.file_name).chmod(0o755)
        record = {
            "name": pinned.name,
            "version": pinned.version,
            "origin": origin,
            "sha256": checksum(draft / pinned.file_name),
        }
        if data:
            shutil.copytree(data, draft / DATA)
            record["data"] = digest(draft / DATA)
        record["verified"] = verified
        if secret := cache_trust.key(invocation):
            record["seal"] = cache_trust.seal(secret, _sealed_text(record))
        (draft / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        (draft / RECORD).chmod(0o600)
        if data:
            (draft / DATA).chmod(0o700)
        if target.exists():
            target.rename(work / "damaged")
        draft.rename(target)
        _remove_unused(pinned, invocation)
    kept = target / DATA if data else None
    return Placed(target / pinned.file_name, record["sha256"], origin, kept, verified)


def _remove_unused(pinned: Pinned, invocation: Invocation) -> None:
    """Remove other versions that no installation of this program has used for a long time."""
    oldest = invocation.clock() - UNUSED_DAYS * 24 * 60 * 60
    current = folder(pinned, invocation)
    for other in current.parent.glob(f"{pinned.name}-v*"):
        record = other / RECORD
        if other != current and record.exists() and record.stat().st_mtime < oldest:
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def workspace(pinned: Pinned, invocation: Invocation) -> Iterator[Path]:
    """An empty folder next to the programs, removed at the end; the caller holds the lock.

    Leftovers of a killed run are removed first: under the lock, nobody else uses them.
    """
    programs = invocation.cache_dir / "programs"
    with keeping("making the cache of programs", programs):
        _make(programs, invocation)
        work = Path(tempfile.mkdtemp(prefix=f".{pinned.key}-", dir=programs))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def remove_leftovers(pinned: Pinned, invocation: Invocation) -> None:
    """Remove this program's workspaces of killed runs; the caller holds the lock."""
    for left in (invocation.cache_dir / "programs").glob(f".{pinned.key}-*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def locked(
    programs: Sequence[Pinned], invocation: Invocation, report: Callable[[str], None]
) -> Iterator[None]:
    """Hold the programs' locks; waits, and reports it, while another run fetches or builds one of them."""
    locks = invocation.cache_dir / "programs"
    with ExitStack() as held:
        # Always in one order, so that two runs cannot wait for each other.
        for pinned in sorted(programs, key=lambda program: program.key):
            with keeping("locking the cache of programs", locks):
                _make(locks, invocation)
                file = held.enter_context((locks / f".{pinned.key}.lock").open("w"))
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    report(f"waiting for another run to fetch or build {pinned.name}")
                    fcntl.flock(file, fcntl.LOCK_EX)
            remove_leftovers(pinned, invocation)
        yield


def _make(programs: Path, invocation: Invocation) -> None:
    cache_trust.make(programs, invocation)
    check(programs, invocation)


@contextmanager
def keeping(tried: str, where: Path) -> Iterator[None]:
    """Turns file system errors into a SandboxError."""
    try:
        yield
    except OSError as error:
        raise SandboxError(
            tried,
            error.strerror or str(error),
            "make the folder writable and free some space, or choose another with BOOTSTRAP_CACHE_DIR",
            str(error.filename or where),
        ) from error


def digest(root: Path) -> str:
    """One sha256 over the names and contents of all files below `root`."""
    whole = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            whole.update(f"{path.relative_to(root).as_posix()}\0{checksum(path)}\n".encode())
    return whole.hexdigest()
