"""Pure: where images stand in a YAML file: kustomizations, containers, Helm values, declared paths.

A place knows its keys, so that it can be read and edited (images_edit.py) without looking again at
what kind of file it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bootstrap.core.errors import InputError
from bootstrap.oci.reference import Reference
from bootstrap.repository.values import is_values
from bootstrap.yamledit.walk import Place, Span, Walk, decode, walk

Kind = Literal["kustomization", "container", "values", "declared"]
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
ENTRY_KEYS = ("name", "newName", "newTag", "digest")

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_WHOLE = re.compile(r"(?P<repository>[^\s@${}]*?[^\s@:${}/])(?::(?P<tag>[^\s/:@${}]*))?(?:@(?P<digest>\S+))?")


@dataclass(frozen=True)
class ImagePlace:
    """One place. Its image is either one scalar (`whole`) or keys of the mapping `box`.

    `keys` maps registry, repository, tag and digest to the mapping's keys; what is missing there
    cannot be written. `name` is the entry's, the container's, or the values' dotted path; `declared`
    are the paths that bootstrap.yaml names.
    """

    file: str
    line: int
    kind: Kind
    name: str
    reference: Reference | None
    text: str
    box: Place | None = None
    whole: Place | None = None
    keys: tuple[tuple[str, str], ...] = ()
    declared: tuple[tuple[str, Place], ...] = ()

    @property
    def at(self) -> str:
        return f"{self.file}:{self.line}"


def is_kustomization(path: str) -> bool:
    return path.rsplit("/", 1)[-1] in KUSTOMIZATIONS


def is_yaml(path: str) -> bool:
    return path.endswith((".yaml", ".yml")) or is_kustomization(path)


def read_whole(text: str) -> Reference | None:
    """A reference as a manifest has it; None for a template, or nothing."""
    found = _WHOLE.fullmatch(text)
    return Reference(found["repository"], found["tag"], found["digest"]) if found else None


def find(path: str, content: bytes) -> list[ImagePlace]:
    """Every place of a file, in its order; InputError, with file:line:column, for what is no YAML."""
    return find_in(path, walk(decode(content, path), path))


def find_in(path: str, file: Walk) -> list[ImagePlace]:
    """The same, of a file that has been read."""
    return list(_Finder(path, file).places())


class _Finder:
    """One file, its scalars by their place."""

    def __init__(self, path: str, file: Walk) -> None:
        self.path = path
        self.file = file
        self.values: dict[Place, Span] = {}
        for span in file.spans:
            self.values.setdefault(span.path, span)
        self.kustomization = is_kustomization(path)
        self.is_values = is_values(path)

    def places(self) -> Iterator[ImagePlace]:
        if self.kustomization:
            self._check_entries()
        for span in self.file.spans:
            path = span.path
            if not isinstance(path[-1], str):
                continue
            if self._is_entry_name(path):
                yield self._entry(span)
            elif (
                path[-1] == "image" and len(path) > 4 and path[-3] in _CONTAINERS and self._is_object(path[0])
            ):
                yield self._container(span)
            elif (inside := self._values_around(path)) is not None:
                yield from self._value(span, inside)

    def _check_entries(self) -> None:
        """InputError for an entry of `images:` that is no mapping: kustomize refuses the whole file."""
        for span in self.file.spans:
            if len(span.path) == 3 and span.path[1] == "images":
                place = f"{self.path}:{span.line}"
                found = f"{span.value!r} is no entry of images:" if span.value else "an entry is empty"
                image = read_whole(span.value) or Reference("IMAGE", "TAG")
                keys = [f"- name: {image.repository}"]
                keys += [f'newTag: "{image.tag or "TAG"}"'] if image.tag or not image.digest else []
                keys += [f"digest: {image.digest}"] if image.digest else []
                hint = f"write it as {', '.join(keys)} (each on a line of its own)"
                raise InputError(f"reading {self.path}", found, hint, place)

    def _entry(self, span: Span) -> ImagePlace:
        box = span.path[:-1]
        texts = {key: self.values[(*box, key)].value for key in ENTRY_KEYS if (*box, key) in self.values}
        repository = texts.get("newName") or texts["name"]
        reference = Reference(repository, texts.get("newTag") or None, texts.get("digest") or None)
        line = min(self.values[(*box, key)].line for key in texts)
        keys = (("repository", "newName"), ("tag", "newTag"), ("digest", "digest"))
        return ImagePlace(
            self.path, line, "kustomization", texts["name"], reference, str(reference), box=box, keys=keys
        )

    def _container(self, span: Span) -> ImagePlace:
        name = self.values.get((*span.path[:-1], "name"))
        return ImagePlace(
            self.path,
            span.line,
            "container",
            name.value if name else "",
            read_whole(span.value),
            span.value,
            whole=span.path,
        )

    def _value(self, span: Span, inside: int) -> Iterator[ImagePlace]:
        """A chart's image: a mapping with a repository, or one scalar under a key that says image."""
        box, key, parent = span.path[:-1], str(span.path[-1]), str(span.path[-2])
        says_image = parent.lower().endswith("image")
        if key == "repository":
            beside = any((*box, name) in self.values for name in ("tag", "digest", "sha"))
            if says_image or beside:
                yield self._mapping(span, inside)
        elif key == "name" and says_image and (*box, "repository") not in self.values:
            if (*box, "tag") in self.values:
                yield self._mapping(span, inside)
        elif (
            key.lower().endswith("image") and (reference := read_whole(span.value)) and _is_telling(reference)
        ):
            name = ".".join(map(str, span.path[inside:]))
            yield ImagePlace(self.path, span.line, "values", name, reference, span.value, whole=span.path)

    def _mapping(self, span: Span, inside: int) -> ImagePlace:
        box = span.path[:-1]
        texts = {
            key: self.values[(*box, key)].value
            for key in ("registry", "tag", "digest", "sha")
            if (*box, key) in self.values
        }
        registry = texts.get("registry", "").rstrip("/")
        repository = f"{registry}/{span.value}" if registry else span.value
        tag, _, inner = texts.get("tag", "").partition("@")
        digest = inner or texts.get("digest") or (f"sha256:{texts['sha']}" if texts.get("sha") else None)
        reference = Reference(repository, tag or None, digest)
        keys = [("repository", str(span.path[-1])), ("tag", "tag")]
        keys += [(key, key) for key in ("registry", "digest", "sha") if key in texts]
        name = ".".join(map(str, box[inside:]))
        return ImagePlace(
            self.path, span.line, "values", name, reference, str(reference), box=box, keys=tuple(keys)
        )

    def _is_entry_name(self, path: Place) -> bool:
        if len(path) != 4 or path[1] != "images" or path[3] != "name":
            return False
        version = self.values.get((path[0], "apiVersion"))
        return self.kustomization or (
            version is not None and version.value.startswith("kustomize.config.k8s.io/")
        )

    def _is_container(self, path: Place) -> bool:
        return len(path) > 4 and path[-3] in _CONTAINERS and self._is_object(path[0])

    def _is_object(self, document: str | int) -> bool:
        kind = self.values.get((document, "kind"))
        return kind is not None and (document, "apiVersion") in self.values

    def _values_around(self, path: Place) -> int | None:
        """How much of `path` leads to the chart's values that it stands in; None for outside of any."""
        if self.is_values and not self._is_object(path[0]):
            return 1
        kind = self.values.get((path[0], "kind"))
        if kind is None or len(path) < 5:
            return None
        if kind.value == "HelmRelease" and path[1:3] == ("spec", "values"):
            return 3
        if kind.value in ("Application", "ApplicationSet") and "valuesObject" in path[:-1]:
            return path.index("valuesObject") + 1
        return None


def _is_telling(reference: Reference) -> bool:
    """Whether a lone word under a key `image` is surely an image."""
    return bool(reference.tag or reference.digest or "/" in reference.repository)
