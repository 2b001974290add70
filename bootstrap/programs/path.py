"""Programs that the machine already has: found on PATH, asked for their version."""

from __future__ import annotations

import re
from pathlib import Path

from bootstrap.core import on_path
from bootstrap.core.invocation import Invocation
from bootstrap.programs import run
from bootstrap.programs.pinned import Pinned

SECONDS = 20
"""Seconds to answer, more than any needs on a busy machine; a program that does not answer is not used."""

_VERSION = re.compile(r"\bv?=?(\d+)\.(\d+)(?:\.(\d+))?(-[0-9A-Za-z.]+)?")


def find(pinned: Pinned, invocation: Invocation) -> tuple[Path, str] | None:
    """The program on PATH and its version, when the version fits (pinned.Fit); prereleases never do.

    A program of our own cache that is on PATH is left to the cache, which verifies it.
    """
    found = on_path.find(pinned.on_path or pinned.name, invocation.environ)
    if found is None:
        return None
    path = Path(found).absolute()
    if path.resolve().is_relative_to((invocation.cache_dir / "programs").resolve()):
        return None
    output, version = told(str(path), pinned, invocation)
    if version is None or version[4] or not all(word in output for word in pinned.says):
        return None
    number = (int(version[1]), int(version[2]), int(version[3] or 0))
    if not fits(pinned, number):
        return None
    return path, "v" + ".".join(str(part) for part in number)


def told(program: str, pinned: Pinned, invocation: Invocation) -> tuple[str, re.Match[str] | None]:
    """What the program at a path says about itself, and the version in it."""
    output = run.ask([program, *pinned.asks], invocation.environ, SECONDS) or ""
    return output, _VERSION.search(output)


def fits(pinned: Pinned, number: tuple[int, int, int]) -> bool:
    """Whether a version may stand in for the pinned one; see pinned.Fit."""
    wanted = tuple(int(part) for part in pinned.number.split("."))
    if pinned.fit == "exact":
        return number == wanted
    if pinned.fit == "patch":
        return number[:2] == wanted[:2]
    if pinned.fit == "minor":
        return number[0] == wanted[0] and number[1:] >= wanted[1:]
    return True
