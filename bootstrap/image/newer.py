"""Pure: which of two images is newer, by the semantic versions or the commits in their tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from bootstrap.core.errors import InputError, RefusedError
from bootstrap.git.versions import SLACK
from bootstrap.image import versions
from bootstrap.image.history import Step
from bootstrap.image.versions import Order
from bootstrap.oci.reference import Reference

IsAncestor = Callable[[str, str], bool | None]
"""Whether the first commit is an ancestor of the second; None when that is unknown."""

_COMMIT = re.compile(r"(?<![0-9A-Za-z])g?([0-9a-f]{7,40})(?![0-9A-Za-z])")


def compare(new: Reference, old: Reference, is_ancestor: IsAncestor) -> Order | None:
    """How `new` compares to `old`; None when their tags do not show it."""
    if new.tag is None or old.tag is None:
        return None
    if new.tag == old.tag:
        return "same"
    by_version = versions.order(new.tag, old.tag)
    if by_version is not None:
        return by_version
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
    """Why `new` must not replace the current image, or None; for `--only-newer`.

    It has to be newer than the current image and than every earlier one: an image that a person has
    rolled back stays rolled back. Raises InputError when the tags cannot be compared.
    """
    if current is not None:
        order = compare(new, current, is_ancestor)
        if order is None:
            found = f"the tags of {current} and {new} contain neither versions nor known commits"
            if all(versions.is_version(image.tag or "") for image in (current, new)):
                found = f"the tags of {current} and {new} do not show which one is newer"
            hint = (
                "use tags such as v1.2.3, or ones with a commit of the repository at --source"
                " (with its whole history), or give --built-at"
            )
            raise InputError(f"comparing {name} for --only-newer", found, hint)
        if order != "newer":
            return f"{current.version} is set, which is {'the same' if order == 'same' else 'newer'}"
    for step in steps:
        if step.reference is None:
            continue
        if compare(new, step.reference, is_ancestor) in ("same", "older"):
            return f"{step.reference.version} was set on {day(step.when)} and rolled back since"
    return None


def set_after(name: str, built_at: float, steps: Sequence[Step], now: float) -> str | None:
    """Why a build that began at `built_at` must not replace the current image, or None; for `--built-at`.

    Raises RefusedError when the current image is dated after `now`: it says nothing about when it was set.
    """
    if not steps or steps[0].effective <= built_at:
        return None
    last = steps[0]
    if last.effective > now + SLACK:
        what = "says that its build began" if last.built_at is not None else "is dated"
        when = day(last.effective)
        found = f"commit {last.commit[:12]} by {last.author}, which set it, {what} in the future: {when}"
        hint = "set the image once without --built-at: later builds are compared with that commit"
        raise RefusedError(f"comparing {name} for --built-at", found, hint)
    if last.reference is None:
        return f"{last.author} removed its entry later, {day(last.when)}"
    if last.built_at is not None:
        return f"{last.reference.version} is set, from a build that began later, {day(last.built_at)}"
    return f"{last.author} set {last.reference.version} later, {day(last.when)}"


def parse_time(text: str) -> float:
    """Parse an ISO 8601 time (UTC by default) or seconds since the epoch; returns seconds since the epoch."""
    if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
        return float(text)
    try:
        found = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
    except ValueError as error:
        hint = "give a time such as 2026-01-31T12:00:00Z, or seconds since 1970"
        raise InputError("reading --built-at", f"{text!r} is not a time", hint) from error
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def day(when: float) -> str:
    """A time in seconds since the epoch, as `2026-01-31 12:00 UTC`."""
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _commit(tag: str) -> str | None:
    """The abbreviated commit in a tag; among words of digits and a-f, one that is not just a number."""
    found: list[str] = _COMMIT.findall(tag)
    return next((word for word in found if re.search("[a-f]", word)), found[0] if found else None)
