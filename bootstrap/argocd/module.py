"""Another source of Argo CD's manifest: the Go module of that version, from any module proxy.

`init` then works on networks that reach a proxy (GOPROXY) but not the release. What is read there must have
the same checksum as the release.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bootstrap.core.errors import BootstrapError, ChecksumDiffers, DownloadUnavailable
from bootstrap.core.invocation import Invocation

PROXIES = "https://proxy.golang.org"
"""Used where GOPROXY names none."""
MODULE = "github.com/argoproj/argo-cd/v{major}"
LARGEST = 20_000_000
"""Bytes of a manifest, at most: ten times the largest one."""


def read(version: str, file: str, sha256: str, invocation: Invocation) -> bytes:
    """The file `manifests/<file>` of the module at `version` (a tag such as v3.6.1), which is cached.

    Raises DownloadUnavailable when no proxy has it, ChecksumDiffers when the file differs.
    """
    from bootstrap.http import download
    from bootstrap.http.streaming import shown

    module = MODULE.format(major=version[1:].partition(".")[0])
    member = f"{module}@{version}/manifests/{file}"
    found = "GOPROXY names no proxy"
    for proxy in _proxies(invocation):
        url = f"{proxy}/{module}/@v/{version}.zip"
        try:
            archive = download.fetch(url, None, invocation)
        except BootstrapError as error:
            found = error.found
            continue
        try:
            content = _member(archive, member)
        finally:
            archive.unlink(missing_ok=True)
        if content is None:
            found = f"{shown(url)} has no {member}"
            continue
        actual = hashlib.sha256(content).hexdigest()
        if actual != sha256:
            raise ChecksumDiffers(
                f"reading {member}",
                f"its sha256 is {actual}, expected {sha256}",
                "do not use that proxy: it serves a file that is not the release's",
                shown(url),
            )
        download.keep_bytes(content, invocation)
        return content
    raise DownloadUnavailable(
        "reading Argo CD's manifest from its Go module", found, "check GOPROXY and HTTPS_PROXY", module
    )


def _proxies(invocation: Invocation) -> Iterator[str]:
    """The proxies that GOPROXY names, in its order; none after `direct` or `off`."""
    for part in re.split(r"[,|]", invocation.environ.get("GOPROXY") or PROXIES):
        proxy = part.strip().rstrip("/")
        if proxy in ("direct", "off"):
            return
        if urlsplit(proxy).scheme in ("http", "https"):
            invocation.keep_secret(urlsplit(proxy).password)
            yield proxy


def _member(archive: Path, name: str) -> bytes | None:
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as file:
            content = file.read(LARGEST + 1)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError):
        return None
    return content if len(content) <= LARGEST else None
