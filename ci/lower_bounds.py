"""Prints setup.cfg's lower bounds as constraints, one `name==version` per line, for `pip install -c`.

python ci/lower_bounds.py > lower.txt
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

_BOUND = re.compile(r"^\s*(?P<name>[A-Za-z0-9._-]+)\s*>=\s*(?P<version>[\w.]+)")


def bounds(setup: Path) -> Iterator[tuple[str, str]]:
    """(name, lowest version) of everything that is installed, including the extras."""
    config = configparser.ConfigParser()
    config.read(setup, encoding="utf-8")
    listed = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    for line in "\n".join(listed).splitlines():
        if match := _BOUND.match(line):
            yield match["name"], match["version"]


if __name__ == "__main__":
    for name, version in sorted(set(bounds(Path(__file__).parents[1] / "setup.cfg"))):
        print(f"{name}=={version}")
