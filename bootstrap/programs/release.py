"""Releases of the programs: fetched from their publisher or a mirror, verified, unpacked.

BOOTSTRAP_RELEASES_URL names a mirror: the file at https://HOST/PATH is fetched from
<mirror>/HOST/PATH. `off` uses no releases, so that everything is built.

A file is trusted by the checksum that ships with this program (checksums.py). One without is built; or, only
when BOOTSTRAP_RELEASES_TRUST is `host`, taken from its own host with the checksum published next to it.
Never from a mirror, which would vouch for itself.
"""

from __future__ import annotations

import platform
import shutil
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from bootstrap.core.errors import ChecksumDiffers, DownloadUnavailable, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.http import download, streaming
from bootstrap.programs import cache
from bootstrap.programs.cache import Placed
from bootstrap.programs.checksums import CHECKSUMS
from bootstrap.programs.pinned import Pinned, Release

MIRROR = "BOOTSTRAP_RELEASES_URL"
TRUST = "BOOTSTRAP_RELEASES_TRUST"
AT_ONCE = 4
EVERY = 5.0
"""Seconds between two progress lines about the same download."""

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
Report = Callable[[str], None]


def architecture() -> str:
    """This machine's, as releases and images name it; what the machine says, where that is another."""
    machine = platform.machine().lower()
    return _ARCHITECTURES.get(machine, machine)


def fetch_all(wanted: Sequence[Pinned], invocation: Invocation, report: Report) -> dict[str, Placed]:
    """Those of `wanted` whose release is available, by name; `report` is called with why others are not.

    Raises ChecksumDiffers when a file is not the published one: then no other source is tried.
    """
    released = {pinned.name: release for pinned in wanted if (release := release_of(pinned, invocation))}
    for name in _unbelievable([pinned for pinned in wanted if pinned.name in released], invocation, report):
        del released[name]
    candidates = [pinned for pinned in wanted if pinned.name in released]
    if not candidates:
        return {}
    hosts = {pinned.name: _host(released[pinned.name].url) for pinned in candidates}
    report(f"asking {', '.join(sorted(set(hosts.values())))} for releases")
    answers = streaming.reachable(sorted(set(hosts.values())), invocation)
    for host, fault in answers.items():
        if fault:
            names = ", ".join(name for name in hosts if hosts[name] == host)
            report(f"no route to {host} ({fault}): {names} will be built")
    reached = [pinned for pinned in candidates if answers[hosts[pinned.name]] is None]
    stopped = threading.Event()
    archives: list[Path] = []  # removed when all are unpacked: two programs may share one archive

    def fetch(pinned: Pinned) -> Placed | None:
        try:
            return _fetch(pinned, released[pinned.name], invocation, report, stopped, archives)
        except _Stopped:
            return None
        except BaseException:
            stopped.set()
            raise

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            placed = list(pool.map(fetch, reached))
        except BaseException:  # Ctrl-C is raised here, not in the threads
            stopped.set()
            raise
    for archive in archives:
        archive.unlink(missing_ok=True)  # the programs are kept, the archive is not needed again
    return {pinned.name: found for pinned, found in zip(reached, placed, strict=True) if found is not None}


def release_of(pinned: Pinned, invocation: Invocation) -> Release | None:
    """The release for this machine with its URLs filled in, at the mirror if there is one; or None."""
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    mirror = invocation.environ.get(MIRROR, "")
    if pinned.release is None or architecture is None or sys.platform != "linux" or mirror == "off":
        return None
    if mirror and not urlsplit(mirror).hostname:
        raise InputError(
            f"reading {MIRROR}",
            f"{mirror!r} is not a URL",
            "set the mirror's URL, such as https://mirror.example.com/releases, or off",
        )

    def filled(template: str) -> str:
        url = template.format(version=pinned.version, number=pinned.number, arch=architecture)
        return f"{mirror.rstrip('/')}/{url.removeprefix('https://')}" if mirror else url

    member = pinned.release.member
    return Release(
        filled(pinned.release.url),
        filled(pinned.release.checksums),
        member and member.format(version=pinned.version, number=pinned.number, arch=architecture),
    )


