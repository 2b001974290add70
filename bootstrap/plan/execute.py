"""Runs a plan's steps in order and reports what each did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.plan.steps import Plan, Step

Handler = Callable[[Any], bool]
"""Carries out one step; returns whether anything changed."""


@dataclass(frozen=True)
class Done:
    """A step that was carried out."""

    step: Step
    changed: bool


def execute(plan: Plan, handlers: Mapping[type, Handler], report: Callable[[Step], None]) -> list[Done]:
    """Carry out every step in order; the first that fails ends the run with its error.

    Nothing is rolled back: every handler is idempotent, and the next run observes the actual state
    and plans what is left.
    """
    done: list[Done] = []
    for step in plan.steps:
        report(step)
        done.append(Done(step, handlers[type(step)](step)))
    return done
