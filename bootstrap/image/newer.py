"""Pure: which of two images is newer, by the semantic versions or the commits in their tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Literal

from bootstrap.core.errors import InputError
from bootstrap.image.history import Step
from bootstrap.oci.reference import Reference

Order = Literal["newer", "same", "older"]
IsAncestor = Callable[[str, str], bool | None]
"""Whether the first commit is an ancestor of the second; None when that cannot be told."""

_VERSION = re.compile(
    r"(?P<v>[vV])?(?P<numbers>\d+(?:\.\d+){0,3})(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:_[0-9A-Za-z._-]+)?"
)
_COMMIT = re.compile(r"(?:^|[^0-9A-Za-z])(?P<sha>[0-9a-f]{7,40})(?:$|[^0-9A-Za-z])")


def compare(new: Reference, old: Reference, is_ancestor: IsAncestor) -> Order | None:
    """How `new` stands to `old`; None when their tags do not tell."""
    if new.tag is None or old.tag is None:
        return None
    if new.tag == old.tag:
        return "same"
    versions = _version(new.tag), _version(old.tag)
    if versions[0] is not None and versions[1] is not None:
        if versions[0] == versions[1]:
            return "same"
        return "newer" if versions[0] > versions[1] else "older"
    commits = _commit(new.tag), _commit(old.tag)
    if commits[0] is None or commits[1] is None:
        return None
    if commits[0].startswith(commits[1]) or commits[1].startswith(commits[0]):
        return "same"
    if is_ancestor(commits[1], commits[0]):
        return "newer"
    return "older" if is_ancestor(commits[0], commits[1]) else None


def not_newer(
    name: str, new: Reference, current: Reference | None, steps: Sequence[Step], is_ancestor: IsAncestor
) -> str | None:
    """Why `new` must not replace what is there, or None; for `--only-newer`.

    It has to be newer than the image that is there and than every one that was there before: one
    that was moved back by a person stays back. Raises InputError when the tags do not tell.
    """
    if current is not None:
        order = compare(new, current, is_ancestor)
        if order is None:
            found = f"neither versions nor known commits are in {current} and {new}"
            hint = (
                "use tags such as v1.2.3, or ones with a commit of the repository at --source"
                " (with its whole history), or give --built-at"
            )
            raise InputError(f"comparing {name} by --only-newer", found, hint)
        if order != "newer":
            return f"{current.version} is there, which is {'the same' if order == 'same' else 'newer'}"
    for step in steps:
        if step.reference is None:
            continue
        if compare(new, step.reference, is_ancestor) in ("same", "older"):
            return f"{step.reference.version} was set on {day(step.when)} and moved back since"
    return None


def set_after(built_at: float, steps: Sequence[Step]) -> str | None:
    """Why a build that began at `built_at` must not replace what is there, or None; for `--built-at`."""
    if not steps or steps[0].effective <= built_at:
        return None
    last = steps[0]
    if last.reference is None:
        return f"{last.author} removed its entry later, {day(last.when)}"
    if last.built_at is not None:
        return f"{last.reference.version} is there, of a build that began later, {day(last.built_at)}"
    return f"{last.author} set {last.reference.version} later, {day(last.when)}"


def parse_time(text: str) -> float:
    """Seconds since the epoch, of an ISO 8601 time (UTC unless it says otherwise) or such a number."""
    if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
        return float(text)
    try:
        found = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
    except ValueError as error:
        hint = "give a time such as 2026-01-31T12:00:00Z, or seconds since 1970"
        raise InputError("reading --built-at", f"{text!r} is no time", hint) from error
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def day(when: float) -> str:
    """A time as a person reads it."""
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _version(tag: str) -> tuple[tuple[int, ...], int, tuple[tuple[int, int, str], ...]] | None:
    """A key that orders as semantic versioning does; None for what is no version.

    A lone number is one (of a build) unless it could be an abbreviated commit, which has 7 digits or more.
    """
    found = _VERSION.fullmatch(tag)
    if not found:
        return None
    numbers = [int(number) for number in found["numbers"].split(".")]
    if len(numbers) == 1 and not found["v"] and len(found["numbers"]) >= 7 and not _is_date(found["numbers"]):
        return None
    padded = tuple(numbers + [0] * (4 - len(numbers)))
    pre = found["pre"]
    if pre is None:
        return padded, 1, ()
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split("."))
    return padded, 0, parts


def _is_date(digits: str) -> bool:
    """A tag such as 20260131 or 20260131120000."""
    return re.fullmatch(r"20\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])(\d{2,6})?", digits) is not None


def _commit(tag: str) -> str | None:
    found = _COMMIT.search(tag)
    return found["sha"] if found else None
