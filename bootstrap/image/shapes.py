"""Pure: the shapes that an image has in a chart's values.

image: ghcr.io/org/web:v1                      # one scalar
image: {repository: org/web, tag: v1}          # a mapping; registry, digest, sha, version too
image: org/web                                 # keys of one mapping that say the same image:
tag: v1                                        # image and tag, dockerImage and dockerTag,
                                               # imageName and imageTag, image_repository and image_tag
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from bootstrap.image.place import ImagePlace, Reading, read_whole
from bootstrap.oci.reference import Reference, split_domain
from bootstrap.yamledit.walk import Place, Span

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_ROLES = {
    ("image",): "repository",
    ("image", "repository"): "repository",
    ("image", "repo"): "repository",
    ("image", "name"): "repository",
    ("tag",): "tag",
    ("image", "tag"): "tag",
    ("image", "version"): "tag",
    ("digest",): "digest",
    ("image", "digest"): "digest",
    ("sha",): "sha",
    ("image", "sha"): "sha",
    ("registry",): "registry",
    ("image", "registry"): "registry",
}
_VERSIONS = ("tag", "digest", "sha")
_PLAIN = ("repository", "repo", "name")
"""Keys that name an image's repository if their neighbours say so."""


@lru_cache(maxsize=4096)
def role(key: str) -> tuple[str, tuple[str, ...]]:
    """What a key says about an image ("": nothing), and the words before, which identify its partners."""
    words = tuple(word.lower() for word in _WORDS.findall(key))
    for size in (2, 1):
        if found := _ROLES.get(words[-size:] if len(words) >= size else ()):
            return found, words[:-size]
    return "", ()


def versions_next_to(reading: Reading, path: Place) -> dict[str, str]:
    """The keys next to a scalar that hold its tag or digest, by part."""
    prefix = role(str(path[-1]))[1]
    return {part: name for part in _VERSIONS if (name := _partner(reading, path[:-1], prefix, part))}


def place(reading: Reading, span: Span, inside: int, *, alone: bool = False) -> ImagePlace | None:
    """The image whose first scalar is this one; `inside` is how much of its path leads to the values.

    `alone`: the mapping is known to be an image, so its repository needs no key next to it.
    """
    box, key = span.path[:-1], str(span.path[-1])
    if key in _PLAIN:
        return _plain(reading, span, box, key, inside, alone)
    if key == "<<":
        return _merged(reading, span, box, inside)
    said, prefix = role(key)
    if said == "repository":
        return _flat(reading, span, box, prefix, inside)
    if said in _VERSIONS and not prefix and reading.get(box, "repository") is not None:
        return _merged(reading, span, box, inside)
    return None


def tags_only(reading: Reading, bases: Iterable[ImagePlace], root: Place = (0,)) -> Iterator[ImagePlace]:
    """The places below `root` with only a tag, whose repository is in other values (`bases`)."""
    for base in bases:
        if base.box is None or base.inside is not None:
            continue
        box: Place = (*root, *base.box[1:])
        repository = dict(base.keys).get("repository", "")
        known = {part: key for part, key in base.keys if part not in ("repository", "registry")}
        prefix = () if repository in _PLAIN else role(repository)[1]
        own = {part: key for part in _VERSIONS if (key := _partner(reading, box, prefix, part))}
        keys = tuple({**own, **known}.items())  # a digest may be set here alone
        there = {part: key for part, key in keys if (*box, key) in reading.values}
        if base.reference is None or not there or (*box, repository) in reading.values:
            continue
        reference = _parts(reading, box, there, base.reference.repository)
        if not {"digest", "sha"} & set(there):
            reference = replace(reference, digest=reference.digest or base.reference.digest)
        yield ImagePlace(
            reading.path,
            min(reading.values[(*box, key)].line for key in there.values()),
            "values",
            base.name,
            reference,
            str(reference),
            box=box,
            keys=keys,
            repository_at=base.location,
            base=base,
        )


def _plain(reading: Reading, span: Span, box: Place, key: str, inside: int, alone: bool) -> ImagePlace | None:
    """`repository` (or repo, name) of a mapping."""
    says_image = alone or str(box[-1]).lower().endswith("image")
    versions = {part: name for part in _VERSIONS if (name := _partner(reading, box, (), part))}
    if says_image and "tag" not in versions and reading.get(box, "version") is not None:
        versions["tag"] = "version"
    if key != "repository":
        better = _PLAIN[: _PLAIN.index(key)]
        if not says_image or "tag" not in versions or any(reading.get(box, name) for name in better):
            return None
    reference = read_whole(span.value)
    if reference is None or "://" in span.value or not (says_image or versions):
        return None
    name = ".".join(map(str, box[inside:]))
    if reference.tag or reference.digest:
        return _with_its_tag(reading, span, box, versions, name, reference)
    return _mapping(reading, span, {"repository": key, "tag": "tag", **versions}, name)


