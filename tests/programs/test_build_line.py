"""Builds overlap as far as their stages allow, and a failure ends them all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest

from bootstrap.programs.build_line import MOST, Stages, run

SOON = 60.0
"""Seconds; a test that waits so long fails."""


class Line:
    """Units by name: `order` has what happened; a build waits in a stage for what a test gives it."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.held: set[str] = set()
        self.already: set[str] = set()
        self.compiling: dict[str, Callable[[threading.Event], None]] = {}
        self.linking: dict[str, Callable[[threading.Event], None]] = {}
        self.most = 0

    def run(self, *units: str) -> list[str]:
        return run(units, Stages(self.fetch, self.hold, self.build))

    def fetch(self, unit: str, stop: threading.Event) -> str:
        self.order.append(f"fetch {unit}")
        return f"sources of {unit}"

    @contextmanager
    def hold(self, unit: str) -> Iterator[bool]:
        assert threading.current_thread() is threading.main_thread(), "so that a wait can be interrupted"
        self.held.add(unit)
        self.most = max(self.most, len(self.held))
        try:
            yield unit not in self.already
        finally:
            self.held.discard(unit)

    def build(
        self, unit: str, fetched: Future[str], compiled: Callable[[], None], stop: threading.Event
    ) -> str:
        assert fetched.result(SOON) == f"sources of {unit}"
        assert unit in self.held
        self.order.append(f"compile {unit}")
        self.compiling.get(unit, lambda _: None)(stop)
        compiled()
        self.order.append(f"link {unit}")
        self.linking.get(unit, lambda _: None)(stop)
        return unit


def waits_for(event: threading.Event) -> Callable[[threading.Event], None]:
    def wait(_: threading.Event) -> None:
        assert event.wait(SOON)

    return wait


def sets(event: threading.Event) -> Callable[[threading.Event], None]:
    return lambda _: event.set()


def test_the_next_unit_compiles_while_one_is_linked() -> None:
    line, compiles = Line(), threading.Event()
    line.linking["a"] = waits_for(compiles)
    line.compiling["b"] = sets(compiles)
    assert sorted(line.run("a", "b")) == ["a", "b"]


def test_no_unit_compiles_before_the_one_in_front_of_it_is_compiled() -> None:
    line = Line()
    assert line.run("a", "b", "c") == ["a", "b", "c"]
    order = [step for step in line.order if not step.startswith("fetch")]
    assert order.index("compile b") > order.index("compile a")
    for one, following in (("a", "b"), ("b", "c")):
        assert f"compile {following}" not in order[: order.index(f"compile {one}") + 1]


def test_sources_of_all_are_fetched_in_order_while_the_first_compiles() -> None:
    line, fetched = Line(), threading.Event()
    fetch = line.fetch

    def fetching(unit: str, stop: threading.Event) -> str:
        if unit == "c":
            fetched.set()
        return fetch(unit, stop)

    line.compiling["a"] = waits_for(fetched)
    run("abc", Stages(fetching, line.hold, line.build))
    assert [step for step in line.order if step.startswith("fetch")] == ["fetch a", "fetch b", "fetch c"]


def test_no_more_units_are_built_at_once_than_may_be() -> None:
    line, third = Line(), threading.Event()
    line.linking["a"] = lambda _: None
    line.compiling["c"] = sets(third)
    line.linking["b"] = waits_for(third)
    line.run("a", "b", "c", "d")
    assert line.most <= MOST
    assert line.held == set()


def test_what_is_built_already_is_passed_over() -> None:
    line = Line()
    line.already = {"a", "c"}
    assert line.run("a", "b", "c") == ["b"]
    assert "compile a" not in line.order
    assert line.held == set()


@pytest.mark.parametrize("stage", ["compiling", "linking"])
def test_a_failure_stops_the_build_next_to_it_and_is_what_is_raised(stage: str) -> None:
    line, compiles = Line(), threading.Event()
    stopped: list[str] = []

    def fails(_: threading.Event) -> None:
        raise LookupError("a")

    def goes_on(stop: threading.Event) -> None:
        compiles.set()
        assert stop.wait(SOON)
        stopped.append("b")
        raise RuntimeError("only because it was stopped")

    if stage == "linking":
        line.linking["a"] = lambda stop: (waits_for(compiles)(stop), fails(stop))[1]
        line.compiling["b"] = goes_on
    else:
        line.compiling["a"] = fails
        line.compiling["b"] = goes_on
    with pytest.raises(LookupError):
        line.run("a", "b", "c")
    assert stopped == (["b"] if stage == "linking" or "compile b" in line.order else [])
    assert "compile c" not in line.order
    assert line.held == set()


def test_an_interruption_of_who_waits_ends_the_builds_first() -> None:
    line, ended = Line(), threading.Event()

    def goes_on(stop: threading.Event) -> None:
        assert stop.wait(SOON)
        ended.set()

    line.linking["a"] = goes_on
    hold = line.hold

    @contextmanager
    def interrupted(unit: str) -> Iterator[bool]:
        if unit == "b":
            raise KeyboardInterrupt
        with hold(unit) as needed:
            yield needed
            assert unit != "a" or ended.is_set(), "a lock is let go after its build has ended"

    with pytest.raises(KeyboardInterrupt):
        run("ab", Stages(line.fetch, interrupted, line.build))
    assert ended.is_set()
