"""Pure: the images that a kustomization renders, container by container, and what set each image.

In kustomize's order: resources, then Components, then patches, then the entries of `images:` one
after the other, each compared with the name that the image has by then. The rest (generators,
replacements, unusual patches) needs kustomize itself: it is listed in `unsure`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

from bootstrap.core import globs
from bootstrap.core.errors import InputError
from bootstrap.edit.files import Files
from bootstrap.image import patches
from bootstrap.image.kustomize import CHARTS, is_remote, kustomization_in
from bootstrap.image.places import ImagePlace, find_in, is_yaml, read_whole
from bootstrap.oci.reference import Reference
from bootstrap.yamledit.walk import Place, Walk, decode, walk

_HARMLESS = {
    *("apiVersion", "kind", "metadata", "resources", "bases", "components", "images", "namespace"),
    *("namePrefix", "nameSuffix", "labels", "commonLabels", "commonAnnotations", "replicas", "crds"),
    *("configMapGenerator", "secretGenerator", "generatorOptions", "buildMetadata", "sortOptions"),
    *("patches", "patchesStrategicMerge", "patchesJson6902"),
}
"""Fields of a kustomization that do not change images, or are handled here."""
_REACH_MORE = (": configurations", ": transformers", ": generators", ": openapi")
"""Fields that let entries apply to more than containers, such as an image in a custom resource."""
_ENTRY_KEYS = frozenset(("name", "newName", "newTag", "digest"))
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_ENTRIES_REACH = ("containers", "initContainers", "volumes")


@dataclass(frozen=True)
class Container:
    """A container of a rendered object and its image (`text`).

    `path` leads from the object to it. `setters` are the places that set its image; the last one
    counts, and None is a place that cannot be edited alone. `names` are all repositories
    that it had on the way. `kind` and `object` are as in the file, before prefixes.
    """

    kind: str
    object: str
    path: Place
    name: str
    text: str
    location: str = ""
    setters: tuple[ImagePlace | None, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def reference(self) -> Reference | None:
        return read_whole(self.text)

    @property
    def spot(self) -> tuple[str, str, Place]:
        """The identity of the container, which stays the same when only images change."""
        return self.kind, self.object, self.path

    def __str__(self) -> str:
        return f"{self.name} of {self.kind} {self.object or '(without a name)'} ({self.text})"


@dataclass(frozen=True)
class Entry:
    """An entry of `images:`: its place, and newName, newTag and digest as written."""

    place: ImagePlace
    texts: tuple[tuple[str, str], ...]


@dataclass
class Rendered:
    """What the kustomization file at `path` renders.

    `before` is what its own entries see, `final` the result. `unread` is what is not here, `unsure`
    what only kustomize can determine; `built` says that kustomize itself was asked, `unbuilt` why it was not
    (`refused`: it was asked, and failed). `entries` are its own. `broken` is why it cannot be read.
    """

    path: str
    before: list[Container] = field(default_factory=list)
    final: list[Container] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    built: bool = False
    unbuilt: str = "kustomize was not asked"
    refused: bool = False
    broken: InputError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all that entries apply to is known: the containers are here, and no other fields."""
        others = any(reason.endswith(_REACH_MORE) for reason in self.unsure)
        return bool(self.final) and not self.unread and not others


class Renders(Protocol):
    """Renders kustomization files, several in parallel."""

    def many(self, wanted: Sequence[tuple[str, Files]]) -> list[Rendered]: ...


class ByFiles:
    """Renders without kustomize, from the files alone."""

    def many(self, wanted: Sequence[tuple[str, Files]]) -> list[Rendered]:
        return [render(path, files) for path, files in wanted]


def render(path: str, files: Files) -> Rendered:
    """The images of the kustomization file at `path`; if it is not valid YAML, none, with the reason."""
    return _Rendering(files).run(path)


class _Rendering:
    """One kustomization with everything it is made of."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def run(self, path: str) -> Rendered:
        self.found = Rendered(path)
        content = self.files.read(path)
        try:
            file = walk(decode(content or b"", path), path)
            self.found.entries = list(_entries(path, file))
            self.found.before, self.found.final = self._accumulate(path, file, [], ())
        except InputError as error:
            self.found.files.add(path)
            self.found.unread, self.found.broken = [path], error
        return self.found

    def _accumulate(
        self, path: str, file: Walk, below: list[Container], trail: tuple[str, ...]
    ) -> tuple[list[Container], list[Container]]:
        """The images before and after a kustomization's entries; `below`: what a Component is applied to."""
        found, folder = self.found, posixpath.dirname(path)
        found.files.add(path)
        for key in (key.name for key in file.boxes[(0,)].keys) if (0,) in file.boxes else ():
            if key in CHARTS:
                found.unread.append(f"the charts of {path}")
            elif key not in _HARMLESS:
                found.unsure.append(f"{path}: {key}")
        trail = (*trail, path)
        images = list(below)
        for field_ in ("resources", "bases"):
            for name in _listed(file, field_):
                images += self._resource(folder, name, trail)
        for name in _listed(file, "components"):
            images = self._component(folder, name, images, trail)
        for patch in patches.patches_of(path, file, self.files):
            found.files.update((patch.file,) if patch.file != path else ())
            if patch.missing:
                found.unread.append(patch.missing)
            elif patch.matters:
                found.unsure.append(f"{patch.location}: a patch of images")
                images = [_patched(image, patch) for image in images]
        entries = list(_entries(path, file))
        for place in [entry.place for entry in entries if entry.place.box is not None]:
            if globs.expression(place.name) is None:
                found.unsure.append(f"{place.location}: the name is a pattern that may take forever")
            if more := {str(key.name) for key in file.boxes[place.box or ()].keys} - _ENTRY_KEYS:
                found.unsure.append(f"{place.location}: {', '.join(sorted(more))}")
        return images, through(images, entries)

    def _resource(self, folder: str, name: str, trail: tuple[str, ...]) -> list[Container]:
        target = posixpath.normpath(posixpath.join(folder, name))
        if is_remote(name) or target.startswith("../") or posixpath.isabs(name):
            self.found.unread.append(name)
            return []
        if not is_yaml(target):
            kustomization = kustomization_in(target, self.files)
            if kustomization is not None:
                return self._below(kustomization, [], trail)
        content = self.files.read(target)
        try:
            file = walk(decode(content, target), target) if content is not None else None
        except InputError:
            file = None
        if file is None:
            self.found.unread.append(target)
            return []
        self.found.files.add(target)
        if any(box.shared for box in file.boxes.values()):
            self.found.unsure.append(f"{target}: aliases")
        return list(_containers(target, file))

    def _component(
        self, folder: str, name: str, images: list[Container], trail: tuple[str, ...]
    ) -> list[Container]:
        target = posixpath.normpath(posixpath.join(folder, name))
        kustomization = None if is_remote(name) else kustomization_in(target, self.files)
        if kustomization is None:
            self.found.unread.append(name if is_remote(name) else target)
            return images
        return self._below(kustomization, images, trail)

    def _below(self, path: str, images: list[Container], trail: tuple[str, ...]) -> list[Container]:
        content = self.files.read(path)
        if path in trail or content is None:
            return images
        try:
            file = walk(decode(content, path), path)
            return self._accumulate(path, file, images, trail)[1]
        except InputError:
            self.found.unread.append(path)
            return images


