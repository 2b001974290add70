"""Reports what is being built, what is left, and how long it will take; at the end, where the time went."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bootstrap.programs.pinned import Pinned

EVERY = 10.0
"""Seconds between two progress lines about the same build."""
PRIOR = 100
"""How many of `Pinned.seconds` must be built before this machine's own pace counts for half."""


@dataclass(frozen=True)
class UnitSpent:
    """Seconds that one `go build` took, by what it did; `fetch` may overlap with another unit's `compile`."""

    names: tuple[str, ...]
    fetch: float
    compile: float
    link: float


@dataclass(frozen=True)
class Spent:
    """Where the time of a run's builds went: seconds in all, and of processors."""

    units: tuple[UnitSpent, ...]
    total: float
    processor: float


@dataclass
class Stopwatch:
    """Measures from its creation on."""

    clock: Callable[[], float] = time.monotonic
    units: list[UnitSpent] = field(default_factory=list)
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started, self._processor = self.clock(), _processor_time()

    @property
    def elapsed(self) -> float:
        return self.clock() - self.started

    @contextmanager
    def unit(self, names: Sequence[str], fetch: float) -> Iterator[Callable[[], None]]:
        """The block compiles and links; call what is yielded in between."""
        began = self.clock()
        linking: list[float] = []
        yield lambda: linking.append(self.clock())
        ended = self.clock()
        between = linking[0] if linking else ended
        self.units.append(UnitSpent(tuple(names), fetch, between - began, ended - between))

    def spent(self) -> Spent:
        return Spent(tuple(self.units), self.elapsed, _processor_time() - self._processor)


def _processor_time() -> float:
    """Seconds of processor time of the programs that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class BuildProgress:
    """Follows the units (programs built together) of a run; one may begin before the last one ends."""

    def __init__(
        self,
        units: Sequence[Sequence[Pinned]],
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        processors: int | None = None,
    ) -> None:
        self._report = report
        self._clock = clock
        self._all = [pinned for unit in units for pinned in unit]
        self._left = list(self._all)
        self._lock = threading.Lock()
        self._building = 0
        self._counted_until = 0.0
        # `Pinned.seconds` was measured on two processors. This machine's own pace counts as soon as it
        # has some weight against that.
        expected = 2 / min(processors or os.cpu_count() or 2, 8)
        self._weights = PRIOR
        self._spent = PRIOR * expected

    def skip(self, programs: Sequence[Pinned]) -> None:
        """These need not be built: another run has built them."""
        with self._lock:
            self._left = [pinned for pinned in self._left if pinned not in programs]

    @contextmanager
    def building(self, unit: Sequence[Pinned]) -> Iterator[Callable[[str], None]]:
        """While the block runs, `unit` is built; yields the function to call with each line of the build."""
        number = min(self._all.index(pinned) for pinned in unit) + 1
        behind = self._all[max(self._all.index(pinned) for pinned in unit) + 1 :]
        names = ", ".join(pinned.name for pinned in unit)
        weight = sum(pinned.seconds for pinned in unit)
        started, reported, compiled = self._clock(), float("-inf"), 0
        with self._lock:
            if not self._building:
                self._counted_until = started
            self._building += 1

        def seen(line: str) -> None:
            nonlocal reported, compiled
            compiled += bool(line) and " " not in line
            now = self._clock()
            if now - reported < EVERY:
                return
            reported = now
            later = [pinned for pinned in behind if pinned in self._left]
            packages = f"{compiled} package{'s' * (compiled > 1)} compiled"
            state = packages if compiled else "fetching its sources"
            rest = f"left: {', '.join(pinned.name for pinned in later)}" if later else "the last one"
            seconds = self._remaining(weight, now - started, later)
            self._report(
                f"{names} ({number} of {len(self._all)}), {state}; {rest}; about {_duration(seconds)} to go"
            )

        seen("")
        yield seen
        self.skip(unit)
        with self._lock:  # time that two builds share counts once
            now = self._clock()
            self._spent += now - self._counted_until
            self._counted_until = now
            self._building -= 1
            self._weights += weight

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