def checksum_of(pinned: Pinned) -> str | None:
    """The shipped sha256 of its release for this machine; None when none ships."""
    architecture = _ARCHITECTURES.get(platform.machine().lower(), "")
    known = CHECKSUMS.get((pinned.name, pinned.version, architecture))
    return known.sha256 if known else None


def _unbelievable(wanted: Sequence[Pinned], invocation: Invocation, report: Report) -> list[str]:
    """Those for whose file only its own server would vouch, unless the user allows that."""
    trust, mirror = invocation.environ.get(TRUST, ""), invocation.environ.get(MIRROR, "")
    if trust not in ("", "host"):
        raise InputError(f"reading {TRUST}", f"{trust!r} is not known", "set it to host, or omit it")
    unknown = [pinned.name for pinned in wanted if checksum_of(pinned) is None]
    if not unknown or (trust == "host" and not mirror):
        return []
    why = "a mirror is not trusted" if mirror else f"its own host is trusted only with {TRUST}=host"
    report(f"{', '.join(unknown)} will be built: no checksum ships with bootstrap, and {why}")
    return unknown


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class _Stopped(Exception):
    """Another download failed, or the user interrupted: this one is no longer needed."""


def _following(report: Report, stopped: threading.Event) -> Report:
    """Passes on the progress from time to time; also the way to stop a download midway."""
    reported = time.monotonic()

    def tell(text: str) -> None:
        nonlocal reported
        if stopped.is_set():
            raise _Stopped
        if time.monotonic() - reported >= EVERY:
            reported = time.monotonic()
            report(text)

    return tell


def _fetch(
    pinned: Pinned,
    release: Release,
    invocation: Invocation,
    report: Report,
    stopped: threading.Event,
    archives: list[Path],
) -> Placed | None:
    follow = _following(report, stopped)
    with cache.locked([pinned], invocation, report):
        if found := cache.find(pinned, invocation):
            return found  # another run had the lock, and fetched or built it
        try:
            name = streaming.shown(release.url).rpartition("/")[2]
            shipped = checksum_of(pinned)
            sha256 = shipped or download.fetch_checksum(release.checksums, name, invocation)
            file = download.fetch(release.url, sha256, invocation, report=follow)
            with cache.workspace(pinned, invocation) as work:
                program = _unpack(file, release, work / pinned.file_name, pinned)
                verified: cache.Verified = "pinned" if shipped else "host"
                placed = cache.place(pinned, program, "release", invocation, verified=verified)
            archives.append(file)
        except DownloadUnavailable as error:
            report(f"{pinned.name} will be built: {error.found}")
            return None
        except ChecksumDiffers as error:
            error.hint = f"{error.hint}; to build {pinned.name} from source instead, set {MIRROR}=off"
            raise
    how = "its checksum is the pinned one" if shipped else "verified by its host alone"
    report(f"{pinned.name} {pinned.version} is available, {how}")
    return placed


def _unpack(file: Path, release: Release, target: Path, pinned: Pinned) -> Path:
    with cache.keeping(f"unpacking {pinned.name}", target):
        if release.member is None:
            shutil.copyfile(file, target)
            return target
        try:
            with tarfile.open(file) as archive:
                source = archive.extractfile(release.member)
                if source is None:
                    raise KeyError(release.member)
                with source, target.open("wb") as program:
                    shutil.copyfileobj(source, program)
        except (tarfile.TarError, KeyError, EOFError) as error:
            raise DownloadUnavailable(
                f"unpacking {pinned.name}",
                f"the archive has no {release.member}",
                "check the mirror",
                streaming.shown(release.url),
            ) from error
    return target
