"""Pure: how an app was laid out, so that a person's later changes can be told from what is ours.

`apps/NAME/.laid-out` lists each file with the checksum that it had, in the form of sha256sum. What
`bootstrap` itself changes later (image versions, the hosts' domain, a storage class) does not count.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

FILE = ".laid-out"
_HEADER = "# As `bootstrap app add` laid it out; `bootstrap app remove` uses it to find later changes.\n"
_OURS = re.compile(rb"^[ \t]*(?:- )?(?:newTag|newName|digest|host|storageClass):.*\n?", re.MULTILINE)


def render(files: Mapping[str, bytes], folder: str) -> bytes:
    """The record of files below a folder."""
    lines = [f"{_checksum(files[path])}  {path.removeprefix(f'{folder}/')}\n" for path in sorted(files)]
    return (_HEADER + "".join(lines)).encode()


def extended(record: bytes, files: Mapping[str, bytes], folder: str, without: Iterable[str] = ()) -> bytes:
    """A record with more files, and without those that are gone."""
    known = _parse(record, folder)
    for path in without:
        known.pop(path, None)
    known |= {path: _checksum(content) for path, content in files.items()}
    lines = [f"{known[path]}  {path.removeprefix(f'{folder}/')}\n" for path in sorted(known)]
    return (_HEADER + "".join(lines)).encode()


def changed(record: bytes, files: Mapping[str, bytes], folder: str) -> list[str]:
    """The files that are not as they were laid out: edited, or added by someone."""
    known = _parse(record, folder)
    mine = f"{folder}/{FILE}"
    return sorted(
        path for path, content in files.items() if path != mine and known.get(path) != _checksum(content)
    )


def _parse(record: bytes, folder: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in record.decode("utf-8", "replace").splitlines():
        checksum, blank, name = line.partition("  ")
        if blank and not line.startswith("#"):
            found[f"{folder}/{name}"] = checksum
    return found


def _checksum(content: bytes) -> str:
    return hashlib.sha256(_OURS.sub(b"", content)).hexdigest()
