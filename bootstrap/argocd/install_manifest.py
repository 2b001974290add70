"""Argo CD's own manifest: pinned by version and sha256, downloaded or given, and verified."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from bootstrap.core.argocd_version import ARGOCD_VERSION, MANIFESTS
from bootstrap.core.errors import ChecksumDiffers, DownloadUnavailable, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject

Variant = Literal["install", "ha", "core"]


VERSION = ARGOCD_VERSION
RELEASES = "https://raw.githubusercontent.com/argoproj/argo-cd"
FILES: dict[Variant, str] = {
    "install": "install.yaml",
    "ha": "ha/install.yaml",
    "core": "core-install.yaml",
}
PINNED: dict[tuple[str, Variant], str] = {
    (version, variant): sums[variant] for version, sums in MANIFESTS.items() for variant in FILES
}
"""(Release, variant) → checksum of the manifest."""
OPTIONS: dict[Variant, str] = {"install": "neither --ha nor --core", "ha": "--ha", "core": "--core"}
"""The options for each variant."""

_VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_IMAGE = re.compile(rb"image: *[\"']?\S*argocd\S*?:(v?\d+\.\d+\.\d+[0-9A-Za-z.-]*)(?:@\S+)?[\"']?\s")
_EVERY = {
    ("CustomResourceDefinition", "applications.argoproj.io"),
    ("CustomResourceDefinition", "appprojects.argoproj.io"),
    ("StatefulSet", "argocd-application-controller"),
    ("Deployment", "argocd-repo-server"),
}
_SERVER = ("Deployment", "argocd-server")
_HA = ("StatefulSet", "argocd-redis-ha-server")


@dataclass(frozen=True)
class Manifest:
    """A verified manifest; `version` is the tag of its images."""

    version: str
    variant: Variant
    sha256: str
    content: bytes = field(repr=False)


def manifest(
    invocation: Invocation,
    version: str | None,
    variant: Variant,
    source: str | None = None,
    sha256: str | None = None,
) -> Manifest:
    """The manifest of a version (default VERSION), or the one at `source`: a file, or a URL with `sha256`.

    InputError: an unknown version without a checksum, a URL without one, a file that is not a manifest of
    this variant or is of another version. DownloadError: it cannot be fetched, or its checksum differs.
    """
    version = _tag(version) if version else None
    wanted = _checksum(sha256) if sha256 else None
    if source is None:
        content = _released(invocation, version or VERSION, variant, wanted)
        where = release_url(version or VERSION, variant)
    elif urlsplit(source).scheme in ("http", "https"):
        content, where = _from_url(invocation, source, wanted), source
    else:
        content, where = _from_file(Path(source), wanted), source
    found = _version(content, variant, where, version)
    if version and found != version:
        raise InputError(
            "reading Argo CD's manifest",
            f"its images have version {found}, but {version} was requested",
            "give the manifest of that version, or omit --argocd-version",
            where,
        )
    return Manifest(found, variant, hashlib.sha256(content).hexdigest(), content)


def release_url(version: str, variant: Variant) -> str:
    """The URL of a released version's manifest."""
    return f"{RELEASES}/{version}/manifests/{FILES[variant]}"


def _released(invocation: Invocation, version: str, variant: Variant, wanted: str | None) -> bytes:
    from bootstrap.http import download

    url = release_url(version, variant)
    wanted = wanted or PINNED.get((version, variant))
    if wanted is None:
        known = ", ".join(sorted({known for known, _ in PINNED}))
        raise InputError(
            "choosing Argo CD's version",
            f"the checksum of {version} ({variant}) is not known to this program; known: {known}",
            f"give --sha256 with a checksum that you trust: curl -fsSL {url} | sha256sum",
        )
    try:
        return download.fetch(url, wanted, invocation).read_bytes()
    except DownloadUnavailable as error:
        from bootstrap.argocd import module

        with suppress(DownloadUnavailable):
            return module.read(version, FILES[variant], wanted, invocation)
        raise DownloadUnavailable(
            error.tried,
            f"{error.found}; no Go module proxy has it either",
            f"{error.hint}; or fetch the file in another way and give it with --argocd-manifest FILE",
            error.where,
        ) from error


def _from_url(invocation: Invocation, url: str, wanted: str | None) -> bytes:
    from bootstrap.http import download

    if wanted is None:
        raise InputError(
            "reading --argocd-manifest",
            "a URL needs the checksum of the expected file",
            f"add --sha256: curl -fsSL '{url}' | sha256sum",
        )
    return download.fetch(url, wanted, invocation).read_bytes()


def _from_file(path: Path, wanted: str | None) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            "reading --argocd-manifest", str(error.strerror), "give a file that can be read", str(path)
        ) from error
    actual = hashlib.sha256(content).hexdigest()
    if wanted and actual != wanted:
        raise ChecksumDiffers(
            "reading --argocd-manifest",
            f"its sha256 is {actual}, expected {wanted}",
            "give the file with that checksum, or correct --sha256",
            str(path),
        )
    return content


def _version(content: bytes, variant: Variant, where: str, asked: str | None) -> str:
    """The version of the images, once the manifest has proved to be of this variant."""
    objects = {(item.kind, item.name): item for item in split.split(content, where)}
    required = _EVERY if variant == "core" else _EVERY | {_SERVER}
    required = required | {_HA} if variant == "ha" else required
    if missing := sorted(f"{kind} {name}" for kind, name in required - objects.keys()):
        raise _another(where, variant, f"it has no {', no '.join(missing)}", _variant(set(objects)))
    if _variant(set(objects)) != variant:
        raise _another(where, variant, "it has more than that", _variant(set(objects)))
    controller: ClusterObject = objects["StatefulSet", "argocd-application-controller"]
    image = _IMAGE.search(controller.text + b"\n")
    if image:
        return _tag(image[1].decode())
    if asked:
        return asked
    raise InputError(
        "reading Argo CD's manifest",
        "the tag of its image is not a version",
        "say which version it is with --argocd-version",
        where,
    )


def _variant(names: set[tuple[str, str]]) -> Variant | None:
    """Which variant these objects are; None if they are not Argo CD."""
    if not names >= _EVERY:
        return None
    if _SERVER not in names:
        return "core"
    return "ha" if _HA in names else "install"


def _another(where: str, variant: Variant, found: str, actual: Variant | None) -> InputError:
    hint = f"it is the {actual} manifest: give {OPTIONS[actual]}" if actual else "give Argo CD's own manifest"
    return InputError("reading Argo CD's manifest", f"it is not the {variant} manifest: {found}", hint, where)


def _tag(version: str) -> str:
    tag = version if version.startswith("v") else f"v{version}"
    if not _VERSION.fullmatch(tag):
        raise InputError(
            "reading --argocd-version", f"{version!r} is not a version", f"give one such as {VERSION}"
        )
    return tag


def _checksum(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256.lower()):
        raise InputError("reading --sha256", f"{sha256!r} is not a sha256", "give its 64 hex digits")
    return sha256.lower()
