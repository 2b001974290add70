"""Pure: what was read of a repository and what was not, as data and as one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


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
        by_reason: dict[str, list[str]] = {}
        for part in self.unread:
            names = by_reason.setdefault(part.why, [])
            if part.what not in names:
                names.append(part.what)
        return f"{read}; not read: " + "; ".join(f"{_few(names)} ({why})" for why, names in by_reason.items())

    def data(self) -> dict[str, Any]:
        """As JSON data, the same in every command (docs/json.md)."""
        return {
            "applications": self.applications,
            "objects": self.objects,
            "unread": [asdict(part) for part in self.unread],
        }


def _few(names: Sequence[str], most: int = 4) -> str:
    """A few of the names; `chart a` and `chart b` become charts a, b."""
    word, _, rest = names[0].partition(" ")
    if len(names) > 1 and rest and all(name.startswith(f"{word} ") for name in names):
        return f"{word}s {_few([name.removeprefix(f'{word} ') for name in names], most)}"
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
