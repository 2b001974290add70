"""The catalog to upgrade to: this program's own, or that of a wheel of another version."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from io import BytesIO
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from bootstrap.core.errors import ChecksumDiffers, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.layout import catalog

PACKAGE = "gitops-bootstrap"
_INNER = "bootstrap/_catalog/"
_VERSION = re.compile(r"v?\d+(\.\d+)*([-.+a-z0-9]*)", re.IGNORECASE)
_LARGEST = 50_000_000
"""Bytes that a wheel's catalog may unpack to: a hundred times its size."""


@dataclass(frozen=True)
class Catalog:
    """Every file by its path, and the version that they were released with."""

    version: str
    files: Mapping[str, bytes] = field(repr=False)


def find(to: str | None, invocation: Invocation) -> Catalog:
    """The catalog that `--to` names: this program's, or that of a wheel at a path or URL#sha256=HEX.

    InputError: another version than this program's, not a wheel of this project, a URL without a checksum.
    """
    if to is None or to.removeprefix("v") == catalog.VERSION:
        return Catalog(catalog.VERSION, catalog.load())
    place, fragment = urldefrag(to)
    if _VERSION.fullmatch(place):
        raise InputError(
            "reading --to",
            f"this program has catalog {catalog.VERSION}, not {place}",
            f"install that one (pipx install {PACKAGE}=={place.removeprefix('v')}), "
            "or give its wheel: --to PATH, --to URL#sha256=HEX",
        )
    return _of_wheel(_read(place, _checksum(fragment), invocation), place)


def _checksum(fragment: str) -> str | None:
    if not fragment:
        return None
    found = re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment)
    if not found:
        raise InputError(
            "reading --to", f"#{fragment} is not a checksum", "give it as #sha256=HEX, 64 digits"
        )
    return found[1].lower()


def _read(place: str, wanted: str | None, invocation: Invocation) -> bytes:
    if urlsplit(place).scheme in ("http", "https"):
        from bootstrap.http import download

        if wanted is None:
            hint = f"add #sha256=HEX: curl -fsSL '{place}' | sha256sum"
            raise InputError("reading --to", "a URL needs the checksum of the wheel", hint)
        return download.fetch(place, wanted, invocation).read_bytes()
    try:
        content = Path(place).read_bytes()
    except OSError as error:
        hint = "give a version, the path of a wheel, or URL#sha256=HEX"
        raise InputError("reading --to", error.strerror or str(error), hint, place) from error
    actual = hashlib.sha256(content).hexdigest()
    if wanted and actual != wanted:
        found = f"its sha256 is {actual}, expected {wanted}"
        raise ChecksumDiffers("reading --to", found, "give the file with that checksum", place)
    return content


def _of_wheel(content: bytes, place: str) -> Catalog:
    hint = f"give a released wheel of {PACKAGE}"
    try:
        with zipfile.ZipFile(BytesIO(content)) as wheel:
            names = wheel.infolist()
            metadata = [one for one in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", one.filename)]
            inside = [one for one in names if one.filename.startswith(_INNER) and not one.is_dir()]
            if len(metadata) != 1 or not inside:
                raise InputError("reading --to", "it is not a wheel with a catalog", hint, place)
            if sum(one.file_size for one in inside) > _LARGEST:
                found = f"its catalog is larger than {_LARGEST // 1_000_000} MB"
                raise InputError("reading --to", found, hint, place)
            fields = HeaderParser().parsestr(wheel.read(metadata[0]).decode("utf-8", "replace"))
            files = {one.filename.removeprefix(_INNER): wheel.read(one) for one in inside}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError("reading --to", f"it is not a wheel: {error}", hint, place) from error
    if str(fields["Name"]).replace("_", "-").lower() != PACKAGE or not fields["Version"]:
        raise InputError("reading --to", f"it is a wheel of {fields['Name']}", hint, place)
    files = {path: text for path, text in files.items() if _is_ours(path)}
    return Catalog(str(fields["Version"]), files)


def _is_ours(path: str) -> bool:
    """A file of the catalog's folders; neither package files nor paths that lead elsewhere."""
    parts = path.split("/")
    return parts[0] in catalog.FOLDERS and len(parts) > 1 and not {"", ".", ".."} & set(parts)
