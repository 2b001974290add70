"""The user's own programs, by name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def absolute(path: str) -> str:
    """A PATH without its relative and empty parts, which mean the current folder.

    If none is left, the result is /dev/null: an empty PATH would mean the current folder again.
    """
    folders = [one for one in path.split(os.pathsep) if Path(one).is_absolute()]
    return os.pathsep.join(folders) or os.devnull


def find(name: str, environ: Mapping[str, str]) -> str | None:
    """The program on PATH as an absolute path, because it runs in another folder; None if there is none.

    A snap does not count: it needs privileges that are dropped here. Nor does a program in the current
    folder, which an empty or relative part of PATH means: that would be the repository's.
    """
    found = shutil.which(name, path=absolute(environ.get("PATH", "")))
    return None if found is None or Path(os.path.realpath(found)).name == "snap" else found