def _flat(
    reading: Reading, span: Span, box: Place, prefix: tuple[str, ...], inside: int
) -> ImagePlace | None:
    """A scalar whose key says image, alone or with its tag in a key next to it."""
    reference = read_whole(span.value)
    if reference is None or "://" in span.value:
        return None
    name = ".".join(map(str, span.path[inside:]))
    versions = {part: key for part in _VERSIONS if (key := _partner(reading, box, prefix, part))}
    if not (reference.tag or reference.digest):
        if versions:
            place = _mapping(reading, span, {"repository": str(span.path[-1]), **versions}, name)
            if "tag" in versions:
                return place
            key = next(iter(versions.values()))
            return replace(place, doubt=f"{key} next to it holds the digest, and no key holds a tag")
        if "/" not in reference.repository:  # a single word: it may be the name of anything
            return None
    if digests := {part: key for part, key in versions.items() if part != "tag"}:  # it would win over the tag
        return _with_its_tag(reading, span, box, digests, name, reference)
    doubt = None
    if prefix and not reference.tag and (other := _partner(reading, box, (), "tag")):
        neighbour = reading.get(box, other)
        line = neighbour.line if neighbour else span.line
        doubt = f"{other} at {reading.path}:{line} may also be its tag: a tag in both would be one too many"
    return _scalar(reading, span, name, reference, doubt)


def _with_its_tag(
    reading: Reading, span: Span, box: Place, versions: dict[str, str], name: str, reference: Reference
) -> ImagePlace:
    """A repository that includes its tag: the whole image is that one scalar."""
    doubt = None
    for key in versions.values():
        neighbour = reading.get(box, key)
        if neighbour is not None and neighbour.value:
            where = f"{key} at {reading.path}:{neighbour.line}"
            doubt = f"the repository includes its version, and {where} is another"
    return _scalar(reading, span, name, reference, doubt)


def _scalar(reading: Reading, span: Span, name: str, reference: Reference, doubt: str | None) -> ImagePlace:
    return ImagePlace(
        *(reading.path, span.line, "values", name, reference, span.value), whole=span.path, doubt=doubt
    )


def _merged(reading: Reading, span: Span, box: Place, inside: int) -> ImagePlace | None:
    """A mapping whose repository comes from a merge key; named once, by its first own part."""
    repository = reading.get(box, "repository")
    if repository is None or repository.path[:-1] == box or read_whole(repository.value) is None:
        return None
    versions = {part: name for part in _VERSIONS if (name := _partner(reading, box, (), part))}
    own = [(*box, key) for key in versions.values() if (*box, key) in reading.values]
    if (own[0] if own else (*box, "<<")) != span.path:
        return None
    found = _mapping(reading, repository, {"repository": "repository", "tag": "tag", **versions}, "", box)
    name = ".".join(map(str, box[inside:]))
    return ImagePlace(
        *(reading.path, span.line, "values", name, found.reference, found.text),
        box=box,
        keys=found.keys,
        inherited=not own,
    )


def _mapping(
    reading: Reading, span: Span, parts: dict[str, str], name: str, box: Place | None = None
) -> ImagePlace:
    box = span.path[:-1] if box is None else box
    if registry := _registry(reading, box, parts, span.value):
        parts = {**parts, "registry": registry}
    reference = _parts(reading, box, parts, span.value)
    doubt = None
    if reference.tag and ("{{" in reference.tag or "${" in reference.tag):
        doubt = f"its tag is filled in from elsewhere: {reference.tag}"
    return ImagePlace(
        *(reading.path, span.line, "values", name, reference, str(reference)),
        box=box,
        keys=tuple(parts.items()),
        doubt=doubt,
    )


def _parts(reading: Reading, box: Place, parts: dict[str, str], repository: str) -> Reference:
    texts = {part: span.value for part, key in parts.items() if (span := reading.get(box, key)) is not None}
    registry = texts.get("registry", "").rstrip("/")
    tag, _, inner = texts.get("tag", "").partition("@")
    digest = inner or texts.get("digest") or (f"sha256:{texts['sha']}" if texts.get("sha") else None)
    return Reference(f"{registry}/{repository}" if registry else repository, tag or None, digest)


def _registry(reading: Reading, box: Place, parts: dict[str, str], repository: str) -> str | None:
    """The key next to it that holds the registry; `repo` next to `image` has its host and folders."""
    prefix = role(parts["repository"])[1]
    found = _partner(reading, box, prefix, "registry")
    if found is None and parts["repository"] == "image" and not split_domain(repository)[0]:
        neighbour = reading.get(box, "repo")
        if neighbour is not None and "://" not in neighbour.value and split_domain(f"{neighbour.value}/x")[0]:
            return "repo"
    return found


def _partner(reading: Reading, box: Place, prefix: tuple[str, ...], part: str) -> str | None:
    return next((key for key in reading.keys(box) if role(key) == (part, prefix)), None)
