"""Pure: give one place another image, or add an entry to a kustomization; every other byte stays."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bootstrap.core.errors import InputError
from bootstrap.image.places import ENTRY_KEYS, ImagePlace
from bootstrap.oci.reference import Reference, canonical
from bootstrap.yamledit import edit as splice

_VALUES_ORDER = ("registry", "repository", "tag", "digest", "sha")


Styles = Mapping[str, str | None]
"""Key ("" for a place that is one scalar) → the quotes that its value shall have, None for none."""


def styles(content: bytes, place: ImagePlace) -> Styles:
    """How the values of a place are quoted in its file."""
    of: dict[str, str | None] = {}
    for span in splice.spans(content, place.file):
        if span.path == place.whole:
            of[""] = span.style
        elif span.path[:-1] == place.box:
            of[str(span.path[-1])] = span.style
    return {key: style for key, style in of.items() if style in (None, "'", '"')}


def edit(
    content: bytes, place: ImagePlace, wanted: Reference, styles: Styles = MappingProxyType({})
) -> bytes:
    """The file with the place's image set; as it is when nothing has to change.

    A value is quoted as `styles` says, else as what it replaces, and where YAML needs it.
    Raises InputError when the place cannot say it (a chart's values without a key for the digest),
    or cannot be changed alone (an alias).
    """
    current = place.reference
    if place.whole is not None:
        styled = {place.whole: styles[""]} if "" in styles else {}
        return splice.replace_scalars(content, {place.whole: str(wanted)}, place.file, styled)
    assert place.box is not None  # noqa: S101 - a place has one of the two
    assert current is not None  # noqa: S101 - a mapping's image is always read
    keys = dict(place.keys)
    if place.kind == "kustomization":
        texts = {keys["tag"]: wanted.tag, keys["digest"]: wanted.digest}
        if canonical(wanted.repository) != canonical(current.repository):
            texts = {keys["repository"]: wanted.repository, **texts}
        return splice.set_keys(content, place.box, texts, ENTRY_KEYS, place.file, styles)
    return _edit_values(content, place, current, wanted, keys, styles)


def add_entry(content: bytes, path: str, name: str, wanted: Reference) -> bytes:
    """The kustomization with one more entry in `images:`."""
    entry = {"name": name}
    if canonical(wanted.repository) != canonical(name):
        entry["newName"] = wanted.repository
    if wanted.tag is not None:
        entry["newTag"] = wanted.tag
    if wanted.digest is not None:
        entry["digest"] = wanted.digest
    if len(entry) == 1:
        hint = f"write {name}=:TAG or {name}=REPOSITORY:TAG"
        raise InputError(f"adding {name} to {path}", "there is no tag, digest or new name to set", hint)
    return splice.add_item(content, (0, "images"), entry, path)


def drop_entry(content: bytes, place: ImagePlace) -> bytes:
    """The kustomization without the entry of this place in `images:`; the list goes with its last entry."""
    assert place.box is not None  # noqa: S101 - an entry is a mapping
    return splice.drop_item(content, place.box, place.file)


def _edit_values(
    content: bytes,
    place: ImagePlace,
    current: Reference,
    wanted: Reference,
    keys: dict[str, str],
    styles: Styles,
) -> bytes:
    assert place.box is not None  # noqa: S101 - a place of this kind has it
    texts: dict[str, str | None] = {}
    if canonical(wanted.repository) != canonical(current.repository):
        texts |= _repository(place, wanted.repository, keys)
    tag, digest = wanted.tag, wanted.digest
    if "digest" in keys:
        texts[keys["digest"]] = digest or ""
    elif "sha" in keys:
        texts[keys["sha"]] = (digest or "").removeprefix("sha256:")
    elif digest is not None:
        if tag is None:
            found = "the values have a key for the tag and none for a digest"
            hint = "give TAG@DIGEST, or add a digest key (the chart must know it)"
            raise InputError(f"setting {place.name} to @{digest}", found, hint, place.at)
        tag = f"{tag}@{digest}"  # charts write repository:tag, and so this is the whole reference
    if tag is not None or current.tag is not None or "digest" in keys or "sha" in keys:
        texts[keys["tag"]] = tag or ""
    here = {span.path[-1] for span in splice.spans(content, place.file) if span.path[:-1] == place.box}
    texts = {key: value for key, value in texts.items() if value or key in here}
    order = [keys.get(key, key) for key in _VALUES_ORDER]
    return splice.set_keys(content, place.box, texts, order, place.file, styles)


def _repository(place: ImagePlace, repository: str, keys: dict[str, str]) -> dict[str, str | None]:
    if "registry" not in keys:
        return {keys["repository"]: repository}
    registry, slash, path = repository.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        full = canonical(repository)
        registry, _, path = full.partition("/")
    return {keys["registry"]: registry, keys["repository"]: path}
