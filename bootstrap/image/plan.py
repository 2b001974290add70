"""Pure: what `image set` changes: from the wanted images and the files as they are to the new files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from bootstrap.core.errors import ChangedError, InputError
from bootstrap.edit.files import Files
from bootstrap.git.changes import FileChange
from bootstrap.image import edit, history, paths
from bootstrap.image import match_rendered as images_meant
from bootstrap.image.choose import Addition, Choice, Found
from bootstrap.image.elsewhere import find
from bootstrap.image.places import ImagePlace
from bootstrap.image.places import find as places_of
from bootstrap.image.render import ByFiles, Renders
from bootstrap.image.search import Scope
from bootstrap.image.wanted import Wanted, matches
from bootstrap.oci.reference import Reference, canonical, is_same

State = Literal["changed", "already", "kept"]


@dataclass(frozen=True)
class Request:
    """The request: images and their references, where to look, and what must be there before.

    `verb` begins the commit's message; `like` is the earlier file whose quotes are kept.
    """

    wanted: tuple[Wanted, ...]
    scope: Scope
    expect: Wanted | None = None
    verb: str = "Set"
    like: bytes | None = None


@dataclass(frozen=True)
class Change:
    """What happens to one image. `state` already: nothing to do; kept: `reason` says why it stays.

    `place` is where it is or would be. `gone`: its entry is removed; `left`: only the version is removed
    from the entry. `after` is then what the resources say.
    """

    name: str
    file: str
    line: int | None
    kind: str
    before: Reference | None
    after: Reference
    state: State
    reason: str | None = None
    place: ImagePlace | None = None
    gone: bool = False
    left: bool = False

    @property
    def location(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Outcome:
    """The changes, in the order they were asked for, and the files with them made."""

    changes: tuple[Change, ...]
    files: tuple[FileChange, ...]
    notes: tuple[str, ...] = ()
    verb: str = "Set"


def plan(
    request: Request,
    files: Files,
    pins: Mapping[str, str] | None = None,
    keep: Mapping[str, str] | None = None,
    renders: Renders | None = None,
) -> Outcome:
    """What `request` does to `files`.

    `pins` has digests by full reference (`docker.io/library/nginx:1.27`); `keep` has names that stay
    as they are, with the reason; `renders` says what kustomizations render, before and after. Raises
    InputError for what cannot be found or changed alone, ChangedError when an image is not what
    `expect` says.
    """
    renders = renders or ByFiles()
    edited = _Edited(files)
    changes: list[Change] = []
    notes: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    checks: list[tuple[Change, Found]] = []
    for wanted in request.wanted:
        found = find(wanted.name, request.scope, edited, renders)
        choice = found.choice
        key = (choice.file, choice.name)
        if seen.setdefault(key, wanted.name) != wanted.name:
            both = f"{seen[key]} and {wanted.name} both mean {choice.name} in {choice.file}"
            raise InputError("reading the arguments", both, "name it once")
        if wanted.gone:
            change = _removal(wanted, choice)
        else:
            change = _change(wanted, found, request, pins or {}, keep or {})
        changes.append(change)
        if isinstance(choice, Addition) and choice.unchecked:
            notes.append(
                f"whether {choice.file} renders {choice.name} is unknown: {choice.unchecked[0]} is not here"
            )
        notes += found.notes
        if change.state == "changed":
            notes += [f"not compared with the rendered result: {why}" for why in found.unsure]
            checks.append((change, found))
            if change.gone and isinstance(choice, ImagePlace):
                edited.drop(choice)
            else:
                edited.write(found, change.after, request.like)
            if change.gone or change.left:
                changes[-1] = replace(change, after=_left(change, found, edited, renders))
    _check(checks, files, edited, renders)
    return Outcome(tuple(changes), edited.changes(), tuple(notes), request.verb)


def _check(checks: Sequence[tuple[Change, Found]], files: Files, edited: Files, renders: Renders) -> None:
    """InputError unless exactly the meant containers have their new image in the rendered result."""
    meant: dict[str, dict[images_meant.Spot, Reference | None]] = {}
    for change, found in checks:
        for one in found.meant:
            wanted = None if change.gone or change.left else change.after
            meant.setdefault(one.top, {}).update(dict.fromkeys(one.spots, wanted))
    tops = list(meant)
    rendered = renders.many([*((top, files) for top in tops), *((top, edited) for top in tops)])
    names = " and ".join(change.name for change, _ in checks)
    for top, before, after in zip(tops, rendered, rendered[len(tops) :], strict=False):
        images_meant.check(before, after, meant[top], f"setting {names}", top)


def _change(
    wanted: Wanted, found: Found, request: Request, pins: Mapping[str, str], keep: Mapping[str, str]
) -> Change:
    choice = found.choice
    if isinstance(choice, Addition):
        line, kind, current = None, "kustomization", choice.current
        if wanted.source is not None:
            wanted = replace(wanted, repository=wanted.source)
    else:
        reference = found.current or choice.reference
        line, kind, current = choice.line, choice.kind, _current(wanted, reference, choice.location)
    if request.expect is not None and found.unsure:
        _raise_unsure(f"comparing {wanted.name} with --expect", found.unsure[0])
    after = wanted.applied_to(current)
    if after.tag is not None and after.digest is None:
        after = replace(after, digest=pins.get(f"{canonical(after.repository)}:{after.tag}"))
    known = current.tag is not None or current.digest is not None
    before = current if known else None
    place = choice.place if isinstance(choice, Addition) else choice
    left = wanted.exact and kind == "kustomization" and after.tag is None and after.digest is None
    change = Change(wanted.name, choice.file, line, kind, before, after, "changed", place=place, left=left)
    if is_same(after, (place.reference or current) if left else current):
        return replace(change, state="already")
    if request.expect is not None and not matches(current, request.expect):
        differs = f"it is {current}, not {request.expect.text}"
        hint = "someone else has changed it: see bootstrap image history, then decide"
        raise ChangedError(f"setting {change.name}", differs, hint, change.location)
    if wanted.name in keep:
        return replace(change, state="kept", reason=keep[wanted.name])
    return change


def _raise_unsure(tried: str, why: str) -> NoReturn:
    hint = "put kustomize on PATH"
    raise InputError(tried, f"the rendered result is unknown: {why}", hint)


def _removal(wanted: Wanted, choice: Choice) -> Change:
    """An entry that is removed; the new image is known when it is gone."""
    if isinstance(choice, Addition):
        known = choice.current if choice.current.tag or choice.current.digest else None
        kind, place = "kustomization", choice.place
        return Change(
            wanted.name, choice.file, None, kind, known, choice.current, "already", None, place, True
        )
    before, after = choice.reference, Reference(choice.name)
    return Change(
        wanted.name, choice.file, choice.line, choice.kind, before, after, "changed", None, choice, True
    )


def _left(change: Change, found: Found, edited: Files, renders: Renders) -> Reference:
    """What the containers have without their entry's version, as far as the resources show."""
    rendered = renders.many([(one.top, edited) for one in found.meant])
    images = [
        image
        for one, after in zip(found.meant, rendered, strict=True)
        for image in after.final
        if image.spot in one.spots
    ]
    return images_meant.current(images, change.after)


