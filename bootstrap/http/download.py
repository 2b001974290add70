"""Files by URL and sha256: fetched over verified TLS, kept in the cache under their checksum."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import shutil
import string
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from bootstrap.core import backoff, bounded, cache_trust
from bootstrap.core.errors import ChecksumDiffers, DownloadError, DownloadUnavailable
from bootstrap.core.invocation import Invocation
from bootstrap.http.streaming import PassingFault, get, shown

ATTEMPTS = 4
PAUSE = 0.25
"""Seconds before the second attempt, at most; doubled before each further one."""
ABANDONED = 24 * 60 * 60
"""Seconds after which the partial download of a killed run is removed."""
PIECE = 1 << 20
LARGEST_CHECKSUMS = 1 << 20
LARGEST = 2 << 30
"""The size limit of a file in bytes: the largest that is fetched, a program, is a fifth of that."""
LONGEST = 60 * 60.0
"""Seconds that one attempt may take, so that a host which sends a byte now and then cannot block a run."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_T = TypeVar("_T")


def fetch(
    url: str,
    sha256: str | None,
    invocation: Invocation,
    *,
    ca_file: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """The file at `url`: a path in the cache, named by its sha256 (64 hex digits).

    With `sha256`, a cached file is returned without any network access. Without, it is fetched
    again each time, and TLS alone vouches for it. `ca_file` (PEM) is trusted in addition to the public
    authorities; BOOTSTRAP_CA_FILE is its default. `report` is called with each line of progress.

    Raises DownloadUnavailable when it cannot be downloaded, ChecksumDiffers when its checksum is wrong,
    DownloadError when it cannot be stored or the URL is not https; InputError for a bad CA file.
    """
    folder = invocation.cache_dir / "downloads"
    wanted = sha256.lower() if sha256 else None
    with _storing(f"downloading {shown(url)}", folder, invocation.cache_dir):
        if wanted and (kept := _kept(folder / wanted)):
            return kept
        with _partial(invocation) as (partial, file):
            actual = _repeatedly(url, lambda: _receive(url, file, invocation, ca_file, report))
            if wanted and actual != wanted:
                raise ChecksumDiffers(
                    f"downloading {shown(url)}",
                    f"its sha256 is {actual}, expected {wanted}",
                    "do not use that file: its publisher, a mirror or a proxy in between changed it",
                    shown(url),
                )
            return partial.replace(folder / actual)


def keep(path: Path, invocation: Invocation) -> str:
    """Put a copy of a local file into the cache; returns its sha256.

    Raises DownloadError when it cannot be read or stored.
    """
    folder = invocation.cache_dir / "downloads"
    with _storing(f"storing {path}", folder, invocation.cache_dir), _partial(invocation) as (partial, file):
        with path.open("rb") as source:
            shutil.copyfileobj(source, file)
        file.flush()
        actual = checksum(partial)
        partial.replace(folder / actual)
        return actual


def keep_bytes(content: bytes, invocation: Invocation) -> str:
    """Put content from another source into the cache; returns its sha256. Raises DownloadError."""
    folder = invocation.cache_dir / "downloads"
    with (
        _storing("storing what was read", folder, invocation.cache_dir),
        _partial(invocation) as (partial, file),
    ):
        file.write(content)
        file.flush()
        actual = hashlib.sha256(content).hexdigest()
        partial.replace(folder / actual)
        return actual


def fetch_checksum(url: str, name: str, invocation: Invocation, ca_file: Path | None = None) -> str:
    """The sha256 of the file `name` that is published at `url`.

    The file has either lines of `<sha256>  <name>`, as sha256sum writes them, or the bare sha256.
    Raises DownloadUnavailable when it cannot be downloaded or does not name that file.
    """
    body = _repeatedly(url, lambda: _text(url, invocation, ca_file))
    for line in body.splitlines():
        words = line.split()
        if not words or len(words[0]) != 64 or not set(words[0]) <= set(string.hexdigits):
            continue
        if len(words) == 1 or words[-1].lstrip("*").rpartition("/")[2] == name:
            return words[0].lower()
    raise DownloadUnavailable(
        f"looking for the checksum of {name}",
        "the published checksums do not list it",
        "check the version, and the mirror if there is one",
        shown(url),
    )


def checksum(path: Path) -> str:
    """The sha256 of a file, as 64 lower-case hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


# -- the network ------------------------------------------------------------------------


def _repeatedly(url: str, attempt: Callable[[], _T]) -> _T:
    """What `attempt` returns; transient faults are retried up to ATTEMPTS times, others raised at once."""
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except PassingFault as fault:
            if number == ATTEMPTS:
                raise DownloadUnavailable(
                    f"downloading {shown(url)}",
                    f"{fault}, {ATTEMPTS} times",
                    "try again later",
                    shown(url),
                ) from fault
            time.sleep(backoff.between(number, PAUSE))
    raise AssertionError("the last attempt returns or raises")


def _receive(
    url: str,
    file: BinaryIO,
    invocation: Invocation,
    ca_file: Path | None,
    report: Callable[[str], None] | None,
) -> str:
    """Write the body into `file`, from its beginning; returns its sha256."""
    file.seek(0)
    file.truncate()
    digest, size, deadline = hashlib.sha256(), 0, time.monotonic() + LONGEST
    with get(url, invocation, ca_file) as answer:
        total = int(answer.headers.get("Content-Length") or 0)
        _check_bounds(url, total, deadline)
        for piece in bounded.pieces(answer.raw, 2 * LARGEST, math.inf):
            size += len(piece)
            _check_bounds(url, size, deadline)
            file.write(piece)
            digest.update(piece)
            if report:
                of = f" of {total / 1e6:.0f}" if total else ""
                report(f"{shown(url).rpartition('/')[2]}: {size / 1e6:.0f}{of} MB")
    file.flush()
    return digest.hexdigest()


def _check_bounds(url: str, size: int, deadline: float) -> None:
    found = ""
    if size > LARGEST:
        found = f"it is larger than {LARGEST:,} bytes"
    elif time.monotonic() > deadline:
        found = f"the download did not complete within {LONGEST:.0f} s"
    if found:
        hint = "check the URL, and the mirror if there is one"
        raise DownloadUnavailable(f"downloading {shown(url)}", found, hint, shown(url))


def _text(url: str, invocation: Invocation, ca_file: Path | None) -> str:
    deadline = time.monotonic() + LONGEST
    with get(url, invocation, ca_file) as answer:
        body = b""
        for piece in bounded.pieces(answer.raw, 2 * LARGEST, math.inf):
            body += piece
            _check_bounds(url, len(body), deadline)
            if len(body) > LARGEST_CHECKSUMS:
                raise DownloadUnavailable(
                    f"downloading {shown(url)}",
                    f"it is larger than {LARGEST_CHECKSUMS} bytes, too large for a list of checksums",
                    "check the URL, and the mirror if there is one",
                    shown(url),
                )
        return body.decode("utf-8", "replace")


# -- the cache --------------------------------------------------------------------------


def _kept(path: Path) -> Path | None:
    """The file in the cache, if it still matches its name; a damaged one is removed."""
    if not path.is_file():
        return None
    if checksum(path) == path.name:
        return path
    path.unlink(missing_ok=True)
    return None


@contextmanager
def _partial(invocation: Invocation) -> Iterator[tuple[Path, BinaryIO]]:
    """A temporary file next to the cached ones, removed at the end unless it was renamed."""
    folder = cache_trust.make(invocation.cache_dir / "downloads", invocation)
    for left in folder.glob(".partial-*"):
        with suppress(FileNotFoundError):  # its own run, or another one, has just removed it
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()
    descriptor, name = tempfile.mkstemp(prefix=".partial-", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _storing(tried: str, folder: Path, top: Path) -> Iterator[None]:
    """Turns file system errors into a DownloadError; refuses a cache that others may write to."""
    if folder.exists() and (why := cache_trust.fault(folder, top)):
        hint = "make it yours alone (chmod -R go-w, chown -R), or choose another with BOOTSTRAP_CACHE_DIR"
        raise DownloadError(tried, why, hint, str(folder))
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DownloadError(
                tried,
                f"the disk is full ({error.strerror})",
                "free some space, or set BOOTSTRAP_CACHE_DIR",
                str(folder),
            ) from error
        raise DownloadError(
            tried,
            str(error.strerror or error),
            "make the folder writable, or set BOOTSTRAP_CACHE_DIR",
            str(error.filename or folder),
        ) from error
