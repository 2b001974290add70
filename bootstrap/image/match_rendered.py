"""Pure: the containers that a NAME means in what the kustomizations of a scope render.

An environment runs what is rendered: an entry that is overridden, or matches a name that the image no
longer has, is not a place of the image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bootstrap.core.errors import InputError
from bootstrap.image.places import ImagePlace, is_kustomization, read_whole
from bootstrap.image.render import Container, Rendered, Renders, is_reached, split
from bootstrap.image.search import Search
from bootstrap.oci.reference import Reference, canonical
from bootstrap.yamledit.walk import Place

Spot = tuple[str, str, Place]


@dataclass(frozen=True)
class Addition:
    """A kustomization that renders the image and has no entry for it yet.

    `current` is the image as it is rendered; `unchecked`: what could not be read.
    """

    file: str
    name: str
    current: Reference
    unchecked: tuple[str, ...] = ()

    @property
    def place(self) -> ImagePlace:
        """Where the entry would be, to look for it in other versions of the file."""
        return ImagePlace(self.file, 0, "kustomization", self.name, None, "")


Choice = ImagePlace | Addition


@dataclass(frozen=True)
class Meant:
    """What NAME means in the kustomization at `top`: some of its containers (`spots`)."""

    top: str
    spots: frozenset[Spot]


def tops(search: Search, renders: Renders, paths: Iterable[str]) -> list[Rendered]:
    """The kustomizations among `paths` that none of the others includes, rendered."""
    files = search.files
    found = renders.many([(path, files) for path in paths if is_kustomization(path)])
    below = {file for one in found for file in one.files if file != one.path}
    return [one for one in found if one.path not in below] or found


def by_container(rendered: Rendered, container: str) -> list[Container]:
    return [image for image in rendered.final if image.name == container and image.reference is not None]


def by_image(rendered: Rendered, name: str) -> list[Container]:
    """The containers whose entry has this name, or whose image is from this repository."""
    by_entry = [
        image
        for image in rendered.final
        if any(
            place is not None and place.kind == "kustomization" and place.name == name
            for place in image.setters
        )
    ]
    if by_entry:
        return by_entry
    wanted = canonical(name)
    return [image for image in rendered.final if _has_repository(image, wanted)]


def by_earlier_name(rendered: Rendered, name: str) -> list[Container]:
    """The containers whose image had this name before entries gave it another one."""
    wanted = canonical(name)
    return [image for image in rendered.final if wanted in map(canonical, image.names)]


def places(rendered: Rendered, meant: Sequence[Container], inside: set[str]) -> list[Choice]:
    """Where the containers' image is set or has to be set: places in the files `inside`, else a new entry."""
    chosen: dict[object, Choice] = {}
    outside: dict[str, list[Container]] = {}
    for image in meant:
        last = image.setters[-1] if image.setters else None
        if last is not None and last.file in inside:
            chosen.setdefault(spot_of(last), last)
        else:
            outside.setdefault(split(image.text)[0], []).append(image)
    additions = [
        Addition(rendered.path, name, current(images, Reference(name))) for name, images in outside.items()
    ]
    covered = set(outside)
    kept = [
        place
        for place in chosen.values()
        if not (
            isinstance(place, ImagePlace)
            and place.kind == "container"
            and place.reference is not None
            and place.reference.repository in covered
        )
    ]
    return [*kept, *additions]


def current(images: Sequence[Container], otherwise: Reference) -> Reference:
    """The image that all of the containers have; `otherwise` if they differ."""
    references = {image.text: image.reference for image in images}
    first = next(iter(references.values()), None)
    return first if len(references) == 1 and first is not None else otherwise


def affected(choice: Choice, rendered: Rendered) -> list[Container]:
    """The containers of a kustomization whose image an edit of this choice changes."""
    if isinstance(choice, Addition):
        return [image for image in rendered.final if is_reached(image, choice.name)]
    spot = spot_of(choice)
    return [
        image
        for image in rendered.final
        if image.setters and image.setters[-1] is not None and spot_of(image.setters[-1]) == spot
    ]


def spot_of(place: ImagePlace) -> tuple[object, ...]:
    """What distinguishes one place from another, whatever its value is."""
    return place.file, place.inside, place.box, place.whole, place.spots


def idle(rendered: Rendered, entries: Sequence[ImagePlace]) -> Iterator[ImagePlace]:
    """The entries in this kustomization's files that match none of its containers."""
    if not rendered.is_complete:
        return
    used = {spot_of(place) for image in rendered.final for place in image.setters if place is not None}
    for place in entries:
        if place.file in rendered.files and spot_of(place) not in used:
            yield place


def check(
    before: Rendered, after: Rendered, meant: Mapping[Spot, Reference | None], tried: str, where: str
) -> None:
    """InputError unless exactly the meant containers have another image now, and the wanted one.

    No image is wanted for containers whose entry was removed: their resources decide.
    """
    if after.refused and not before.refused:
        hint = "nothing was changed: fix what kustomize reports, or change the file by hand"
        raise InputError(tried, f"after the edit {after.unbuilt}", hint, where)
    was = {image.spot: image for image in before.final}
    now = {image.spot: image for image in after.final}
    wrong: list[str] = []
    for spot in dict.fromkeys((*was, *now)):
        old, new = was.get(spot), now.get(spot)
        shown = str(old or new)
        if old is None or new is None:
            wrong.append(f"{shown} would be {'added' if old is None else 'removed'}")
        elif (wanted := meant.get(spot)) is not None and not _is_as_wanted(new.text, wanted):
            wrong.append(f"{shown} would become {new.text}, not {wanted}")
        elif spot not in meant and old.text != new.text:
            wrong.append(f"{shown} would become {new.text} as well")
    if wrong:
        more = f" and {len(wrong) - 6} more" if len(wrong) > 6 else ""
        found = f"in the rendered result, {'; '.join(wrong[:6])}{more}"
        deciding = f" ({'; '.join(after.unsure[:3])})" if after.unsure else " (patches, other entries)"
        hint = f"nothing was changed: find what takes effect there{deciding}, and change that"
        raise InputError(tried, found, hint, where)


def _is_as_wanted(text: str, wanted: Reference) -> bool:
    found = read_whole(text)
    return (
        found is not None
        and canonical(found.repository) == canonical(wanted.repository)
        and (found.tag or None, found.digest) == (wanted.tag, wanted.digest)
    )


def _has_repository(image: Container, wanted: str) -> bool:
    reference = image.reference
    return reference is not None and canonical(reference.repository) == wanted
