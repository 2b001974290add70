"""Pure: the errors for a NAME that means more than one place, or whose edit changes too little or much."""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap.core.errors import InputError
from bootstrap.image import match_rendered as images_meant
from bootstrap.image.match_rendered import Addition, Choice
from bootstrap.image.places import ImagePlace
from bootstrap.image.render import Container, Rendered
from bootstrap.oci.reference import canonical


def ambiguous(tried: str, candidates: Sequence[Choice]) -> InputError:
    """The error that lists the candidates."""
    described = "; ".join(_described(candidate) for candidate in candidates[:12])
    more = f" and {len(candidates) - 12} more" if len(candidates) > 12 else ""
    found = f"{len(candidates)} places match: {described}{more}"
    hint = "select one with app/container, --app, --env or a PATH, or give it a name in bootstrap.yaml"
    return InputError(tried, found, hint)


def overridden(
    of: Sequence[tuple[Rendered, list[Container]]], candidates: Sequence[Choice], inside: set[str]
) -> list[ImagePlace]:
    """The places of the scope that others override; a list of candidates includes them."""
    known = {spot(candidate) for candidate in candidates}
    found = {
        spot(place): place
        for _, images in of
        for image in images
        for place in image.setters[:-1]
        if place is not None and place.file in inside and spot(place) not in known
    }
    return list(found.values())


def refuse_siblings(
    name: str, choice: Choice, rendered: Rendered, meant: Sequence[Container], tried: str
) -> None:
    """InputError when an edit would affect containers that are not meant."""
    spots = {image.spot for image in meant}
    reached = images_meant.affected(choice, rendered)
    if all(image.spot in spots for image in reached):
        return
    image = choice.name if isinstance(choice, Addition) or choice.kind == "kustomization" else name
    listed = "; ".join(map(str, reached[:12]))
    found = f"an entry for {image} in {choice.file} applies to {len(reached)} containers: {listed}"
    hint = f"set all of them with {image}=REFERENCE, or give this one a separate patch with its image"
    raise InputError(tried, found, hint)


def idle(
    place: ImagePlace, name: str, of: Sequence[tuple[Rendered, list[Container]]], tried: str
) -> InputError:
    """The error for an entry that is for NAME's image but does not match its name."""
    around = [(one, images) for one, images in of if place.file in one.files]
    images = [image for _, images in around for image in images]
    same = [image for image in images if canonical(name) in map(canonical, image.names)]
    found = f"the entry {place.name} has no effect"
    hint = "remove it, or name it after an image that is rendered there"
    for image in (same or images)[:1]:
        repository = image.reference.repository if image.reference else image.text
        if repository == place.name:
            found += f": what comes after it sets {image}"
            later = [one.unsure[0] for one, _ in around if one.unsure]
            hint = f"change what takes effect there{f': {later[0]}' if later else ''}"
            continue
        setter = image.setters[-1] if len(image.setters) > 1 else None
        renamed = f" (set at {setter.location})" if setter is not None else ""
        found += f", as kustomize compares names literally: {image.location} has {image.text}{renamed}"
        hint = f"name the entry {repository}, or remove it"
    return InputError(tried, found, hint, place.location)


def spot(choice: Choice) -> object:
    """What distinguishes one choice from another."""
    if isinstance(choice, Addition):
        return choice.file, choice.name
    return images_meant.spot_of(choice)


def _described(candidate: Choice) -> str:
    if isinstance(candidate, Addition):
        return f"{candidate.file} (no entry yet for {candidate.current})"
    kind = "images" if candidate.kind == "kustomization" else candidate.kind
    return f"{candidate.location} ({kind} {candidate.name}, {candidate.text})"
