"""The digests of Argo CD's images, from the registries, or a note that they could not be reached."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bootstrap.core.errors import InputError, RegistryError
from bootstrap.core.invocation import Invocation
from bootstrap.init.preflight import Finding
from bootstrap.oci import reference
from bootstrap.oci.client import Registries

CHOICE = "BOOTSTRAP_ARGOCD_IMAGES"
CHOICES = ("digest", "tag")
CONNECT = 4.0
"""Seconds for a registry to accept the connection; the answer may take longer."""
_IMAGE = re.compile(rb"^[ \t]*(?:- )?image:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)

Digests = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Settled:
    """What is laid out (Settings.argocd_images), notes about it, and findings that prevent the run."""

    images: Digests | None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def settle(option: str | None, recorded: Digests | None, manifest: bytes, invocation: Invocation) -> Settled:
    """The digests of the manifest's images: as recorded, the others from the registries."""
    chosen = choice(option, invocation)
    if chosen == "tag" or (chosen is None and recorded == ()):
        return Settled(())
    wanted = named(manifest)
    known = {image: digest for image, digest in recorded or () if image in wanted}
    missing = [image for image in wanted if image not in known]
    if not missing:
        return Settled(tuple(known.items()) or None)
    found, why = _ask(missing, invocation)
    images = tuple((image, digest) for image, digest in {**known, **found}.items()) or None
    named_so = [image for image in missing if image not in found]
    if not named_so:
        return Settled(images)
    described = f"by tag, not by digest: {', '.join(named_so)}; their registry returned no digest: {why}"
    if chosen == "digest":
        fix = "run where the registry can be reached, or omit --argocd-images digest"
        return Settled(images, findings=(Finding(f"Argo CD's images are {described}", fix),))
    return Settled(images, notes=(f"Argo CD's images are {described}",))


def choice(option: str | None, invocation: Invocation) -> str | None:
    """`digest`, `tag`, or None: by digest if the registries can be reached. InputError for other values."""
    chosen = option or invocation.environ.get(CHOICE) or None
    if chosen is not None and chosen not in CHOICES:
        raise InputError(
            f"reading {CHOICE}",
            f"{chosen!r} is neither {' nor '.join(CHOICES)}",
            f"set {' or '.join(CHOICES)}",
        )
    return chosen


def named(manifest: bytes) -> list[str]:
    """The images that a manifest names by tag, each once, in order."""
    found = dict.fromkeys(match[1].decode("utf-8", "replace") for match in _IMAGE.finditer(manifest))
    known = ((image, reference.read(image)) for image in found)
    return [image for image, read in known if read is not None and read.digest is None]


def _ask(images: Sequence[str], invocation: Invocation) -> tuple[dict[str, str], str]:
    """The digests, queried in parallel; and the reason for the first that is missing ("" if none is)."""
    registries = Registries(invocation, patience=0.0, connect=CONNECT)

    def digest(image: str) -> str | RegistryError:
        try:
            found = registries.digest(reference.parse(image))
        except RegistryError as error:
            return error
        return found or RegistryError(f"looking for {image}", "it has no such image", "check the manifest")

    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(images, pool.map(digest, images), strict=True))
    failed = [answer.found for answer in answers.values() if isinstance(answer, RegistryError)]
    found = {image: answer for image, answer in answers.items() if isinstance(answer, str)}
    return found, failed[0] if failed else ""
