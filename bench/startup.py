"""How long `bootstrap --version` and `--help` take, compared with importing click alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from bench.figures import Figure, in_turns, ratio, spread
from bench.programs import timed

GOAL = 1.6
TITLE = "Start-up, against python -c 'import click'"
BASE = "import click"
RUNS = 15
"""Runs in each round: one takes a twentieth of a second."""


def run(rounds: int) -> Iterator[Figure]:
    commands = {
        BASE: ["-c", "import click"],
        "bootstrap --version": ["-m", "bootstrap", "--version"],
        "bootstrap --help": ["-m", "bootstrap", "--help"],
    }

    def measure(arguments: list[str]) -> Callable[[], float]:
        return lambda: timed([sys.executable, *arguments]).seconds

    found = in_turns(rounds * RUNS, {name: measure(arguments) for name, arguments in commands.items()})
    for name in list(commands)[1:]:
        note = f"{spread(found[name])}; click {spread(found[BASE])}"
        yield Figure(f"{name} / import click", ratio(found[name], found[BASE]), "", GOAL, note)
