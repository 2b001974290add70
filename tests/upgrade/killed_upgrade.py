"""Runs `bootstrap` and kills it, as SIGKILL does, right before its Nth change of a repository.

python -m tests.upgrade.killed_upgrade N upgrade …   (prints how many there were, if fewer)
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from bootstrap import main
from bootstrap.git import command, run
from bootstrap.upgrade import state

CHANGES = frozenset(
    ("push", "merge", "read-tree", "update-index", "checkout", "update-ref", "commit", "reset", "commit-tree")
)


def kill_before(number: int) -> Callable[[], int]:
    """Have the run end before change `number` (from 0); the function gives how many there were."""
    numbers = count()
    last = [0]

    def step() -> None:
        last[0] = next(numbers)
        if last[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(arguments: Sequence[str], *rest: Any, **named: Any) -> Any:
            if CHANGES & {word for word in arguments[:4] if not word.startswith("-")}:
                step()
            return original(arguments, *rest, **named)

        return call

    run.run = counted(run.run)
    command.run = counted(command.run)
    write, forget = state.write, state.forget

    def write_or_die(*arguments: Any) -> None:
        step()
        write(*arguments)

    def forget_or_die(*arguments: Any) -> None:
        step()
        forget(*arguments)

    state.write, state.forget = write_or_die, forget_or_die
    return lambda: last[0] + 1


if __name__ == "__main__":
    steps = kill_before(int(sys.argv[1]))
    status = main.run(sys.argv[2:])
    sys.stdout.flush()
    sys.stderr.write(f"\nchanges: {steps()}\n")
    sys.exit(status)
