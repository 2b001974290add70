"""Pure: what an image was before, from the versions of the file that it stands in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bootstrap.core.errors import InputError
from bootstrap.image.declared import Declared
from bootstrap.image.declared import place as declared_place
from bootstrap.image.paths import unknown
from bootstrap.image.places import ImagePlace, again
from bootstrap.oci.reference import Reference


@dataclass(frozen=True)
class Version:
    """A file as a commit left it; `content` None: the commit removed it. Times are seconds (UTC).

    `blob` is the id by which git has the content.
    """

    commit: str
    author: str
    email: str
    when: int
    subject: str
    built_at: float | None
    content: bytes | None
    blob: str | None = None


@dataclass(frozen=True)
class Step:
    """A commit that gave the image this reference; `blob` is the last content of the file that had it."""

    reference: Reference
    commit: str
    author: str
    email: str
    when: int
    subject: str
    built_at: float | None
    blob: str | None = None

    @property
    def effective(self) -> float:
        """When the image was built, where the commit says so; else when the commit was made."""
        return self.built_at if self.built_at is not None else float(self.when)


def steps(versions: Iterable[Version], reader: Callable[[bytes], Reference | None]) -> Iterator[Step]:
    """The commits that changed the image, newest first; `reader` finds it in a version of the file.

    After a version where it is not there, or that is no YAML, the next newer one has set it.
    """
    newer: tuple[Version, Reference, str | None] | None = None
    for version in versions:
        reference = reader(version.content) if version.content is not None else None
        blob = version.blob
        if newer is not None and reference == newer[1]:
            blob = newer[2]
        elif newer is not None:
            yield _step(*newer)
        newer = (version, reference, blob) if reference is not None else None
    if newer is not None:
        yield _step(*newer)


def reader_of(place: ImagePlace) -> Callable[[bytes], Reference | None]:
    """Finds the image of the same place in other versions of its file."""

    def read(content: bytes) -> Reference | None:
        found = place_in(place, content)
        return found.reference if found else None

    return read


def place_in(place: ImagePlace, content: bytes) -> ImagePlace | None:
    """The same place in another version of its file: by kind and name, else at the same spot."""
    try:
        if place.declared:
            return declared_place(Declared(place.name, place.file, place.declared, place.at), content)
        found = [other for other in again(place, content) if _same(other, place)]
    except InputError:
        return None
    here = [other for other in found if _spot(other) == _spot(place)]
    return (here or found)[0] if found else None


def chosen(found: Sequence[Step], to: str, name: str) -> Step:
    """The step that `--to` means: how many steps back, a tag, a digest, a reference or a commit.

    Raises InputError when there is none.
    """
    tried = f"looking for what {name} was"
    if to.isdigit() and len(to) < 5:
        number = int(to)
        if 0 < number < len(found):
            return found[number]
        steps_back = f"{len(found) - 1} step{'s' if len(found) != 2 else ''} back"
        raise InputError(tried, f"history goes {steps_back}", "see bootstrap image history")
    for step in found:
        reference = step.reference
        names = (reference.tag, reference.digest, reference.version, f":{reference.tag}", str(reference))
        if to in names or (len(to) >= 7 and step.commit.startswith(to)):
            return step
    known = {step.reference.version for step in found}
    raise unknown(tried, "earlier image", to, known)


def _same(other: ImagePlace, place: ImagePlace) -> bool:
    return (other.kind, other.name) == (place.kind, place.name)


def _spot(place: ImagePlace) -> tuple[object, ...]:
    return place.inside, place.box, place.whole, place.spots


def _step(version: Version, reference: Reference, blob: str | None) -> Step:
    return Step(
        reference,
        version.commit,
        version.author,
        version.email,
        version.when,
        version.subject,
        version.built_at,
        blob,
    )
