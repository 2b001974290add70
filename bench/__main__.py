"""`python -m bench [--rounds N] [NAME …]`: every figure that has a goal, in one run on one machine."""

from __future__ import annotations

import argparse
import os
import platform
import sys

from bench import (
    cluster_phase,
    image_bump,
    image_race,
    init_phases,
    live,
    local_loop,
    preview,
    startup,
    validate,
)

BENCHES = {
    "startup": startup,
    "cluster": cluster_phase,
    "init": init_phases,
    "image": image_bump,
    "race": image_race,
    "validate": validate,
    "diff": preview,
    "live": live,
    "local": local_loop,
}


def main() -> int:
    """Returns 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)} (default: all)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how many rounds (default: 5; figures are medians)"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHES):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    load = os.getloadavg()[0]
    print(
        f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}"
    )
    met = True
    for name in arguments.names or BENCHES:
        print(f"\n{BENCHES[name].TITLE}")
        for figure in BENCHES[name].run(arguments.rounds):
            print(figure.line(), flush=True)
            met = met and (figure.goal is None or figure.value <= figure.goal)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