def _current(wanted: Wanted, reference: Reference | None, at: str) -> Reference:
    if reference is not None:
        return reference
    if wanted.repository is None:
        hint = f"give a full reference: {wanted.name}=REPOSITORY:TAG"
        raise InputError(f"setting {wanted.name}", "the current value is not an image reference", hint, at)
    return Reference(wanted.repository)


class _Edited:
    """The files, with what was changed so far."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._new: dict[str, bytes] = {}
        self.left_out: Mapping[str, str] = getattr(files, "left_out", {})
        self.target_of = getattr(files, "target_of", lambda _: None)

    def read(self, path: str) -> bytes | None:
        return self._new[path] if path in self._new else self._files.read(path)

    def under(self, folder: str) -> Sequence[str]:
        return list(self._files.under(folder))

    def write(self, found: Found, after: Reference, like: bytes | None) -> None:
        """Change one place, and check that it now reads as wanted."""
        choice = found.choice
        content = self.read(choice.file)
        assert content is not None  # noqa: S101 - the place was found in it
        if isinstance(choice, Addition):
            result = edit.add_entry(content, choice.file, choice.name, after)
        else:
            earlier = history.place_in(choice, like) if like is not None else None
            styles = edit.styles(like, earlier) if like is not None and earlier else {}
            place, after = _as_rendered(choice, found.current, after)
            result = edit.edit(content, place, after, styles)
        if not any(_says(place, after) for place in _now(choice, result)):
            text = "after the edit the image would not read as wanted"
            raise InputError(f"changing {choice.name}", text, "change it by hand", choice.file)
        self._new[choice.file] = result

    def drop(self, place: ImagePlace) -> None:
        """Remove an entry."""
        content = self.read(place.file)
        assert content is not None  # noqa: S101 - the place was found in it
        self._new[place.file] = edit.drop_entry(content, place)

    def changes(self) -> tuple[FileChange, ...]:
        return tuple(FileChange(path, content, self._files.read(path)) for path, content in self._new.items())


def _as_rendered(
    place: ImagePlace, current: Reference | None, after: Reference
) -> tuple[ImagePlace, Reference]:
    """An entry compared with the rendered result; parts that others set, and that stay, are not written."""
    own = place.reference
    if place.kind != "kustomization" or current is None or own is None:
        return place, after
    if (after.tag, after.digest) == (current.tag, current.digest):
        after = Reference(after.repository, own.tag, own.digest)
    return replace(place, reference=Reference(current.repository, own.tag, own.digest)), after


def _says(place: ImagePlace, wanted: Reference) -> bool:
    """Whether a place reads as wanted; an entry without newName keeps the image's repository."""
    if place.kind != "kustomization" or place.reference is None:
        return is_same(wanted, place.reference)
    is_own = place.reference.repository != place.name
    return (place.reference.tag, place.reference.digest) == (wanted.tag, wanted.digest) and (
        not is_own or canonical(place.reference.repository) == canonical(wanted.repository)
    )


def _now(choice: Choice, content: bytes) -> list[ImagePlace]:
    """The place in the edited file."""
    if isinstance(choice, Addition):
        return [place for place in places_of(choice.file, content) if place.name == choice.name]
    place = history.place_in(choice, content)
    return [place] if place is not None else []


def message(outcome: Outcome) -> str:
    """The commit's message: what is set where, one line each."""
    changed = [change for change in outcome.changes if change.state == "changed"]
    versions = {_short(change) for change in changed}
    what = changed[0].name if len(changed) == 1 else f"{len(changed)} images"
    subject = f"{outcome.verb} {what}{f' to {versions.pop()}' if len(versions) == 1 else ''}"
    homes = {paths.home_of(change.file) for change in changed}
    place = ", ".join(part for part in homes.pop() if part) if len(homes) == 1 else ""
    lines = [
        f"- {change.file}: {change.before or 'no entry'} -> {'no entry' if change.gone else change.after}"
        for change in changed
    ]
    return "\n".join([subject + (f" ({place})" if place else ""), "", *lines])


def _short(change: Change) -> str:
    if change.gone:
        return "no entry"
    if change.after.tag:
        return change.after.tag
    return (change.after.digest or str(change.after))[:19]
