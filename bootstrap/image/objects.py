"""Pure: images in what Argo CD and Flux read: Applications, ApplicationSets, Kustomizations, HelmReleases.

- `kustomize.images` of an Application: `[NAME=]REPOSITORY[:TAG][@DIGEST]`, one per line
- `helm.parameters`: `image.repository` and `image.tag`, each a separate item
- `helm.values`, the environment of a plugin, a ConfigMap's `values.yaml`: YAML in a block scalar
- elements of a list generator, also if a template takes only the tag from them
- `images` of a Flux Kustomization or a HelmRelease's `postRenderers`
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bootstrap.image import paths, shapes
from bootstrap.image.block_scalars import inner
from bootstrap.image.paths import Home
from bootstrap.image.place import ImagePlace, Reading, read_whole
from bootstrap.oci.reference import Reference
from bootstrap.yamledit.walk import Place, Span, Walk

ENTRY_KEYS = ("name", "newName", "newTag", "digest")
_ARGO = ("Application", "ApplicationSet")
_SOURCE_FILE = re.compile(r"\.argocd-source(?:-[^/]+)?\.yaml")
_OVERRIDE = re.compile(r"(?P<prefix>[^\s=]+=)?(?P<image>[^\s={}]+(?:\{\{[^{}]*\}\})?)")
_PARAMETER = re.compile(r"\{\{\s*\.?(?P<keys>\w+(?:\.\w+)*)\s*\}\}")
_ENVIRONMENTS = ("env", "environment", "stage")


def places(reading: Reading, span: Span) -> Iterator[ImagePlace]:
    """The images whose first scalar, in such an object, is this one."""
    path, kind = span.path, reading.kind(span.path[0])
    if kind in _ARGO or (not kind and is_source(reading.path)):
        for place in _of_source(reading, span):
            yield from resolved(reading, place, path[0])
    elif kind == "Kustomization" and path[1:3] == ("spec", "images") and path[-1] == "name":
        if reading.text(path[0], "apiVersion").startswith("kustomize.toolkit.fluxcd.io/"):
            yield _entry(reading, span, _folder(reading.text(path[0], "spec", "path")))
    elif kind == "HelmRelease" and path[-4:-2] == ("kustomize", "images") and path[-1] == "name":
        yield _entry(reading, span, None)
    elif _is_values(kind, path):
        yield from _text(reading, span, None)


def region(reading: Reading, path: Place) -> int | None:
    """How much of `path` leads to the chart's values, or the element, that contains it; None if none."""
    kind = reading.kind(path[0])
    if len(path) < 5 or kind not in (*_ARGO, "HelmRelease"):
        return None
    if kind == "HelmRelease":
        return 3 if path[1:3] == ("spec", "values") else None
    if "valuesObject" in path[:-1]:
        return path.index("valuesObject") + 1
    if kind == "ApplicationSet" and (at := _element(path)):
        return at
    return None


def resolved(reading: Reading, place: ImagePlace, document: str | int) -> Iterator[ImagePlace]:
    """The place; if its tag is a parameter of a template (`{{tag}}`), the elements that set it."""
    tag = place.reference.tag if place.reference else None
    if tag is None or "{{" not in tag:
        yield place
        return
    assert place.reference is not None  # noqa: S101 - it has a tag
    found = _PARAMETER.fullmatch(tag)
    keys = tuple(found["keys"].split(".")) if found else ()
    for box in reading.file.boxes:
        if not keys or box[0] != document or _element((*box, "")) != len(box):
            continue
        span = reading.values.get((*box, *keys))
        if span is not None:
            reference = Reference(place.reference.repository, span.value)
            yield ImagePlace(
                *(reading.path, span.line, "values", place.name, reference, str(reference)),
                spots=(("tag", span.path),),
                repository_at=place.location,
                home=home(reading, span.path),
            )


