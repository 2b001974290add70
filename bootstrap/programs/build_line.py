"""Units of work in three stages, each started as early as possible: fetch, compile, link.

Sources are fetched one unit after another, ahead of the builds. Only one unit compiles at a time, with all
processors; the next one starts once only the linker is left, which keeps one processor busy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

MOST = 2
"""Units that are built at once: one that links, one that compiles."""

Unit = TypeVar("Unit")
Sources = TypeVar("Sources")
Built = TypeVar("Built")


@dataclass(frozen=True)
class Stages(Generic[Unit, Sources, Built]):
    """What is done with a unit. `stop` is set when the run fails or is interrupted: return soon.

    `fetch` is called in a thread, unit after unit. `hold` is entered in the caller's thread before a unit is
    built, and left afterwards; it returns whether there is something to build. `build` is called in a
    thread; it waits for the sources by itself, and calls `compiled` when only the linker is left.
    """

    fetch: Callable[[Unit, threading.Event], Sources]
    hold: Callable[[Unit], AbstractContextManager[bool]]
    build: Callable[[Unit, Future[Sources], Callable[[], None], threading.Event], Built]


@dataclass
class _Running(Generic[Built]):
    """The unfinished builds, each with what it holds; the first failure is raised."""

    builds: dict[Future[Built], ExitStack] = field(default_factory=dict)
    results: list[Built] = field(default_factory=list)

    def until(self, enough: Callable[[], bool], *also: Future[None]) -> None:
        """Collect what ends, until it is enough; `also` are events that may make it so."""
        while not enough():
            awaited: list[Future[Any]] = [*self.builds, *(one for one in also if not one.done())]
            ended = wait(awaited, return_when=FIRST_COMPLETED).done
            for build in [one for one in self.builds if one in ended]:
                held = self.builds.pop(build)
                with held:
                    self.results.append(build.result())


def run(units: Sequence[Unit], stages: Stages[Unit, Sources, Built]) -> list[Built]:
    """Build all units; the results in the order in which they were ready.

    The first failure stops the others and is raised when they have ended, as is an interruption.
    """
    stop = threading.Event()
    running: _Running[Built] = _Running()
    # Exited from the inside out: the threads end before what they hold is released.
    with ExitStack() as holding, ThreadPoolExecutor(1) as fetcher, ThreadPoolExecutor(MOST) as builders:
        sources = [fetcher.submit(stages.fetch, unit, stop) for unit in units]
        try:
            for unit, source in zip(units, sources, strict=True):
                running.until(lambda: len(running.builds) < MOST)
                held = holding.enter_context(ExitStack())
                if not held.enter_context(stages.hold(unit)):
                    held.close()
                    source.cancel()
                    continue
                compiled: Future[None] = Future()
                build = builders.submit(_build, stages, unit, source, compiled, stop)
                running.builds[build] = held
                running.until(compiled.done, compiled)
            running.until(lambda: not running.builds)
        except BaseException:
            stop.set()
            for source in sources:
                source.cancel()
            raise
    return running.results


def _build(
    stages: Stages[Unit, Sources, Built],
    unit: Unit,
    source: Future[Sources],
    compiled: Future[None],
    stop: threading.Event,
) -> Built:
    def tell() -> None:
        if not compiled.done():
            compiled.set_result(None)

    try:
        return stages.build(unit, source, tell, stop)
    finally:
        tell()
