"""Programs of the user's own, by name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def find(name: str, environ: Mapping[str, str]) -> str | None:
    """The program on PATH as an absolute path, for it runs in another folder; None without one.

    A snap is none: it needs privileges that are given up here. Nor is what lies in the current folder,
    which PATH names by an empty or relative part: that is the repository's.
    """
    folders = [one for one in environ.get("PATH", "").split(os.pathsep) if Path(one).is_absolute()]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return None if found is None or Path(os.path.realpath(found)).name == "snap" else found