def home(reading: Reading, path: Place) -> Home | None:
    """The app and environment of an Application's source or a list's element; None: those of the file."""
    kind = reading.kind(path[0])
    if kind not in _ARGO:
        return None
    found = next(
        (
            _home(reading.text(*path[:size], "path"))
            for size in range(len(path) - 1, 1, -1)
            if path[size - 1] == "source" or (size > 2 and path[size - 2] == "sources")
        ),
        None,
    )
    if kind == "ApplicationSet" and (at := _element(path)):
        named = next((text for key in _ENVIRONMENTS if (text := reading.text(*path[:at], key))), None)
        spec = (path[0], "spec", "template", "spec")
        of_source = reading.text(*spec, "source", "path") or reading.text(*spec, "sources", 0, "path")
        home = _home(of_source)
        return Home(home.app if home else None, named) if named or home else None
    return found


def is_source(path: str) -> bool:
    """Whether the file is one of Argo CD's overrides next to the manifests (`.argocd-source.yaml`)."""
    return _SOURCE_FILE.fullmatch(posixpath.basename(path)) is not None


def _of_source(reading: Reading, span: Span) -> Iterator[ImagePlace]:
    path = span.path
    if path[-3:-1] == ("kustomize", "images") and isinstance(path[-1], int):
        yield from _override(reading, span)
    elif path[-4:-2] == ("helm", "parameters") and path[-2:] == (0, "name"):
        yield from _parameters(reading, path[:-2])
    elif path[-2:] == ("helm", "values") or (path[-4:-2] == ("plugin", "env") and path[-1] == "value"):
        yield from _text(reading, span, home(reading, path))


def _override(reading: Reading, span: Span) -> Iterator[ImagePlace]:
    """An item of `kustomize.images`; it overrides what the folder of its source renders."""
    found = _OVERRIDE.fullmatch(span.value)
    reference = read_whole(found["image"]) if found else None
    if found is not None and reference is None and "{{" in found["image"]:
        repository, _, tag = found["image"].partition(":")
        reference = Reference(repository, tag) if read_whole(repository) else None
    if found is None or reference is None:
        return
    prefix = found["prefix"] or ""
    source = span.path[:-3]
    yield ImagePlace(
        *(reading.path, span.line, "override", prefix[:-1] or reference.repository, reference, span.value),
        whole=span.path,
        prefix=prefix,
        covers=_folder(reading.text(*source, "path")) or _folder_of_override(reading.path),
        home=home(reading, span.path),
    )


def _entry(reading: Reading, span: Span, covers: str | None) -> ImagePlace:
    """An item of Flux's `images`, which has a kustomization's keys."""
    box = span.path[:-1]
    texts = {key: reading.text(*box, key) for key in ENTRY_KEYS}
    repository = texts["newName"] or texts["name"]
    reference = Reference(repository, texts["newTag"] or None, texts["digest"] or None)
    keys = (("repository", "newName"), ("tag", "newTag"), ("digest", "digest"))
    return ImagePlace(
        *(reading.path, span.line, "override", texts["name"], reference, str(reference)),
        box=box,
        keys=keys,
        covers=covers,
        home=_home(covers) if covers else None,
    )


def _parameters(reading: Reading, items: Place) -> Iterator[ImagePlace]:
    """The images of `helm.parameters`: their names are read as paths in one mapping of values."""
    values = _Parameters(reading, items)
    for span in list(values.values.values()):
        found = shapes.place(values, span, 1)
        if found is None:
            continue
        line, where = values.real[span.path]
        spots = tuple(
            (part, values.real[(*found.box, key)][1])
            for part, key in found.keys
            if found.box is not None and (*found.box, key) in values.real
        )
        yield replace(
            found,
            line=line,
            box=None,
            keys=(),
            whole=where if found.whole is not None else None,
            spots=spots,
            home=home(reading, items),
        )


