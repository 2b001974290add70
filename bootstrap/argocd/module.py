"""Another way to Argo CD's manifest: the Go module of that version holds it, and module proxies are many.

Where a network has no route to the release but one to a proxy (GOPROXY), `init` works all the same. What is
read there is held to the same checksum as what a release is fetched by.
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
"""Asked where GOPROXY names none."""
MODULE = "github.com/argoproj/argo-cd/v{major}"
LARGEST = 20_000_000
"""Bytes of a manifest; ten times what the largest one has."""


def read(version: str, file: str, sha256: str, invocation: Invocation) -> bytes:
    """The file `manifests/<file>` of the module at `version` (a tag such as v3.6.1), kept in the cache.

    Raises DownloadUnavailable when no proxy has it, ChecksumDiffers when it is another file there.
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
                f"its sha256 is {actual}, expected is {sha256}",
                "do not use that proxy: it gives another file than was released",
                shown(url),
            )
        download.keep_bytes(content, invocation)
        return content
    raise DownloadUnavailable(
        "reading Argo CD's manifest from its Go module", found, "check GOPROXY and HTTPS_PROXY", module
    )


def _proxies(invocation: Invocation) -> Iterator[str]:
    """Those that GOPROXY names, in its order; `direct` and what follows it, or `off`, ask none."""
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
