"""Figures, the goals that they are measured against, and how they are printed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value; `goal` is the highest value allowed, None if there is no goal."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    def line(self) -> str:
        goal = ""
        if self.goal is not None:
            goal = f"  goal ≤ {self.goal:g}  {'met' if self.value <= self.goal else 'MISSED'}"
        note = f"  ({self.note})" if self.note else ""
        return f"  {self.name:<58} {self.value:>8.2f} {self.unit:<3}{goal}{note}"


def in_turns(rounds: int, measures: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Take every measurement `rounds` times, in turns, so that a busy moment affects all of them alike."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of the single rounds."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def spread(values: Sequence[float]) -> str:
    """Median and range, in seconds."""
    return f"{statistics.median(values):.2f} s, {min(values):.2f} to {max(values):.2f}"
