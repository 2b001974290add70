"""Pure: change the image at one place, or add an entry to a kustomization; every other byte stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from bootstrap.core.errors import InputError
from bootstrap.image import block_scalars as images_inner
from bootstrap.image import text as images_text
from bootstrap.image.places import ENTRY_KEYS, ImagePlace
from bootstrap.oci.reference import Reference, canonical
from bootstrap.yamledit import edit as splice

_VALUES_ORDER = ("registry", "repository", "tag", "digest", "sha")


Styles = Mapping[str, str | None]
"""Key ("" for a place that is one scalar) → the quotes that its value is to have, None for none."""


def styles(content: bytes, place: ImagePlace) -> Styles:
    """How the values of a place are quoted in its file."""
    of: dict[str, str | None] = {}
    if "after" in dict(place.declared):  # any text: what is around the image stays as it is
        return of
    if place.inside is not None:
        content = images_inner.text(content, place.inside, place.file)
    for span in splice.spans(content, place.file):
        if span.path == place.whole:
            of[""] = span.style
        elif span.path[:-1] == place.box:
            of[str(span.path[-1])] = span.style
    return {key: style for key, style in of.items() if style in (None, "'", '"')}


def edit(
    content: bytes, place: ImagePlace, wanted: Reference, styles: Styles = MappingProxyType({})
) -> bytes:
    """The file with the place's image set; unchanged when nothing has to change.

    A value is quoted as `styles` says, else as what it replaces, and where YAML needs it.
    Raises InputError when the place cannot hold it (a chart's values without a key for the digest),
    or cannot be changed alone (an alias).
    """
    if place.inside is not None:
        inner = replace(place, inside=None)
        return images_inner.edited(
            content, place.inside, place.file, lambda text: edit(text, inner, wanted, styles)
        )
    current = place.reference
    _refuse_doubt(place, wanted)
    after = dict(place.declared).get("after")
    if after is not None:
        parts = _version_texts(place, wanted, dict(place.keys)) if place.keys else {}
        new = f"{place.prefix}{wanted}" if not parts else next(iter(parts.values())) or ""
        return images_text.edited(content, str(after[0]), new, place.file)
    if place.whole is not None:
        styled = {place.whole: styles[""]} if "" in styles else {}
        text = f"{_prefix(place, wanted)}{wanted}"
        return splice.replace_scalars(content, {place.whole: text}, place.file, styled)
    if place.spots:
        return _edit_spots(content, place, wanted)
    assert place.box is not None  # noqa: S101 - a place has one of the two
    assert current is not None  # noqa: S101 - a mapping's image is always read
    keys = dict(place.keys)
    if place.kind in ("kustomization", "override"):
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
    """The kustomization without the entry of this place in `images:`; an empty list is removed, too."""
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
    texts |= _version_texts(place, wanted, keys)
    here = {span.path[-1] for span in splice.spans(content, place.file) if span.path[:-1] == place.box}
    if "<<" not in here:  # an empty string overrides what is merged, and a digest of the values below
        below = place.base.reference if place.base is not None else None
        over = {keys.get("digest"), keys.get("sha")} if below and below.digest else set()
        texts = {key: value for key, value in texts.items() if value or key in here or key in over}
    order = [keys.get(key, key) for key in _VALUES_ORDER]
    return splice.set_keys(content, place.box, texts, order, place.file, styles)


def _version_texts(place: ImagePlace, wanted: Reference, keys: dict[str, str]) -> dict[str, str | None]:
    """The new values of the keys for tag and digest."""
    texts: dict[str, str | None] = {}
    tag, digest = wanted.tag, wanted.digest
    if "digest" in keys:
        texts[keys["digest"]] = digest or ""
    elif "sha" in keys:
        texts[keys["sha"]] = (digest or "").removeprefix("sha256:")
    elif digest is not None:
        if tag is None:
            found = "the values have a key for the tag but none for a digest"
            hint = "give TAG@DIGEST, or add a digest key (the chart must support it)"
            raise InputError(f"setting {place.name} to @{digest}", found, hint, place.location)
        tag = f"{tag}@{digest}"  # charts write repository:tag, so this gives the whole reference
    had_tag = place.reference is not None and place.reference.tag is not None
    if tag is not None or (had_tag and "tag" in keys) or "digest" in keys or "sha" in keys:
        texts[keys.get("tag", "tag")] = tag or ""
    return texts


def _edit_spots(content: bytes, place: ImagePlace, wanted: Reference) -> bytes:
    """Set an image whose parts are in separate mappings: what is missing cannot be added."""
    assert place.reference is not None  # noqa: S101 - a mapping's image is always read
    spots = dict(place.spots)
    texts = _version_texts(place, wanted, {part: part for part in spots})
    if canonical(wanted.repository) != canonical(place.reference.repository):
        texts |= _repository(place, wanted.repository, {part: part for part in spots})
    edits: dict[tuple[str | int | splice.Match, ...], str] = {}
    for part, text in texts.items():
        if part in spots:
            edits[spots[part]] = text or ""
        elif text:
            found = f"there is no {part} there to set to {text}"
            raise InputError(f"setting {place.name}", found, f"add the {part} by hand once", place.location)
    return splice.replace_scalars(content, edits, place.file)


def _refuse_doubt(place: ImagePlace, wanted: Reference) -> None:
    """InputError if the result would not be an image: a tag that would be one too many."""
    if place.doubt is not None and wanted.tag is not None:
        hint = "keep one key for it, or declare in bootstrap.yaml which one is meant (repository, tag)"
        raise InputError(f"setting {place.name}", place.doubt, hint, place.location)


def _prefix(place: ImagePlace, wanted: Reference) -> str:
    """What must precede the image; an override names the old repository if the new one differs."""
    known = place.reference.repository if place.reference else place.name
    if place.kind == "override" and not place.prefix and canonical(wanted.repository) != canonical(known):
        return f"{place.name}="
    return place.prefix


def _repository(place: ImagePlace, repository: str, keys: dict[str, str]) -> dict[str, str | None]:
    if "repository" not in keys:
        where = f"at {place.repository_at}" if place.repository_at else "elsewhere"
        found = f"only its tag is here, its repository is {where}"
        raise InputError(f"setting {place.name}", found, f"give :TAG, or change it {where}", place.location)
    if "registry" not in keys:
        return {keys["repository"]: repository}
    registry, slash, path = repository.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        full = canonical(repository)
        registry, _, path = full.partition("/")
    return {keys["registry"]: registry, keys["repository"]: path}
