"""Pure: what `image set` changes: from images wanted, and files as they are, to files as they shall be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bootstrap.core.errors import ChangedError, InputError
from bootstrap.edit.files import Files
from bootstrap.git.changes import FileChange
from bootstrap.image import edit, history, kustomize, paths
from bootstrap.image.choose import Addition, Choice, choose
from bootstrap.image.places import ImagePlace, find
from bootstrap.image.search import Scope
from bootstrap.image.wanted import Wanted, is_as
from bootstrap.oci.reference import Reference, canonical, is_same

State = Literal["changed", "already", "kept"]


@dataclass(frozen=True)
class Request:
    """What is asked: images and their references, where to look, and what must be there before.

    `verb` begins the commit's message; `like` is the file as it was, after which values are quoted.
    """

    wanted: tuple[Wanted, ...]
    scope: Scope
    expect: Wanted | None = None
    verb: str = "Set"
    like: bytes | None = None


@dataclass(frozen=True)
class Change:
    """What happens to one image. `state` already: nothing to do; kept: `reason` says why it stays.

    `place` is where it stands now, or would stand. `gone`: its entry goes, and `after` is what its
    resources say.
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

    @property
    def at(self) -> str:
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
) -> Outcome:
    """What `request` does to `files`.

    `pins` has digests by full reference (`docker.io/library/nginx:1.27`); `keep` has names that stay
    as they are, with the reason. Raises InputError for what cannot be found or changed alone,
    ChangedError when an image is not what `expect` says.
    """
    edited = _Edited(files)
    changes: list[Change] = []
    notes: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    for wanted in request.wanted:
        choice = choose(wanted.name, request.scope, edited)
        key = (choice.file, choice.name)
        if seen.setdefault(key, wanted.name) != wanted.name:
            found = f"{seen[key]} and {wanted.name} both mean {choice.name} in {choice.file}"
            raise InputError("reading the arguments", found, "name it once")
        if wanted.gone:
            change = _removal(wanted, choice, edited)
        else:
            change = _change(wanted, choice, request, pins or {}, keep or {})
        changes.append(change)
        if isinstance(choice, Addition) and choice.unchecked:
            notes.append(
                f"whether {choice.file} renders {choice.name} is not known: {choice.unchecked[0]} is not here"
            )
        if change.state == "changed" and isinstance(choice, ImagePlace) and change.gone:
            edited.drop(choice)
        elif change.state == "changed":
            edited.write(choice, change.after, request.like)
    return Outcome(tuple(changes), edited.changes(), tuple(notes), request.verb)


def _change(
    wanted: Wanted, choice: Choice, request: Request, pins: Mapping[str, str], keep: Mapping[str, str]
) -> Change:
    if isinstance(choice, Addition):
        line, kind, current = None, "kustomization", choice.current
    else:
        line, kind, current = choice.line, choice.kind, _current(wanted, choice.reference, choice.at)
    after = wanted.applied_to(current)
    if after.tag is not None and after.digest is None:
        after = replace(after, digest=pins.get(f"{canonical(after.repository)}:{after.tag}"))
    known = current.tag is not None or current.digest is not None
    before = current if known else None
    place = choice.place if isinstance(choice, Addition) else choice
    change = Change(wanted.name, choice.file, line, kind, before, after, "changed", place=place)
    if is_same(after, current):
        return replace(change, state="already")
    if request.expect is not None and not is_as(current, request.expect):
        found = f"it is {current}, not {request.expect.text}"
        hint = "someone else changed it: see bootstrap image history, then decide"
        raise ChangedError(f"setting {change.name}", found, hint, change.at)
    if wanted.name in keep:
        return replace(change, state="kept", reason=keep[wanted.name])
    return change


def _removal(wanted: Wanted, choice: Choice, files: Files) -> Change:
    """An entry that goes; what the image is then, as far as the resources tell."""
    if isinstance(choice, Addition):
        known = choice.current if choice.current.tag or choice.current.digest else None
        kind, place = "kustomization", choice.place
        return Change(
            wanted.name, choice.file, None, kind, known, choice.current, "already", None, place, True
        )
    compared = kustomize.before(choice.file, files).images
    names = [image.reference for image in compared if image.reference.repository == choice.name]
    after = names[0] if len(set(names)) == 1 else Reference(choice.name)
    before = choice.reference
    return Change(
        wanted.name, choice.file, choice.line, choice.kind, before, after, "changed", None, choice, True
    )


def _current(wanted: Wanted, reference: Reference | None, at: str) -> Reference:
    if reference is not None:
        return reference
    if wanted.repository is None:
        hint = f"give a full reference: {wanted.name}=REPOSITORY:TAG"
        raise InputError(f"setting {wanted.name}", "what stands there is no image reference", hint, at)
    return Reference(wanted.repository)


class _Edited:
    """The files, with what was changed so far."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._new: dict[str, bytes] = {}

    def read(self, path: str) -> bytes | None:
        return self._new[path] if path in self._new else self._files.read(path)

    def under(self, folder: str) -> Sequence[str]:
        return list(self._files.under(folder))

    def write(self, choice: Choice, after: Reference, like: bytes | None) -> None:
        """Change one place, and look again: it says what it should."""
        content = self.read(choice.file)
        assert content is not None  # noqa: S101 - the place was found in it
        if isinstance(choice, Addition):
            result = edit.add_entry(content, choice.file, choice.name, after)
        else:
            earlier = history.place_in(choice, like) if like is not None else None
            styles = edit.styles(like, earlier) if like is not None and earlier else {}
            result = edit.edit(content, choice, after, styles)
        now = [place for place in find(choice.file, result) if place.name == choice.name]
        if choice.file and not any(is_same(after, place.reference) for place in now) and _is_found(choice):
            found = "after the edit the image would not read as wanted"
            raise InputError(f"changing {choice.name}", found, "change it by hand", choice.file)
        self._new[choice.file] = result

    def drop(self, place: ImagePlace) -> None:
        """Take an entry out."""
        content = self.read(place.file)
        assert content is not None  # noqa: S101 - the place was found in it
        self._new[place.file] = edit.drop_entry(content, place)

    def changes(self) -> tuple[FileChange, ...]:
        return tuple(FileChange(path, content, self._files.read(path)) for path, content in self._new.items())


def _is_found(choice: Choice) -> bool:
    """Whether a search by convention finds the place (not what bootstrap.yaml alone declares)."""
    return isinstance(choice, Addition) or choice.kind != "declared"


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
