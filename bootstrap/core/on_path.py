"""The user's own programs, by name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def find(name: str, environ: Mapping[str, str]) -> str | None:
    """The program on PATH as an absolute path, because it runs in another folder; None if there is none.

    A snap does not count: it needs privileges that are dropped here. Nor does one in the current folder,
    which an empty or relative part of PATH means: that one is the repository's.
    """
    folders = [one for one in environ.get("PATH", "").split(os.pathsep) if Path(one).is_absolute()]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return None if found is None or Path(os.path.realpath(found)).name == "snap" else found
