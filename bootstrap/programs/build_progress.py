"""Reports what is being built, what is left, and how long it will take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bootstrap.programs.pinned import Pinned

EVERY = 10.0
"""Seconds between two progress lines about the same build."""
PRIOR = 100
"""How many of `Pinned.seconds` must be built before this machine's own pace counts for half."""


class BuildProgress:
    """Follows the units (programs built together) of a run, in their order."""

    def __init__(
        self,
        units: Sequence[Sequence[Pinned]],
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        processors: int | None = None,
    ) -> None:
        self._report = report
        self._clock = clock
        self._left = [pinned for unit in units for pinned in unit]
        self._total = len(self._left)
        # `Pinned.seconds` was measured on two processors. This machine's own pace counts as soon as it
        # has some weight against that.
        expected = 2 / min(processors or os.cpu_count() or 2, 8)
        self._weights = PRIOR
        self._spent = PRIOR * expected

    @contextmanager
    def building(self, unit: Sequence[Pinned]) -> Iterator[Callable[[str], None]]:
        """While the block runs, `unit` is built; yields the function to call with each line of the build."""
        # Those before it were already done: another run has built them.
        first = min(self._left.index(pinned) for pinned in unit)
        last = max(self._left.index(pinned) for pinned in unit)
        number = self._total - len(self._left) + first + 1
        later = self._left[last + 1 :]
        names = ", ".join(pinned.name for pinned in unit)
        weight = sum(pinned.seconds for pinned in unit)
        started, reported, compiled = self._clock(), float("-inf"), 0

        def seen(line: str) -> None:
            nonlocal reported, compiled
            compiled += bool(line) and " " not in line
            now = self._clock()
            if now - reported < EVERY:
                return
            reported = now
            packages = f"{compiled} package{'s' * (compiled > 1)} compiled"
            state = packages if compiled else "fetching its sources"
            rest = f"left: {', '.join(pinned.name for pinned in later)}" if later else "the last one"
            seconds = self._remaining(weight, now - started, later)
            self._report(
                f"{names} ({number} of {self._total}), {state}; {rest}; about {_duration(seconds)} to go"
            )

        seen("")
        yield seen
        self._spent += self._clock() - started
        self._weights += weight
        self._left = later

    @property
    def _pace(self) -> float:
        """This machine's seconds for each of `Pinned.seconds`."""
        return self._spent / self._weights

    def _remaining(self, weight: int, elapsed: float, later: Sequence[Pinned]) -> float:
        # A build that takes longer than expected is never shown as done.
        own = max(weight * self._pace - elapsed, weight * self._pace / 10)
        return own + sum(pinned.seconds for pinned in later) * self._pace


def _duration(seconds: float) -> str:
    return f"{round(seconds / 60)} min" if seconds >= 90 else f"{max(5, round(seconds / 5) * 5)} s"
