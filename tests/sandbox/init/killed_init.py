"""Runs `bootstrap` and kills it, as SIGKILL does, right before its Nth step (or after the last).

python -m tests.sandbox.init.killed_init N init URL …
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from itertools import count
from typing import NoReturn

from bootstrap import main
from bootstrap.init import run as initialise
from bootstrap.plan.execute import Done, Handler, execute
from bootstrap.plan.steps import Plan, Step


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL does not return")


def kill_before(number: int) -> None:
    """Have `init` end before step `number` (from 0), or after its last when it has no more."""
    numbers = count()

    def run(plan: Plan, handlers: Mapping[type, Handler], report: Callable[[Step], None]) -> list[Done]:
        def report_and_die(step: Step) -> None:
            if next(numbers) == number:
                _die()
            report(step)

        execute(plan, handlers, report_and_die)
        _die()

    initialise.execute = run  # type: ignore[attr-defined]


if __name__ == "__main__":
    kill_before(int(sys.argv[1]))
    sys.exit(main.run(sys.argv[2:]))
