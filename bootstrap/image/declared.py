"""Pure: images that `bootstrap.yaml` declares, for values that no convention finds.

    images:
      - name: worker
        file: apps/shop/values.yaml
        path: jobs.worker.image        # a mapping with repository, tag, digest, or one scalar
      - name: search
        file: apps/shop/values-production.yaml
        repository: search.imageName   # or each part by its own path
        tag: search.imageTag

A path is keys and numbers with dots between, or a list where a key has a dot in it.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace

from bootstrap.core.errors import InputError
from bootstrap.core.names import RECORD
from bootstrap.image.places import ImagePlace, read_whole
from bootstrap.oci.reference import Reference
from bootstrap.yamledit.walk import Place, Walk, decode, walk

_PARTS = ("registry", "repository", "tag", "digest")


@dataclass(frozen=True)
class Declared:
    """One entry; `paths` is what each part (or `path`, the whole) is found under."""

    name: str
    file: str
    paths: tuple[tuple[str, Place], ...]
    at: str


def parse(content: bytes, folder: str = "") -> list[Declared]:
    """The entries of `images` in a bootstrap.yaml that lies in `folder`; InputError with its line."""
    where = posixpath.join(folder, RECORD)
    file = walk(decode(content, where), where)
    entries = file.boxes.get((0, "images"))
    if entries is None or entries.mapping:
        return []
    return [_entry(file, number, folder, where) for number in range(len(entries.keys))]


def place(declared: Declared, content: bytes) -> ImagePlace:
    """Where the declared image stands in its file; InputError when the path leads nowhere."""
    file = walk(decode(content, declared.file), declared.file)
    paths = dict(declared.paths)
    documents = {span.path[0] for span in file.spans}
    for document in sorted(documents, key=int):
        if "path" in paths:
            found = _by_path(declared, file, (document, *paths["path"]))
        else:
            found = _by_parts(declared, file, document, paths)
        if found is not None:
            return replace(found, declared=declared.paths)
    found_text = f"{declared.file} has nothing at {' '.join('.'.join(map(str, p)) for p in paths.values())}"
    raise InputError(f"looking for {declared.name}", found_text, "mend the path", declared.at)


def _entry(file: Walk, number: int, folder: str, where: str) -> Declared:
    place: Place = (0, "images", number)
    texts = {
        span.path[3]: span.value for span in file.spans if span.path[:3] == place and len(span.path) == 4
    }
    line = next((span.line for span in file.spans if span.path[:3] == place), 1)
    at = f"{where}:{line}"
    paths: dict[str, Place] = {}
    for key in ("path", *_PARTS):
        if key in texts:
            paths[key] = tuple(_step(part) for part in str(texts[key]).split("."))
        elif (*place, key) in file.boxes:
            listed = [span.value for span in file.spans if span.path[:-1] == (*place, key)]
            paths[key] = tuple(_step(part) for part in listed)
    tried = f"reading images of {where}"
    for key in ("name", "file"):
        if not texts.get(key):
            raise InputError(tried, f"an entry has no {key}", "give each entry name, file and path", at)
    if "path" not in paths and not {"repository", "tag"} <= set(paths):
        raise InputError(tried, "an entry has no path", "give path, or repository and tag", at)
    target = posixpath.normpath(posixpath.join(folder, texts["file"]))
    if target.startswith("../") or posixpath.isabs(texts["file"]):
        found = f"{texts['file']} lies outside the repository"
        raise InputError(tried, found, "give a path relative to this file, inside the repository", at)
    return Declared(texts["name"], target, tuple(paths.items()), at)


def _step(part: str) -> str | int:
    return int(part) if part.isascii() and part.isdigit() else part


def _by_path(declared: Declared, file: Walk, path: Place) -> ImagePlace | None:
    scalar = next((span for span in file.spans if span.path == path), None)
    if scalar is not None:
        reference = read_whole(scalar.value)
        return ImagePlace(
            declared.file, scalar.line, "declared", declared.name, reference, scalar.value, whole=path
        )
    box = file.boxes.get(path)
    if box is None or not box.mapping:
        return None
    names = {str(key.name) for key in box.keys}
    keys = [(part, part) for part in (*_PARTS, "sha") if part in names or part == "tag"]
    return _of_parts(declared, file, path, keys)


def _by_parts(
    declared: Declared, file: Walk, document: str | int, paths: dict[str, Place]
) -> ImagePlace | None:
    parents = {(document, *path[:-1]) for path in paths.values()}
    if len(parents) > 1:
        found, hint = "its parts stand in different mappings", "name parts of one mapping"
        raise InputError(f"looking for {declared.name}", found, hint, declared.at)
    return _of_parts(declared, file, parents.pop(), [(part, str(path[-1])) for part, path in paths.items()])


def _of_parts(declared: Declared, file: Walk, box: Place, keys: list[tuple[str, str]]) -> ImagePlace | None:
    named = dict(keys)
    spans = {span.path[-1]: span for span in file.spans if span.path[:-1] == box}
    if named.get("repository") not in spans:
        return None
    texts = {part: spans[key].value for part, key in keys if key in spans}
    registry = texts.get("registry", "").rstrip("/")
    repository = f"{registry}/{texts['repository']}" if registry else texts["repository"]
    tag, _, inner = texts.get("tag", "").partition("@")
    reference = Reference(repository, tag or None, inner or texts.get("digest") or None)
    line = spans[named["repository"]].line
    return ImagePlace(
        declared.file, line, "declared", declared.name, reference, str(reference), box=box, keys=tuple(keys)
    )
