"""The build folder: kept while something is still to be built, so that builds resume; then removed.

`cache_dir/build/` holds the Go caches and perhaps a Go toolchain, up to 15 GB.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.core import cache_trust
from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.programs import cache
from bootstrap.programs.pinned import PROGRAMS, Pinned

SEAL = "seal"
SEALED = b"the folder to build in"


def folder(invocation: Invocation) -> Path:
    return invocation.cache_dir / "build"


@contextmanager
def in_use(invocation: Invocation) -> Iterator[Path]:
    """The folder, which no other run removes in the meantime; several runs may use it at once."""
    path = folder(invocation)
    with cache.keeping("creating the build folder", path):
        cache_trust.make(path.parent, invocation)
        cache.check(path.parent, invocation)
        with _lock(invocation).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # another run builds: the contents may be its own
                _check_ours(path, invocation)
            else:
                remove_tree(path / "tmp")  # gigabytes, after a run that was killed
                if not _is_ours(path, invocation):
                    remove_tree(path)  # someone else's compiler and sources are not used
                _seal(cache_trust.make(path, invocation), invocation)
            fcntl.flock(lock, fcntl.LOCK_SH)
            cache_trust.make(path, invocation)
            cache.check(path, invocation)  # its contents are compiled in
            yield path


def _check_ours(path: Path, invocation: Invocation) -> None:
    if not _is_ours(path, invocation):
        raise SandboxError(
            "using the build folder",
            "another run uses it, and it was not created with your secret",
            f"wait for that run; {cache_trust.KEY_FILE} is the secret's path",
            str(path),
        )


def _is_ours(path: Path, invocation: Invocation) -> bool:
    """Whether this user's secret sealed the folder when it was created; true for a missing one."""
    if not path.exists():
        return True
    try:
        sealed = (path / SEAL).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False
    return cache_trust.is_sealed(cache_trust.key(invocation), SEALED, sealed)


def _seal(path: Path, invocation: Invocation) -> None:
    """Seal a folder that was just created; without a secret it is not trusted again."""
    if not any(path.iterdir()) and (secret := cache_trust.key(invocation)):
        (path / SEAL).write_text(cache_trust.seal(secret, SEALED), encoding="ascii")


def expect(programs: Iterable[Pinned], invocation: Invocation) -> None:
    """Record that these are to be built: until each exists, the folder is kept."""
    with cache.keeping("recording what is to be built", folder(invocation)):
        notes = folder(invocation) / "pending"
        notes.mkdir(exist_ok=True)
        for pinned in programs:
            (notes / pinned.key).touch()


def remove_if_done(
    programs: Collection[Pinned], invocation: Invocation, report: Callable[[str], None] = lambda _: None
) -> None:
    """Note that these are built; remove the folder when nothing is pending and no other run is building."""
    path = folder(invocation)
    if not path.exists():
        return
    for pinned in programs:
        (path / "pending" / pinned.key).unlink(missing_ok=True)
    # What an older version of this program asked for is no longer needed.
    if any((path / "pending" / pinned.key).exists() for pinned in PROGRAMS):
        return
    with _lock(invocation).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # the run that is still building will remove it
        report("removing the build folder: several gigabytes")
        remove_tree(path)


def remove_tree(path: Path) -> None:
    """Remove a folder, including the read-only folders in it that Go's module cache creates."""
    for inner, _, _ in os.walk(path):
        if not os.access(inner, os.W_OK):
            os.chmod(inner, 0o700)  # noqa: PTH101 (os.walk gives strings, and there are many)
    shutil.rmtree(path, ignore_errors=True)


def _lock(invocation: Invocation) -> Path:
    return invocation.cache_dir / "build.lock"
