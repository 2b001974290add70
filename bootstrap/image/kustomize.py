"""Pure: what a kustomization renders: the images of its resources, under the names they have there.

kustomize matches `images:` by the name that an image has after the kustomizations below have renamed
it; a new entry has to use that name. Nothing is built: references are followed by path.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bootstrap.core.errors import InputError
from bootstrap.edit.files import Files
from bootstrap.image.places import KUSTOMIZATIONS, ImagePlace, find_in, is_yaml
from bootstrap.oci.reference import Reference
from bootstrap.yamledit.walk import Walk, decode, walk

_LISTS = ("resources", "bases", "components", "patchesStrategicMerge")
_PATCHES = ("patches", "patchesJson6902")
CHARTS = ("helmCharts", "helmChartInflationGenerator")
_REMOTE = re.compile(r"[a-z0-9+.-]+://|git@|git::|(?:[a-z0-9-]+\.)+[a-z]{2,}/|.*[?&](?:ref|version)=")


@dataclass(frozen=True)
class RenderedImage:
    """An image of a container, as it is at the queried kustomization."""

    container: str
    reference: Reference
    location: str


@dataclass
class Rendered:
    """What was found: the images, the files they come from, and what could not be read."""

    images: list[RenderedImage] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)


def render(path: str, files: Files) -> Rendered:
    """The images that the kustomization file at `path` renders; InputError for what is not valid YAML."""
    found = Rendered()
    found.images = _images(path, files, found)
    return found


def is_remote(listed: str) -> bool:
    """Whether a kustomization's resource is outside the repository."""
    return _REMOTE.match(listed) is not None


def kustomization_in(folder: str, files: Files) -> str | None:
    """The kustomization file directly in a folder."""
    for name in KUSTOMIZATIONS:
        path = posixpath.join(folder, name)
        if files.read(path) is not None:
            return path
    return None


def covered(place: ImagePlace, files: Files) -> set[str]:
    """The files whose images an entry affects."""
    if place.kind != "override":
        return render(place.file, files).files
    if place.covers is None:
        return set()
    kustomization = kustomization_in(place.covers, files)
    if kustomization is not None:
        return render(kustomization, files).files
    return set(files.under(place.covers))


def named(path: str, content: bytes) -> set[str]:
    """The paths in the repository that a kustomization names; none if it is not valid YAML."""
    try:
        listed = _listed(walk(decode(content, path), path))
    except InputError:
        return set()
    return {posixpath.normpath(posixpath.join(posixpath.dirname(path), item)) for item in listed}


def _images(path: str, files: Files, found: Rendered) -> list[RenderedImage]:
    content = files.read(path)
    if content is None or path in found.files:
        return []
    found.files.add(path)
    file = walk(decode(content, path), path)
    images: list[RenderedImage] = []
    for listed in _listed(file):
        images += _follow(posixpath.dirname(path), listed, files, found)
    if any((0, key) in file.boxes for key in CHARTS):
        found.unread.append(f"{path}: charts")
    own = {place.name: place for place in find_in(path, file) if place.kind == "kustomization"}
    return [
        RenderedImage(image.container, _through(image.reference, own), image.location) for image in images
    ]


def _through(image: Reference, entries: Mapping[str, ImagePlace]) -> Reference:
    """The image after an entry of `images:`; kustomize matches the name as it is written."""
    entry = entries.get(image.repository)
    if entry is None or entry.reference is None:
        return image
    if entry.reference.tag or entry.reference.digest:
        return entry.reference
    return Reference(entry.reference.repository, image.tag, image.digest)


def _listed(file: Walk) -> list[str]:
    """What a kustomization names: resources, and patches, which are applied before the images of an entry."""
    return [
        span.value
        for span in file.spans
        if (len(span.path) == 3 and span.path[1] in _LISTS and "\n" not in span.value)
        or (len(span.path) == 4 and span.path[1] in _PATCHES and span.path[3] == "path")
    ]


def _follow(folder: str, listed: str, files: Files, found: Rendered) -> list[RenderedImage]:
    target = posixpath.normpath(posixpath.join(folder, listed))
    if is_remote(listed) or target.startswith("../") or posixpath.isabs(listed):
        found.unread.append(listed)
        return []
    if not is_yaml(target):
        kustomization = kustomization_in(target, files)
        if kustomization is not None:
            return _images(kustomization, files, found)
    content = files.read(target)
    if content is None:
        found.unread.append(target)
        return []
    if target in found.files:
        return []
    found.files.add(target)
    file = walk(decode(content, target), target)
    return [
        RenderedImage(place.name, place.reference, place.location)
        for place in find_in(target, file)
        if place.kind == "container" and place.reference is not None
    ]
