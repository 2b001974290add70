"""What `image set` and the related commands print: what was changed, as text or JSON."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bootstrap.core.errors import ExitStatus
from bootstrap.core.output import Output
from bootstrap.core.text import with_short_digests
from bootstrap.git.changes import FileChange
from bootstrap.git.log import LogEntry
from bootstrap.image.history import NO_ENTRY, Step
from bootstrap.image.newer import day
from bootstrap.image.paths import home_of
from bootstrap.image.places import ImagePlace
from bootstrap.image.plan import Change, Outcome
from bootstrap.image.read_history import built_time
from bootstrap.oci.reference import Reference, canonical


class Place(NamedTuple):
    """Where a commit went; `commit` None: none was made. `pull_request` is its address."""

    repository: str
    branch: str
    commit: str | None
    attempts: int
    pull_request: str | None = None
    created: bool = False


def changed(outcome: Outcome, output: Output, *, dry_run: bool, place: Place | None = None) -> int:
    """Print what was (or would be) done; the exit status is 1 for a dry run that would change something."""
    would = bool(outcome.files)
    data: dict[str, Any] = {
        "changed": would and not dry_run,
        "images": [_data(change) for change in outcome.changes],
    }
    if place is not None:
        data |= place._asdict()
    for note in outcome.notes:
        output.warn(note)
    output.result(data, "\n".join(_lines(outcome, dry_run, place)))
    return ExitStatus.NO if dry_run and would else ExitStatus.OK


def reference_data(reference: Reference | None) -> Any:
    if reference is None:
        return None
    return {"reference": str(reference), **vars(reference)}


def _lines(outcome: Outcome, dry_run: bool, place: Place | None) -> Iterator[str]:
    if dry_run:
        for file in outcome.files:
            yield from _diff(file)
    for change in outcome.changes:
        yield _line(change)
    if place is not None and place.pull_request:
        verb = "opened" if place.created else "updated" if place.commit else "is already open:"
        yield f"{verb} {place.pull_request}"
    elif place is not None and place.commit:
        tries = f", on the {_ordinal(place.attempts)} attempt" if place.attempts > 1 else ""
        yield f"pushed {place.commit[:12]} to {place.branch} of {place.repository}{tries}"
    elif not outcome.files:
        yield "nothing to change"
    elif dry_run:
        yield "nothing was changed: this was a dry run"


def _line(change: Change) -> str:
    """One change as a line; the image's name is in front only if the references do not show it."""
    was = change.before or change.after
    name = "" if canonical(change.name) == canonical(was.repository) else f"{change.name} "
    if change.state == "already":
        if change.gone:
            return f"{change.location}: {name}already has no entry"
        return (
            f"{change.location}: {name}is already {change.after}"
            if name
            else f"{change.location}: already {was}"
        )
    if change.state == "kept":
        return f"{change.location}: {name}stays {change.before or 'no entry'}: {change.reason}"
    after = f"no entry (its resources have {change.after})" if change.gone else change.after
    return f"{change.location}: {name}{change.before or 'no entry'} -> {after}"


def _data(change: Change) -> dict[str, Any]:
    home = home_of(change.file)
    return {
        "name": change.name,
        "state": change.state,
        "reason": change.reason,
        "app": home.app,
        "environment": home.environment,
        "file": change.file,
        "line": change.line,
        "kind": change.kind,
        "before": reference_data(change.before),
        "after": reference_data(change.before if change.state == "kept" else change.after),
    }


def _diff(file: FileChange) -> Iterator[str]:
    """In the form that `git apply` accepts, including carriage returns and a missing last line break."""
    before, after = (
        _kept_lines((content or b"").decode("utf-8", "replace")) for content in (file.before, file.content)
    )
    for line in difflib.unified_diff(before, after, f"a/{file.path}", f"b/{file.path}", n=3):
        yield line.removesuffix("\n")
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"


def _kept_lines(text: str) -> list[str]:
    """Lines with their line breaks; `str.splitlines`, which difflib uses, splits at more characters."""
    *lines, last = text.split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def listed(
    places: Sequence[ImagePlace], setters: Mapping[ImagePlace, LogEntry | None], output: Output
) -> None:
    """Print a list of images and who set them; the table shortens digests, JSON does not."""
    data, rows = [], []
    for place in places:
        home, entry = place.home or home_of(place.file), setters.get(place)
        who = f"{entry.author}, {day(entry.when)}" if entry else "not committed" if place in setters else ""
        rows.append(
            (home.app or "-", home.environment or "-", with_short_digests(place.text), place.location, who)
        )
        data.append(
            {
                "app": home.app,
                "environment": home.environment,
                "name": place.name,
                "kind": place.kind,
                "file": place.file,
                "line": place.line,
                "text": place.text,
                "image": reference_data(place.reference),
                "set": entry and _commit(entry),
            }
        )
    output.table(("APP", "ENVIRONMENT", "IMAGE", "WHERE", "SET BY"), rows)
    output.result(data)


def _commit(entry: LogEntry) -> dict[str, Any]:
    fields = {key: value for key, value in entry._asdict().items() if key != "files"}
    return {**fields, "built_at": built_time(entry.built_at)}


def history(place: ImagePlace, steps: Sequence[Step], output: Output) -> None:
    """Print an image's earlier references, numbered as `rollback --to` counts."""
    data = [
        {"step": number, **vars(step), "reference": reference_data(step.reference)}
        for number, step in enumerate(steps)
    ]
    output.table(
        ("STEP", "IMAGE", "WHEN", "WHO", "COMMIT", "SUBJECT"),
        [
            (
                str(n),
                str(step.reference or NO_ENTRY),
                day(step.when),
                step.author,
                step.commit[:12],
                step.subject,
            )
            for n, step in enumerate(steps)
        ],
    )
    output.result({"file": place.file, "line": place.line, "name": place.name, "steps": data})
