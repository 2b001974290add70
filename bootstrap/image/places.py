"""Pure: where images are in a YAML file: kustomizations, containers, Helm values, declared paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bootstrap.core.errors import InputError
from bootstrap.image import objects, shapes
from bootstrap.image.objects import ENTRY_KEYS
from bootstrap.image.place import ImagePlace, Kind, Reading, read_whole
from bootstrap.oci.reference import Reference
from bootstrap.repository.values import is_values
from bootstrap.yamledit.walk import Place, Span, Walk, decode, walk

__all__ = [
    "ENTRY_KEYS",
    "KUSTOMIZATIONS",
    "ImagePlace",
    "Kind",
    "again",
    "find",
    "find_in",
    "is_kustomization",
    "is_values",
    "is_yaml",
    "read_whole",
]

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def is_kustomization(path: str) -> bool:
    return path.rsplit("/", 1)[-1] in KUSTOMIZATIONS


def is_yaml(path: str) -> bool:
    return path.endswith((".yaml", ".yml")) or is_kustomization(path)


def find(
    path: str, content: bytes, bases: Sequence[ImagePlace] = (), *, values: bool = False
) -> list[ImagePlace]:
    """Every place of a file, in order; InputError, with file:line:column, for what is not valid YAML.

    `bases` are places of the values that the file's own override: what has only a tag here gets
    its repository from them. `values` says that the file holds a chart's values, whatever its name.
    """
    return find_in(path, walk(decode(content, path), path), bases, values=values)


def find_in(
    path: str, file: Walk, bases: Sequence[ImagePlace] = (), *, values: bool = False
) -> list[ImagePlace]:
    """The same for a file that has been read."""
    finder = _Finder(path, file, values or is_values(path))
    return [*(_with_digest(place, bases) for place in finder.places()), *finder.tags_only(bases)]


def _with_digest(place: ImagePlace, bases: Sequence[ImagePlace]) -> ImagePlace:
    """The place with the digest that the values below have for it, which charts prefer to the tag here."""
    if not place.of_values or place.box is None or place.reference is None or place.reference.digest:
        return place
    for base in bases:
        if base.box == place.box and base.inside is None and base.reference and base.reference.digest:
            known = {*dict(place.keys).values()}
            more = [one for one in base.keys if one[0] in ("digest", "sha") and one[1] not in known]
            if more:
                reference = replace(place.reference, digest=base.reference.digest)
                return replace(
                    place, reference=reference, text=str(reference), keys=(*place.keys, *more), base=base
                )
    return place


def again(place: ImagePlace, content: bytes) -> list[ImagePlace]:
    """Every place of another version of a place's file, found in the same way."""
    bases = [place.base] if place.base is not None else []
    return find(place.file, content, bases, values=place.of_values)


class _Finder:
    """One file with its scalars by place."""

    def __init__(self, path: str, file: Walk, values: bool) -> None:
        self.path = path
        self.file = file
        self.reading = Reading(path, file)
        self.values = self.reading.values
        self.kustomization = is_kustomization(path)
        self.is_values = values

    def places(self) -> Iterator[ImagePlace]:
        if self.kustomization:
            self._check_entries()
        for span in self.file.spans:
            path = span.path
            if not isinstance(path[-1], str):
                yield from objects.places(self.reading, span)
            elif self._is_entry_name(path):
                yield self._entry(span)
            elif (
                path[-1] == "image" and len(path) > 4 and path[-3] in _CONTAINERS and self._is_object(path[0])
            ):
                yield self._container(span)
            elif (inside := self._values_around(path)) is not None:
                found = shapes.place(self.reading, span, inside)
                if found is not None:
                    home = objects.home(self.reading, path)
                    place = replace(found, home=home, of_values=self.is_values)
                    yield from objects.resolved(self.reading, place, path[0])
            else:
                yield from objects.places(self.reading, span)

    def tags_only(self, bases: Sequence[ImagePlace]) -> Iterator[ImagePlace]:
        if bases and not self.is_values:
            yield from objects.tags_only(self.reading, bases)
        elif bases and not self._is_object(0):
            for place in shapes.tags_only(self.reading, bases):
                yield replace(place, of_values=True)

    def _check_entries(self) -> None:
        """InputError for an entry of `images:` that is not a mapping: kustomize refuses the whole file."""
        for span in self.file.spans:
            if len(span.path) == 3 and span.path[1] == "images":
                place = f"{self.path}:{span.line}"
                found = f"{span.value!r} is not an entry of images:" if span.value else "an entry is empty"
                image = read_whole(span.value) or Reference("IMAGE", "TAG")
                keys = [f"- name: {image.repository}"]
                keys += [f'newTag: "{image.tag or "TAG"}"'] if image.tag or not image.digest else []
                keys += [f"digest: {image.digest}"] if image.digest else []
                hint = f"write it as {', '.join(keys)} (each on a separate line)"
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

    def _is_entry_name(self, path: Place) -> bool:
        if len(path) != 4 or path[1] != "images" or path[3] != "name":
            return False
        version = self.values.get((path[0], "apiVersion"))
        return self.kustomization or (
            version is not None and version.value.startswith("kustomize.config.k8s.io/")
        )

    def _is_object(self, document: str | int) -> bool:
        kind = self.values.get((document, "kind"))
        return kind is not None and (document, "apiVersion") in self.values

    def _values_around(self, path: Place) -> int | None:
        """How much of `path` leads to the chart's values that contain it; None outside of values."""
        if self.is_values and len(path) > 1 and not self._is_object(path[0]):
            return 1
        if self.kustomization and "valuesInline" in path[:-1]:
            return path.index("valuesInline") + 1
        return objects.region(self.reading, path)
