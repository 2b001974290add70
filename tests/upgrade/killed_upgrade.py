"""Runs `bootstrap` and kills it, as SIGKILL does, right before its Nth change of a repository.

python -m tests.upgrade.killed_upgrade N upgrade …   (prints how many there were, if fewer)

What a run does in a private folder is no change. Of one on a remote's branch, only pushes are, and the steps
that are no push.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from bootstrap import main
from bootstrap.git import command, run
from bootstrap.upgrade import answer, state

CHANGES = frozenset(
    ("push", "merge", "read-tree", "update-index", "checkout", "update-ref", "commit", "reset", "commit-tree")
)


def kill_before(number: int, work: Path | None) -> Callable[[], int]:
    """Have the run end before change `number` (from 0); the function gives how many there were."""
    numbers = count()
    last = [0]

    def step() -> None:
        last[0] = next(numbers)
        if last[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(arguments: Sequence[str], directory: Path, *rest: Any, **named: Any) -> Any:
            words = {word for word in arguments[:4] if not word.startswith("-")} & CHANGES
            here = work is not None and directory.resolve().is_relative_to(work)
            if words and (here or "push" in words) and "--dry-run" not in arguments:
                step()
            return original(arguments, directory, *rest, **named)

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
    execute = answer.execute

    def execute_or_die(steps: Sequence[answer.Step], output: Any) -> None:
        execute([(title, _after(step, done) if not pushes(title) else done) for title, done in steps], output)

    def pushes(title: str) -> bool:
        return work is not None or title.startswith(("push ", "propose "))

    answer.execute = execute_or_die
    return lambda: last[0] + 1


def _after(first: Callable[[], None], then: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        first()
        then()

    return both


if __name__ == "__main__":
    given = dict(zip(sys.argv, sys.argv[1:], strict=False)).get("--path")
    steps = kill_before(int(sys.argv[1]), Path(given).resolve() if given else None)
    status = main.run(sys.argv[2:])
    sys.stdout.flush()
    sys.stderr.write(f"\nchanges: {steps()}\n")
    sys.exit(status)
