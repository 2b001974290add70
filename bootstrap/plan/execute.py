"""Runs a plan's steps in order and reports what each did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Handler = Callable[[Any], bool]
"""Carries out one step; returns whether anything changed."""


class Planned(Protocol):
    """A plan of any command: steps, each of a type that has a handler."""

    @property
    def steps(self) -> Sequence[Any]: ...


@dataclass(frozen=True)
class Done:
    """A step that was carried out."""

    step: Any
    changed: bool


def execute(plan: Planned, handlers: Mapping[type, Handler], report: Callable[[Any], None]) -> list[Done]:
    """Carry out every step in order; the first that fails ends the run with its error.

    Nothing is rolled back: every handler is idempotent, and the next run observes the actual state
    and plans what is left.
    """
    done: list[Done] = []
    for step in plan.steps:
        report(step)
        done.append(Done(step, handlers[type(step)](step)))
    return done
