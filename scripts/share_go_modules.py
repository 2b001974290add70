"""Gives kwok and metrics-server Kubernetes' versions of the libraries that they share with it.

    python scripts/share_go_modules.py

Go compiles a library once for each of its versions: with the same ones, hundreds of packages of a sandbox are
compiled once instead of three times. Run it after a new pin of one of the three (`go` must be on PATH).

A build free of paths (-trimpath) tells versions by what is required, not by what replaces it: so all three
require the newest of their versions, and all three replace it by Kubernetes' own.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

MODULES = Path(__file__).parents[1] / "bootstrap" / "programs" / "modules"
KUBERNETES, SHARING = "kubernetes", ("kwok", "metrics-server")
_REQUIRED = re.compile(r"(?m)^\s*(?:require )?([\w./~-]+) (v\S+)(?: // indirect)?$")
_REPLACED = re.compile(r"(?m)^\s*(?:replace )?([\w./~-]+) => [\w./~-]+ (v\S+)$")


def main() -> None:
    names = (KUBERNETES, *SHARING)
    wanted = versions(text_of(KUBERNETES))
    every = {name: required(text_of(name)) for name in names}
    shared = {path for name in SHARING for path in every[name].keys() & wanted.keys()}
    newest = {
        path: max((each[path] for each in every.values() if path in each), key=_order) for path in shared
    }
    for name in names:
        for path in sorted(shared & every[name].keys()):
            edits = [f"-require={path}@{newest[path]}"]
            if newest[path] != wanted[path]:
                edits.append(f"-replace={path}={path}@{wanted[path]}")
            subprocess.run(("go", "mod", "edit", *edits), cwd=MODULES / name, check=True)
        subprocess.run(("go", "mod", "tidy"), cwd=MODULES / name, check=True)


def _order(version: str) -> list[tuple[int, str]]:
    """By numbers, as far as there are any; a final version is newer than one before it."""
    plain, _, rest = version.lstrip("v").partition("-")
    numbers = [(int(part), "") for part in plain.partition("+")[0].split(".")]
    return [*numbers, (0 if rest else 1, rest)]


def text_of(name: str) -> str:
    """A shipped module's go.mod."""
    return (MODULES / name / "go.mod").read_text(encoding="utf-8")


def required(text: str) -> dict[str, str]:
    """The version of each library that a go.mod requires."""
    return dict(_REQUIRED.findall(text))


def versions(text: str) -> dict[str, str]:
    """The version of each library that a go.mod names, as it is built."""
    return {**required(text), **dict(_REPLACED.findall(text))}


if __name__ == "__main__":
    main()
