"""Pure: what was read of a repository and what was not, as data and as one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bootstrap.core.text import counted


@dataclass(frozen=True)
class Part:
    """Something that was not rendered: what an Application names, where, and why."""

    application: str
    what: str
    why: str
    file: str
    line: int


@dataclass(frozen=True)
class Coverage:
    """How many Applications and objects were read, and what they name that was not read."""

    applications: int
    objects: int
    unread: tuple[Part, ...] = ()

    def __str__(self) -> str:
        """One line; what was not read for the same reason is grouped."""
        many = "Application" if self.applications == 1 else "Applications"
        noun = "object" if self.objects == 1 else "objects"
        read = f"read: {self.applications:,} {many}, {self.objects:,} {noun}"
        if not self.unread:
            return f"{read}; nothing was left out"
        groups, more = grouped((part.what, part.why) for part in self.unread)
        return f"{read}; not read: " + "; ".join(
            [*(f"{_few(names)} ({why})" for names, why in groups), *more]
        )

    def data(self) -> dict[str, Any]:
        """As JSON data, the same in every command (docs/json.md)."""
        return {
            "applications": self.applications,
            "objects": self.objects,
            "unread": [asdict(part) for part in self.unread],
        }


MOST_REASONS = 6
"""How many a line has; whoever wants every one of a large repository reads the JSON."""
_ADDRESS = re.compile(r"(\w+ names [^\s?]+)(?:\?\S*)?, which is not fetched")


def grouped(
    parts: Iterable[tuple[str, str]], most: int = MOST_REASONS
) -> tuple[list[tuple[list[str], str]], list[str]]:
    """(what, why) by reason, as (names, why): those with the most names; and what is left out, if anything.

    Reasons that differ only in an address are one.
    """
    found: dict[str, dict[str, None]] = {}
    reasons: dict[str, dict[str, None]] = {}
    for what, why in parts:
        address = _ADDRESS.fullmatch(why)
        key = f"{address[1].split()[0]} names" if address else why
        found.setdefault(key, {})[what] = None
        reasons.setdefault(key, {})[address[1] if address else why] = None
    keys = list(found)
    if len(keys) > most:
        named = set(sorted(keys, key=lambda key: -len(found[key]))[:most])
        keys = [key for key in keys if key in named]
    left = [len(names) for key, names in found.items() if key not in keys]
    more = f"and {sum(left)} more for {counted(len(left), 'other reason')} (-o json has every one)"
    return [(list(found[key]), _together(list(reasons[key]), key)) for key in keys], [more] if left else []


def _together(reasons: Sequence[str], key: str) -> str:
    first = reasons[0]
    if first == key:
        return first
    more = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"{first}{more}, which {'are' if more else 'is'} not fetched"


def _few(names: Sequence[str], most: int = 4) -> str:
    """A few of the names; `chart a` and `chart b` become charts a, b."""
    word, _, rest = names[0].partition(" ")
    if len(names) > 1 and rest and all(name.startswith(f"{word} ") for name in names):
        return f"{_plural(word)} {_few([name.removeprefix(f'{word} ') for name in names], most)}"
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
