"""Pure: images that `bootstrap.yaml` declares, for values that no convention covers.

    images:
      - name: worker
        file: apps/shop/values.yaml
        path: jobs.worker.image        # a mapping with repository, tag, digest, or one scalar
      - name: search
        file: apps/shop/values-production.yaml
        repository: search.imageName   # or each part by its own path
        tag: search.imageTag
      - name: database
        file: apps/shop/base/all.yaml
        object: PostgresCluster/main   # which of its objects (default: the first that has the path)
        tag: spec.version              # only the tag is in the file
        image: ghcr.io/org/postgres    # its repository
        app: shop                      # where it belongs, if the file's path does not show it
        env: production
      - name: web
        file: deploy/images.env
        after: "WEB_IMAGE="            # a file of any kind: the text before the image

A path is keys and numbers separated by dots, or a list if a key contains a dot; it may lead
through a block scalar that itself contains YAML.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace

from bootstrap.core.errors import InputError
from bootstrap.core.names import RECORD
from bootstrap.image import block_scalars as images_inner
from bootstrap.image import paths as images_layout
from bootstrap.image import shapes
from bootstrap.image import text as images_text
from bootstrap.image.paths import Home
from bootstrap.image.place import ImagePlace, Reading, read_whole, split_prefix
from bootstrap.oci.reference import Reference
from bootstrap.yamledit.walk import Place, Walk, decode, walk

_PARTS = ("registry", "repository", "tag", "digest")
_WORDS = ("after", "app", "env", "image", "object")
"""Keys whose value is a word, not a path."""


@dataclass(frozen=True)
class Declared:
    """One entry: `paths` is where each part (or `path`, the whole image) is, and the values of its words."""

    name: str
    file: str
    paths: tuple[tuple[str, Place], ...]
    location: str

    def word(self, key: str) -> str:
        """The value of a key of _WORDS, or ""."""
        found = dict(self.paths).get(key)
        return str(found[0]) if found else ""

    @property
    def home(self) -> Home:
        """The app and environment that it belongs to: as declared, else from the file's path."""
        home = images_layout.home_of(self.file)
        return Home(self.word("app") or home.app, self.word("env") or home.environment)


def parse(content: bytes, folder: str = "") -> list[Declared]:
    """The entries of `images` in the bootstrap.yaml in `folder`; InputError with its line."""
    where = posixpath.join(folder, RECORD)
    file = walk(decode(content, where), where)
    entries = file.boxes.get((0, "images"))
    if entries is None or entries.mapping:
        return []
    return [_entry(file, number, folder, where) for number in range(len(entries.keys))]


def place(declared: Declared, content: bytes) -> ImagePlace:
    """Where the declared image is in its file; InputError when the path leads nowhere."""
    home = declared.home if declared.word("app") or declared.word("env") else None
    if declared.word("after"):
        found: ImagePlace | None = _by_text(declared, content)
    else:
        found = _by_paths(declared, content)
    if found is None:
        paths = [path for key, path in declared.paths if key not in _WORDS]
        named = f" of {declared.word('object')}" if declared.word("object") else ""
        where = " ".join(".".join(map(str, path)) for path in paths)
        found_text = f"{declared.file} has nothing at {where}{named}"
        raise InputError(
            f"looking for {declared.name}", found_text, f"fix the path{_other(declared)}", declared.location
        )
    return replace(found, declared=declared.paths, home=home)


def _by_paths(declared: Declared, content: bytes) -> ImagePlace | None:
    """Find it by keys and numbers, in the first object that has them."""
    try:
        file = walk(decode(content, declared.file), declared.file)
    except InputError as error:
        hint = f"{error.hint}{_other(declared)}"
        raise InputError(f"looking for {declared.name}", error.found, hint, error.where) from error
    reading = Reading(declared.file, file)
    paths = {key: path for key, path in declared.paths if key not in _WORDS}
    for document in sorted({span.path[0] for span in file.spans}, key=int):
        if not _is_named(reading, document, declared.word("object")):
            continue
        if "path" in paths:
            found = _by_path(declared, reading, (document, *paths["path"]))
        else:
            found = _by_parts(declared, reading, document, paths)
        if found is not None:
            return found
    return None


def _other(declared: Declared) -> str:
    """What to do about a file that is neither YAML nor JSON."""
    if declared.file.endswith((".yaml", ".yml", ".json")):
        return ""
    return "; in a file that is neither YAML nor JSON, give the text before the image: after: TEXT"


def _is_named(reading: Reading, document: str | int, wanted: str) -> bool:
    """Whether an object is the one that `object` names: KIND, or KIND/NAME."""
    kind, _, name = wanted.partition("/")
    return kind in ("", reading.kind(document)) and name in ("", reading.text(document, "metadata", "name"))


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
    paths |= {key: (str(texts[key]),) for key in _WORDS if texts.get(key)}
    tried = f"reading images of {where}"
    for key in ("name", "file"):
        if not texts.get(key):
            raise InputError(tried, f"an entry has no {key}", "give each entry a name, file and path", at)
    if not {"path", "after", "repository", "tag", "digest"} & set(paths):
        hint = (
            "give path; or tag, digest and repository with a path each; or after, the text before the image"
        )
        raise InputError(tried, "an entry has no path", hint, at)
    target = posixpath.normpath(posixpath.join(folder, texts["file"]))
    if target.startswith("../") or posixpath.isabs(texts["file"]):
        found = f"{texts['file']} is outside the repository"
        raise InputError(tried, found, "give a path relative to this file, inside the repository", at)
    return Declared(texts["name"], target, tuple(paths.items()), at)


def _step(part: str) -> str | int:
    return int(part) if part.isascii() and part.isdigit() else part