def tags_only(reading: Reading, bases: Sequence[ImagePlace]) -> Iterator[ImagePlace]:
    """The places of an Application with only a tag, whose repository is in the chart's values (`bases`)."""
    for span in reading.file.spans:
        path = span.path
        if reading.kind(path[0]) not in _ARGO and not is_source(reading.path):
            continue
        where = home(reading, path)
        if path[-4:-2] == ("helm", "parameters") and path[-2:] == (0, "name"):
            values = _Parameters(reading, path[:-2])
            for found in shapes.tags_only(values, bases):
                spots = [(part, (*(found.box or ()), key)) for part, key in found.keys]
                there = tuple((part, values.real[spot][1]) for part, spot in spots if spot in values.real)
                line = min(values.real[spot][0] for _, spot in spots if spot in values.real)
                doubt = found.doubt
                if found.reference and found.reference.digest and not {"digest", "sha"} & {*dict(there)}:
                    doubt = f"the chart's values have its digest ({found.repository_at}), which counts"
                yield replace(found, line=line, box=None, keys=(), spots=there, home=where, doubt=doubt)
        elif path[-2:] == ("helm", "values") and (text := inner(span, reading.path)) is not None:
            for found in shapes.tags_only(Reading(reading.path, text), bases):
                yield replace(found, line=span.line + found.line, inside=path, home=where)
    for box in reading.file.boxes:
        if box[-2:] == ("helm", "valuesObject") and reading.kind(box[0]) in _ARGO:
            for found in shapes.tags_only(reading, bases, box):
                yield replace(found, home=home(reading, (*box, "")))


def charts(reading: Reading) -> list[str]:
    """The folders of this repository with charts that Applications set values for."""
    sources = {
        span.path[: span.path.index("helm")]
        for span in reading.file.spans
        if "helm" in span.path and reading.kind(span.path[0]) in _ARGO
    }
    found = [_folder(reading.text(*source, "path")) for source in sorted(sources, key=str)]
    return list(dict.fromkeys(folder for folder in found if folder))


class _Parameters(Reading):
    """`helm.parameters` as if they were values; `real` has the line and place of each value."""

    def __init__(self, reading: Reading, items: Place) -> None:
        super().__init__(reading.path, Walk(""))
        self.real: dict[Place, tuple[int, Place]] = {}
        number = 0
        while (*items, number, "name") in reading.values:
            name, value = reading.text(*items, number, "name"), (*items, number, "value")
            if value in reading.values:
                span = reading.values[value]
                path: Place = (0, *name.split("."))
                self.values[path] = span._replace(path=path)
                self.real[path] = (span.line, value)
            number += 1


def _text(reading: Reading, span: Span, where: Home | None) -> Iterator[ImagePlace]:
    """The images of values in a block scalar."""
    found = inner(span, reading.path)
    if found is None:
        return
    values = Reading(reading.path, found)
    for one in found.spans:
        place = shapes.place(values, one, 1) if len(one.path) > 1 else None
        if place is not None:
            first = span.line if span.style in ("|", ">") else span.line - 1
            yield replace(place, line=first + place.line, inside=span.path, home=where)


def _element(path: Place) -> int | None:
    """How much of `path` leads to an element of a list generator."""
    for at in range(2, len(path) - 1):
        if path[at - 2 : at] == ("list", "elements") and isinstance(path[at], int):
            return at + 1
    return None


def _is_values(kind: str, path: Place) -> bool:
    """Whether a string is a chart's values: of k3s' HelmChart, or a ConfigMap's file of such a name."""
    if kind in ("HelmChart", "HelmChartConfig"):
        return path[1:] == ("spec", "valuesContent")
    named = kind == "ConfigMap" and path[1] == "data" and len(path) == 3
    return named and re.fullmatch(r"(?:.*[-_.])?values(?:[-_.].*)?", str(path[2])) is not None


def _folder(path: str) -> str | None:
    """A source's folder in this repository; None if there is none, or it is outside."""
    folder = posixpath.normpath(path.strip().strip("/") or ".")
    return None if not path.strip() or "{" in path or folder.startswith("..") else folder.removeprefix(".")


def _folder_of_override(path: str) -> str | None:
    return posixpath.dirname(path) if is_source(path) else None


def _home(path: str) -> Home | None:
    """The home of a source's path; a part that a template fills in is ignored."""
    folder = posixpath.normpath(path.strip().strip("/") or ".")
    if not path.strip() or folder.startswith("."):
        return None
    home = paths.home_of(f"{folder}/kustomization.yaml")
    return Home(*(None if part and "{" in part else part for part in home))
