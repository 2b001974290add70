"""Runs `bootstrap` and kills it, as SIGKILL does, right before the Nth step of a command (or after the last).

python -m tests.sandbox.killed bootstrap.uninstall.run N uninstall …
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import count
from typing import Any, NoReturn

from bootstrap import main
from bootstrap.plan.execute import Done, Handler, Planned, execute


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL does not return")


def kill_before(module: str, number: int) -> None:
    """Have the command of the module end before step `number` (from 0), or after its last."""
    numbers = count()

    def run(plan: Planned, handlers: Mapping[type, Handler], report: Callable[[Any], None]) -> list[Done]:
        def report_and_die(step: Any) -> None:
            if next(numbers) == number:
                _die()
            report(step)

        execute(plan, handlers, report_and_die)
        _die()

    import_module(module).execute = run  # type: ignore[attr-defined]


if __name__ == "__main__":
    kill_before(sys.argv[1], int(sys.argv[2]))
    sys.exit(main.run(sys.argv[3:]))