def _by_text(declared: Declared, content: bytes) -> ImagePlace:
    after = declared.word("after")
    found = images_text.find(content, after, declared.file, f"looking for {declared.name}")
    last = after.rstrip(" \t:=\"'").rpartition(" ")[2]
    return _of_scalar(declared, found.value, found.line, last)


def _by_path(declared: Declared, reading: Reading, path: Place) -> ImagePlace | None:
    scalar = reading.values.get(path)
    if scalar is not None:
        found = _of_scalar(declared, scalar.value, scalar.line, str(path[-1]))
        if found.keys:
            return replace(found, keys=(), spots=((found.keys[0][0], path),))
        return replace(found, whole=path, doubt=found.doubt or _separate_version(reading, found, path))
    box = reading.file.boxes.get(path)
    if box is not None and box.mapping:
        return _of_mapping(declared, reading, path)
    return _inside(declared, reading, path)


def _separate_version(reading: Reading, found: ImagePlace, path: Place) -> str | None:
    """What is wrong with one scalar as the whole image: its tag is next to it."""
    versions = shapes.versions_next_to(reading, path)
    if found.reference is None or found.reference.tag or found.reference.digest or not versions:
        return None
    key = next(iter(versions.values()))
    return f"{key} next to it may be its tag: declare repository: and tag:, each with its path"


def _inside(declared: Declared, reading: Reading, path: Place) -> ImagePlace | None:
    """A path that leads on through a block scalar."""
    for size in range(len(path) - 1, 1, -1):
        span = reading.values.get(path[:size])
        text = images_inner.inner(span, declared.file) if span is not None else None
        if span is not None and text is not None:
            found = _by_path(declared, Reading(declared.file, text), (0, *path[size:]))
            return replace(found, inside=span.path, line=span.line + found.line) if found else None
    return None


def _of_scalar(declared: Declared, value: str, line: int, key: str) -> ImagePlace:
    """One scalar: the whole image, or the part that the key's name says."""
    prefix, text = split_prefix(value)
    reference, part = read_whole(text), shapes.role(key)[0]
    if key.lower().endswith("version") or (declared.word("image") and part != "digest"):
        part = "tag"
    doubt = None
    lone = reference is not None and not (reference.tag or reference.digest or "/" in reference.repository)
    if part == "digest" and (reference is None or not reference.digest):
        return _part(declared, "digest", value, line)
    if part == "tag" and reference is not None and "/" not in reference.repository and not reference.tag:
        return _part(declared, "tag", value, line)
    if lone and part != "repository":
        doubt = f"{value} may be a tag or an image: declare it with tag:, or with repository: and tag:"
    return ImagePlace(
        *(declared.file, line, "declared", declared.name, reference, value), prefix=prefix, doubt=doubt
    )


def _part(declared: Declared, part: str, value: str, line: int) -> ImagePlace:
    """Only a tag or digest."""
    tag, _, digest = value.partition("@") if part == "tag" else ("", "", value)
    reference = Reference(declared.word("image"), tag or None, digest or None)
    return ImagePlace(
        *(declared.file, line, "declared", declared.name, reference, str(reference)),
        keys=((part, part),),
        repository_at=declared.location,
    )


def _of_mapping(declared: Declared, reading: Reading, box: Place) -> ImagePlace | None:
    """A mapping with one image, in any of the shapes of values; or only its tag."""
    found = [
        place
        for key in reading.keys(box)
        if (span := reading.values.get((*box, key))) is not None
        and (place := shapes.place(reading, span, len(box), alone=True)) is not None
    ]
    if found:
        return replace(found[0], kind="declared", name=declared.name, doubt=found[0].doubt)
    keys = [(part, part) for part in ("tag", "digest", "sha") if (*box, part) in reading.values]
    return _of_box(declared, reading, box, keys) if keys else None


def _by_parts(
    declared: Declared, reading: Reading, document: str | int, paths: dict[str, Place]
) -> ImagePlace | None:
    """Each part with its own path: keys of one mapping, or scalars of several."""
    places = {part: (document, *path) for part, path in paths.items()}
    boxes = {place[:-1] for place in places.values()}
    if len(boxes) == 1:
        return _of_box(
            declared, reading, boxes.pop(), [(part, str(place[-1])) for part, place in places.items()]
        )
    spans = {part: reading.values[place] for part, place in places.items() if place in reading.values}
    if set(spans) != set(places):
        return None
    found = _of_texts(
        declared, {part: span.value for part, span in spans.items()}, min(s.line for s in spans.values())
    )
    return replace(found, spots=tuple(places.items()))


def _of_box(
    declared: Declared, reading: Reading, box: Place, keys: list[tuple[str, str]]
) -> ImagePlace | None:
    spans = {part: reading.values[(*box, key)] for part, key in keys if (*box, key) in reading.values}
    needed = {part for part, _ in keys} & {"repository"} or {"tag", "digest", "sha"}
    if not needed & set(spans):
        return None
    first = spans.get("repository") or min(spans.values(), key=lambda span: span.line)
    found = _of_texts(declared, {part: span.value for part, span in spans.items()}, first.line)
    return replace(found, box=box, keys=tuple(keys))


def _of_texts(declared: Declared, texts: dict[str, str], line: int) -> ImagePlace:
    registry = texts.get("registry", "").rstrip("/")
    repository = texts.get("repository", declared.word("image"))
    tag, _, inner = texts.get("tag", "").partition("@")
    digest = inner or texts.get("digest") or (f"sha256:{texts['sha']}" if texts.get("sha") else "")
    reference = Reference(f"{registry}/{repository}" if registry else repository, tag or None, digest or None)
    at = None if "repository" in texts else declared.location
    return ImagePlace(
        *(declared.file, line, "declared", declared.name, reference, str(reference)), repository_at=at
    )
