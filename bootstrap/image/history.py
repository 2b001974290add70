"""Pure: what an image was before, from the versions of the file that it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from bootstrap.core.errors import InputError
from bootstrap.image.declared import Declared
from bootstrap.image.declared import place as declared_place
from bootstrap.image.paths import unknown
from bootstrap.image.places import ImagePlace, again
from bootstrap.oci.reference import Reference, canonical

NO_ENTRY: Literal["no entry"] = "no entry"
State = Reference | Literal["no entry"] | None
"""The image in a version of a file; None: it does not exist or cannot be read."""


@dataclass(frozen=True)
class Version:
    """A file as a commit left it; `content` None: the commit removed it. Times are in seconds (UTC).

    `when` is when it reached the branch, `blob` git's id of the content. `floor`: the file was so at that
    commit, whichever commit made it so.
    """

    commit: str
    author: str
    email: str
    when: int
    subject: str
    built_at: float | None
    content: bytes | None
    blob: str | None = None
    floor: bool = False


@dataclass(frozen=True)
class Step:
    """A commit that gave the image this reference; `blob` is the last content of the file that had it.

    `reference` None: a kustomization without an entry for it, so that its resources decide.
    """

    reference: Reference | None
    commit: str
    author: str
    email: str
    when: int
    subject: str
    built_at: float | None
    blob: str | None = None

    @property
    def effective(self) -> float:
        """When the image was built, if the commit says so; else when the commit was made."""
        return self.built_at if self.built_at is not None else float(self.when)


def steps(versions: Iterable[Version], reader: Callable[[bytes], State]) -> Iterator[Step]:
    """The commits that changed the image, newest first; `reader` finds it in a version of the file.

    If a version lacks it, or is not valid YAML, the next newer version has set it. Its value at a floor
    was set before, by a commit that is not among these. A file that never had an entry for it has no
    steps.
    """
    newer: tuple[Version, Reference | Literal["no entry"], str | None] | None = None
    any_yet = False
    for version in versions:
        state = reader(version.content) if version.content is not None else None
        blob = version.blob
        if newer is not None and state == newer[1]:
            blob = newer[2]
        elif newer is not None and (any_yet or state is not None or newer[1] != NO_ENTRY):
            yield _step(*newer)
            any_yet = True
        newer = (version, state, blob) if state is not None else None
    if newer is not None and not newer[0].floor and (any_yet or newer[1] != NO_ENTRY):
        yield _step(*newer)


def reader_of(place: ImagePlace) -> Callable[[bytes], State]:
    """A function that finds the image of the same place in other versions of its file."""

    def read(content: bytes) -> State:
        try:
            found = _place_in(place, content)
        except InputError:
            return None
        if found is None:
            return NO_ENTRY if place.kind == "kustomization" else None
        return found.reference

    return read


def place_in(place: ImagePlace, content: bytes) -> ImagePlace | None:
    """The same place in another version of its file: by kind and name, else at the same spot."""
    try:
        return _place_in(place, content)
    except InputError:
        return None


def _place_in(place: ImagePlace, content: bytes) -> ImagePlace | None:
    if place.declared:
        return declared_place(Declared(place.name, place.file, place.declared, place.location), content)
    every = again(place, content)
    found = [other for other in every if _same(other, place)]
    if not found and place.kind == "kustomization" and place.reference is not None:
        # An entry that had another name; without this, its history would end in "no entry".
        image = canonical(place.reference.repository)
        alike = [other for other in every if other.kind == place.kind and other.reference]
        found = [
            other for other in alike if other.reference and canonical(other.reference.repository) == image
        ]
    here = [other for other in found if _spot(other) == _spot(place)]
    return (here or found)[0] if found else None


def chosen(found: Iterable[Step], to: str, name: str) -> Step:
    """The step that `--to` means: a number of steps back, a tag, a digest, a reference or a commit.

    Only as many steps are read from `found` as needed. Raises InputError when there is none.
    """
    tried = f"looking for what {name} was"
    by_number = to.isascii() and to.isdigit() and len(to) < 5
    if by_number and not int(to):
        raise InputError(
            tried,
            "0 steps back is the image as it is",
            "give 1 or more: the steps of bootstrap image history",
        )
    known: list[Step] = []
    for step in found:
        known.append(step)
        if by_number:
            if 0 < int(to) == len(known) - 1:
                return step
        elif _is_meant(step, to):
            return step
    if by_number:
        steps_back = f"{len(known) - 1} step{'s' if len(known) != 2 else ''} back"
        raise InputError(tried, f"the history only goes {steps_back}", "see bootstrap image history")
    raise unknown(tried, "earlier image", to, {step.reference.version for step in known if step.reference})


def _is_meant(step: Step, to: str) -> bool:
    if len(to) >= 7 and step.commit.startswith(to):
        return True
    reference = step.reference
    if reference is None:
        return False
    return to in (
        reference.tag,
        reference.digest,
        reference.version,
        f":{reference.tag}",
        str(reference),
    )


def _same(other: ImagePlace, place: ImagePlace) -> bool:
    return (other.kind, other.name) == (place.kind, place.name)


def _spot(place: ImagePlace) -> tuple[object, ...]:
    return place.inside, place.box, place.whole, place.spots


def _step(version: Version, state: Reference | Literal["no entry"], blob: str | None) -> Step:
    return Step(
        state if isinstance(state, Reference) else None,
        version.commit,
        version.author,
        version.email,
        version.when,
        version.subject,
        version.built_at,
        blob,
    )
