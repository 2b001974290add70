"""Runs `bootstrap` and kills it, as SIGKILL does, at a step of a command.

python -m tests.sandbox.killed bootstrap.uninstall.run FILE uninstall …   (several modules: with commas)

Repeated until it is not killed any more, it has been ended after every step that changes something, in one
world: FILE has those. A number N in its place: right before step N (from 0), or after the last.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from bootstrap import main
from bootstrap.plan.execute import Done, Handler, Planned, execute

Execute = Callable[[Planned, Mapping[type, Handler], Callable[[Any], None]], list[Done]]


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL does not return")


def before(number: int) -> Execute:
    """Ends before step `number`, or after the last."""
    numbers = count()

    def run(plan: Planned, handlers: Mapping[type, Handler], report: Callable[[Any], None]) -> list[Done]:
        def report_and_die(step: Any) -> None:
            if next(numbers) == number:
                _die()
            report(step)

        execute(plan, handlers, report_and_die)
        _die()

    return run


def after_each(record: Path) -> Execute:
    """Ends after the first step that changes something and is not in the file yet; writes it down there."""
    known = record.read_text().splitlines() if record.exists() else []

    def run(plan: Planned, handlers: Mapping[type, Handler], report: Callable[[Any], None]) -> list[Done]:
        def once(handler: Handler) -> Handler:
            def call(step: Any) -> bool:
                changed = handler(step)
                if changed and repr(step) not in known:
                    record.write_text("".join(f"{one}\n" for one in [*known, repr(step)]))
                    _die()
                return changed

            return call

        return execute(plan, {kind: once(one) for kind, one in handlers.items()}, report)

    return run


if __name__ == "__main__":
    ending = before(int(sys.argv[2])) if sys.argv[2].isdigit() else after_each(Path(sys.argv[2]))
    for name in sys.argv[1].split(","):
        import_module(name).execute = ending  # type: ignore[attr-defined]
    sys.exit(main.run(sys.argv[3:]))
