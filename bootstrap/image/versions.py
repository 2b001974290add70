"""Pure: which of two tags is newer, from their own text: versions, dates, build numbers.

Tags are compared only if they follow one scheme. What could mean two things (`1.2.3-1`: before
1.2.3, or a new package of it?) or differs in words (`1.2.3-alpine`, `1.2.3-slim`) is not ordered, so
that nothing is ever "older" by accident.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from bootstrap.core.numbers import whole

Order = Literal["newer", "same", "older"]

_LONGEST = 128
"""Characters of a tag, as registries allow; a longer one is not a version."""
_PREFIX = re.compile(r"(?:[A-Za-z][A-Za-z]*[-._]+)*")
_DATE = re.compile(
    r"(?P<year>20\d\d)(?P<sep>-?)(?P<month>0[1-9]|1[0-2])(?P=sep)(?P<day>0[1-9]|[12]\d|3[01])"
    r"(?:[-T_.]?(?P<hour>[01]\d|2[0-3])[-:.]?(?P<minute>[0-5]\d)(?:[-:.]?(?P<second>[0-5]\d))?Z?)?"
    r"(?P<rest>(?:[-_.].*)?)"
)
_EPOCH = re.compile(r"1[4-9]\d{8}(?:\d{3})?")
_VERSION = re.compile(
    r"(?P<v>[vV])?(?P<numbers>\d+(?:\.\d+){0,4})"
    r"(?P<pre>(?:-(?!\d+-g[0-9a-f]{7,40}\b)[0-9A-Za-z.]+)*)"
    r"(?:-(?P<ahead>\d+)-g(?P<commit>[0-9a-f]{7,40}))?"
    r"(?P<more>(?:-dirty)?(?:_[0-9A-Za-z._-]+)?)"
)
_GLUED = re.compile(r"(?P<pre>[ab]|rc|alpha|beta|dev|post)(?P<number>\d+)", re.IGNORECASE)
_AFTER_COMMIT = re.compile(r"(?P<front>.*?)(?:^|(?<=[-._]))(?P<sha>[0-9a-f]{7,40})[-._](?P<number>\d+)")
_COMMIT = re.compile(r"g?[0-9a-f]{7,40}")
_BEFORE = {
    *("a", "alpha", "b", "beta", "c", "rc", "cr", "pre", "preview", "dev", "snapshot", "nightly"),
    *("canary", "m", "milestone", "ea"),
}
"""Words for versions before a release."""


class _Version(NamedTuple):
    kind: Literal["version", "number", "date", "time"]
    prefix: str
    numbers: tuple[int, ...]
    pre: tuple[str | int, ...] = ()
    ahead: int = 0
    rest: str = ""


def order(new: str, old: str) -> Order | None:
    """How the tag `new` compares to `old`; None when they do not show it."""
    if new == old:
        return "same"
    one, other = _read(new), _read(old)
    if one is None or other is None or (one.kind, one.prefix) != (other.kind, other.prefix):
        return None
    if one.kind in ("date", "time"):
        return _by_time(one, other)
    if one.numbers != other.numbers:
        return "newer" if one.numbers > other.numbers else "older"
    found = _by_suffix(one.pre, other.pre)
    if found is None or found != "same":
        return found
    if one.ahead != other.ahead:
        return "newer" if one.ahead > other.ahead else "older"
    return "same" if one.rest == other.rest else None


def is_version(tag: str) -> bool:
    """Whether a tag has anything that can be ordered."""
    return _read(tag) is not None


def _read(tag: str) -> _Version | None:
    if len(tag) > _LONGEST:
        return None
    front = _PREFIX.match(tag)
    prefix = front[0] if front else ""
    text = tag[len(prefix) :]
    found = _AFTER_COMMIT.fullmatch(tag)
    if found and (re.search(r"[a-f]", found["sha"]) or _EPOCH.fullmatch(found["number"])):
        return _Version("number", f"{found['front']}SHA-", (int(found["number"]),))
    if found := _DATE.fullmatch(text):
        parts = [found[name] for name in ("year", "month", "day", "hour", "minute", "second")]
        numbers = tuple(int(part) for part in parts if part is not None)
        return _Version("date", prefix, numbers, rest=found["rest"])
    if _EPOCH.fullmatch(text):
        return _Version("time", prefix, (int(text[:10]), int(text[10:] or 0)))
    found = _VERSION.fullmatch(text) or _glued(text)
    if not found:
        return None
    numbers = tuple(int(number) for number in found["numbers"].split("."))
    is_lone = len(numbers) == 1 and not found["v"]
    if is_lone and len(found["numbers"]) >= 7:
        return None  # it could be an abbreviated commit
    pre = tuple(_natural(found["pre"].removeprefix("-"))) if found["pre"] else ()
    kind: Literal["version", "number"] = "number" if is_lone else "version"
    ahead, rest = int(found["ahead"] or 0), f"{found['commit'] or ''}{found['more']}"
    padded = numbers + (0,) * (5 - len(numbers))
    return _Version(kind, prefix, padded, pre, ahead, rest)


def _glued(text: str) -> re.Match[str] | None:
    """A version in Python's style: 1.2.3rc1."""
    return _VERSION.fullmatch(re.sub(rf"(?<=\d){_GLUED.pattern}$", r"-\g<0>", text, flags=re.IGNORECASE))


