"""A packed chart: unpacked into a private folder, file by file, and nothing outside it."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator
from pathlib import Path

MOST = 256 << 20
"""Bytes of all files of a chart, unpacked."""
ASKS = b"APIVersions"
"""What a template contains if it checks the cluster's API versions (`.Capabilities.APIVersions.Has`)."""


class Unreadable(Exception):
    """Why an archive is not a chart, in words."""


def files(content: bytes) -> Iterator[tuple[str, bytes]]:
    """(path below the chart's folder, content) of its regular files; raises Unreadable."""
    import tarfile

    left = MOST
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                _, _, path = member.name.removeprefix("./").partition("/")
                clean = posixpath.normpath(path)
                if not member.isfile() or not path or clean.startswith(("/", "../")) or clean == "..":
                    continue
                left -= member.size
                if left < 0:
                    raise Unreadable(f"the chart has more than {MOST / 1e6:.0f} MB")
                read = archive.extractfile(member)
                if read is not None:
                    yield clean, read.read()
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise Unreadable(f"the chart's archive cannot be read: {error}") from error


def unpack(content: bytes, folder: Path) -> list[str]:
    """Write a chart's files below `folder`; returns their paths. Raises Unreadable."""
    paths = []
    for path, text in files(content):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text)
        paths.append(path)
    return paths


def asks_for_apis(content: bytes) -> bool:
    """Whether a chart, or one packed in it, looks at the cluster's API versions; True if it is unreadable."""
    try:
        return any(
            asks_for_apis(text) if path.endswith(".tgz") else ASKS in text for path, text in files(content)
        )
    except Unreadable:
        return True
