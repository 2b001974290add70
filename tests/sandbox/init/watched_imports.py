"""Runs `bootstrap` and writes down, for every import statement, the thread and what it asked for.

python -m tests.sandbox.init.watched_imports FILE init URL …
"""

from __future__ import annotations

import builtins
import json
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from bootstrap import main

_IMPORT = builtins.__import__


def watch() -> list[tuple[str, str]]:
    """From now on, (thread, module) of every import statement, nested ones too."""
    seen: list[tuple[str, str]] = []

    def importing(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        asked = name
        if level and globals:
            package = str(globals.get("__package__") or "").split(".")
            asked = ".".join([*package[: len(package) - level + 1], *filter(None, [name])])
        seen.append((threading.current_thread().name, asked))
        return _IMPORT(name, globals, locals, fromlist, level)

    builtins.__import__ = importing
    return seen


if __name__ == "__main__":
    asked = watch()
    status = main.run(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(asked), encoding="utf-8")
    sys.exit(status)