def _natural(suffix: str) -> list[str | int]:
    """The words and numbers of a suffix: `rc10` is rc, 10; a commit is not split."""
    found: list[str | int] = []
    for part in re.split(r"[.-]", suffix):
        if _is_commit(part):
            found.append(part)
        else:
            numbers = [(piece, whole(piece)) for piece in _pieces(part)]
            found += [piece.lower() if number is None else number for piece, number in numbers]
    return found


def _pieces(part: str) -> list[str]:
    return re.findall(r"\d+|\D+", part)


def _is_commit(part: str) -> bool:
    """Whether a word may be an abbreviated commit; a date or time in digits is not."""
    is_time = _EPOCH.fullmatch(part) or _DATE.fullmatch(part)
    return _COMMIT.fullmatch(part) is not None and not is_time


def _by_time(one: _Version, other: _Version) -> Order | None:
    """Dates of different precision are compared to the precision that both have."""
    size = min(len(one.numbers), len(other.numbers))
    if one.numbers[:size] != other.numbers[:size]:
        return "newer" if one.numbers > other.numbers else "older"
    if len(one.numbers) != len(other.numbers):
        return None
    found = _by_suffix(tuple(_natural(one.rest.strip("-_."))), tuple(_natural(other.rest.strip("-_."))))
    both_numbers = all(
        re.fullmatch(r"(?:[-_.]\d{1,6})?", version.rest) is not None for version in (one, other)
    )
    return found if both_numbers and one.rest and other.rest else "same" if one.rest == other.rest else None


def _by_suffix(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> Order | None:
    """Compare what follows a version, by semantic versioning: numbers by size, unknown words not at all."""
    if one == other:
        return "same"
    for mine, theirs in zip(one, other, strict=False):
        if mine == theirs:
            continue
        if isinstance(mine, int) and isinstance(theirs, int):
            return "newer" if mine > theirs else "older"
        if not _is_known(mine) or not _is_known(theirs):
            return None
        if isinstance(mine, int) or isinstance(theirs, int):
            return "older" if isinstance(mine, int) else "newer"
        return "newer" if mine > theirs else "older"
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    if not shorter:  # one of them is the release
        is_before = longer[0] in _BEFORE
        return None if not is_before else "older" if longer is one else "newer"
    if not all(_is_known(part) for part in longer):
        return None
    return "newer" if longer is one else "older"


def _is_known(part: str | int) -> bool:
    return isinstance(part, int) or part in _BEFORE
