"""Private temporary folders of a run, all below one; the next run removes what a killed run has left.

A lock on the folder, which ends with its process, shows whether it belongs to a run.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PREFIX = "gitops-bootstrap-"
_LOCK = ".lock"
_YOUNG = 60.0
"""Seconds that a new folder may have no lock yet."""

_MEMORY = Path("/dev/shm")  # noqa: S108
MOST_IN_MEMORY = 64 * 1024 * 1024
"""Bytes."""
_PAGE = 4096
"""Bytes: a file in memory takes whole pages."""


@dataclass
class _Held:
    """A run's folder, the descriptor that holds its lock, and how many folders in it are in use."""

    path: Path
    descriptor: int
    used: int = 0


_held: dict[str, _Held] = {}
_swept: set[str] = set()
_guard = threading.Lock()


@contextlib.contextmanager
def folder(
    purpose: str, within: str | None = None, remove: Callable[[Path], object] | None = None
) -> Iterator[Path]:
    """A private folder that is removed after the block; `within` a folder, or in the temporary folder.

    `remove` is what `removing` gives, if not at once. Raises OSError when it cannot be created.
    """
    path = take(purpose, within)
    try:
        yield path
    finally:
        (remove or give_back)(path)


@contextlib.contextmanager
def removing() -> Iterator[Callable[[Path], object]]:
    """Give what does `give_back` in a thread: a disk may take seconds. The block ends when all are gone."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        yield lambda path: pool.submit(give_back, path)


def in_memory(sizes: Iterable[int]) -> str | None:
    """A place in memory for files of these sizes in bytes: a disk may take seconds to remove many.

    None where there is none, where they would take more than a sixteenth of its room or of the memory that is
    available, where they are more than MOST_IN_MEMORY, and where TMPDIR names another place.
    """
    size = sum(-(-one // _PAGE) * _PAGE for one in sizes)
    if os.environ.get("TMPDIR") or not 0 < size <= MOST_IN_MEMORY:
        return None
    with contextlib.suppress(OSError, ValueError, StopIteration):
        if _MEMORY.is_symlink() or not os.access(_MEMORY, os.W_OK | os.X_OK) or not _is_memory(_MEMORY):
            return None
        with open("/proc/meminfo", encoding="utf-8") as file:  # noqa: PTH123
            available = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))
        room = os.statvfs(_MEMORY)
        if size <= min(room.f_bavail * room.f_frsize, available) // 16 and size // 1024 < room.f_favail:
            return str(_MEMORY)
    return None


def _is_memory(place: Path) -> bool:
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:  # noqa: PTH123
        return any(f" {place} " in line and " - tmpfs " in line for line in mounts)


def take(purpose: str, within: str | None = None) -> Path:
    """A private folder until `give_back`, or until the process ends. Raises OSError."""
    place = os.path.realpath(within or tempfile.gettempdir())
    with _guard:
        if place not in _swept:
            _swept.add(place)
            _sweep(Path(place))
        held = _held.get(place)
        if held is None:
            held = _held[place] = _new(place)
        path = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=held.path))
        held.used += 1
    return path


def give_back(path: Path) -> None:
    """Remove a folder, and with the last one the folder around it."""
    shutil.rmtree(path, ignore_errors=True)
    place = str(path.parent.parent)
    with _guard:
        held = _held.get(place)
        if held is None:
            return
        held.used -= 1
        if held.used <= 0:
            _drop(_held.pop(place))


def _new(place: str) -> _Held:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another run is sweeping it
            os.close(descriptor)
            continue
        except OSError:
            pass  # a file system without locks: no other run can mistake it for a leftover, either
        if _is_there(path / _LOCK, descriptor):
            return _Held(path, descriptor)
        os.close(descriptor)  # another run has swept it between the two lines above


def _drop(held: _Held) -> None:
    shutil.rmtree(held.path, ignore_errors=True)
    os.close(held.descriptor)


@atexit.register
def _drop_all() -> None:
    for held in list(_held.values()):
        _drop(held)
    _held.clear()


def _sweep(place: Path) -> None:
    """Remove what this user's other runs left there; never another user's files, nor a link."""
    with contextlib.suppress(OSError):
        for path in place.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                state = path.lstat()
                if stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid():
                    _remove_left(path, state)


def _remove_left(path: Path, state: os.stat_result) -> None:
    """Remove a folder that no run holds; its lock is held meanwhile, so that no run takes it."""
    try:
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        if time.time() - state.st_mtime > _YOUNG:
            shutil.rmtree(path, ignore_errors=True)
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)


def _is_there(path: Path, descriptor: int) -> bool:
    """Whether the path still is the file that the descriptor holds."""
    with contextlib.suppress(OSError):
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    return False
