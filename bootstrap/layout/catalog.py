"""The shipped catalog: `apps/`, `clusters/` and `infrastructure/`, by path."""

from __future__ import annotations

from pathlib import Path

from bootstrap import __version__
from bootstrap.core.names import EXAMPLE_REPOSITORY

VERSION = __version__
"""The catalog's version: the catalog is released with the program."""

FOLDERS = ("apps", "clusters", "infrastructure")

EXAMPLE_DOMAIN = "example.com"
EXAMPLE_STORAGE_CLASS = "standard"
"""The catalog's placeholders for users' own values."""

__all__ = ["EXAMPLE_REPOSITORY"]

_SHIPPED = Path(__file__).parents[1] / "_catalog"
_ROOT = _SHIPPED if _SHIPPED.is_dir() else Path(__file__).parents[2]  # a wheel, or a checkout


def load() -> dict[str, bytes]:
    """Every file of the catalog, path (with `/`) → content."""
    return {
        path.relative_to(_ROOT).as_posix(): path.read_bytes()
        for folder in FOLDERS
        for path in sorted((_ROOT / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