def _entries(path: str, file: Walk) -> Iterator[Entry]:
    values = {span.path: span.value for span in file.spans}
    for place in find_in(path, file):
        if place.kind == "kustomization" and place.box is not None:
            texts = {key: values.get((*place.box, key), "") for key in ("newName", "newTag", "digest")}
            yield Entry(place, tuple(texts.items()))


def through(images: Sequence[Container], entries: Sequence[Entry]) -> list[Container]:
    """The images after the entries, one entry after the other."""
    found = list(images)
    for entry in entries:
        texts = dict(entry.texts)
        found = [
            _set(image, renamed(image.text, texts), entry.place)
            if is_reached(image, entry.place.name)
            else image
            for image in found
        ]
    return found


def matches(name: str, text: str) -> bool:
    """Whether an entry of this name applies to the image; kustomize treats the name as a pattern."""
    return _pattern(name).match(text) is not None


@lru_cache(maxsize=4096)
def _pattern(name: str) -> re.Pattern[str]:
    if globs.expression(name) is None:
        return re.compile(r"(?!)")  # kustomize itself is asked
    return re.compile(rf"^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?\Z")


def split(text: str) -> tuple[str, str, str]:
    """Name, tag and digest, as kustomize splits an image."""
    slash = max(text.find("/"), 0)
    name, _, digest = text[slash:].partition("@")
    name, _, tag = name.partition(":")
    return text[:slash] + name, tag, digest


def renamed(text: str, entry: dict[str, str]) -> str:
    """An image after an entry (`newName`, `newTag`, `digest`)."""
    name, tag, digest = split(text)
    name = entry.get("newName") or name
    if entry.get("newTag") or entry.get("digest"):
        tag, digest = entry.get("newTag", ""), entry.get("digest", "")
    return f"{name}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"


def is_reached(image: Container, name: str) -> bool:
    """Whether an entry of this name applies to the image of this container."""
    if image.kind == "CustomResourceDefinition" or image.path[-2] not in _ENTRIES_REACH:
        return False
    return matches(name, image.text)


def _set(image: Container, text: str, place: ImagePlace | None) -> Container:
    names = (*image.names, split(text)[0])
    return replace(image, text=text, setters=(*image.setters, place), names=names)


def _patched(image: Container, patch: patches.Patch) -> Container:
    for change in patch.changes:
        if change.is_for(image.kind, image.object, image.path, image.name):
            image = _set(image, change.text, change.place)
    return image


def _listed(file: Walk, name: str) -> Iterator[str]:
    for span in file.spans:
        if len(span.path) == 3 and span.path[:2] == (0, name) and "\n" not in span.value:
            yield span.value


def _containers(path: str, file: Walk) -> Iterator[Container]:
    """Every container of a file with manifests, and image volumes, which entries also change."""
    values = {span.path: span for span in file.spans}
    places = {place.whole: place for place in find_in(path, file) if place.kind == "container"}
    for span in file.spans:
        keys = span.path
        if len(keys) >= 4 and keys[-1] == "image" and keys[-3] in _CONTAINERS:
            box = keys[:-1]
        elif len(keys) >= 5 and keys[-2:] == ("image", "reference") and keys[-4] == "volumes":
            box = keys[:-2]
        else:
            continue
        root = _root(box, values)
        if root is None:
            continue
        texts = [
            values[(*root, *key)].value if (*root, *key) in values else ""
            for key in (("kind",), ("metadata", "name"))
        ]
        name = values.get((*box, "name"))
        yield Container(
            texts[0],
            texts[1],
            box[len(root) :],
            name.value if name else "",
            span.value,
            f"{path}:{span.line}",
            (places.get(keys),),
            (split(span.value)[0],),
        )


def _root(box: Place, values: Mapping[Place, object]) -> Place | None:
    """The object that a container belongs to: the document, or an item of a List."""
    if len(box) > 3 and box[1] == "items" and (*box[:3], "kind") in values:
        return box[:3]
    return box[:1] if (box[0], "kind") in values else None
