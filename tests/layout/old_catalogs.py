"""Catalogs as they once were, kept in `catalogs/VERSION.tar.xz`: what a layout of long ago began with.

One is made by `git archive --format=tar COMMIT apps clusters infrastructure | xz -9e`.
"""

from __future__ import annotations

import tarfile
from functools import cache
from pathlib import Path

from bootstrap.layout import catalog

FOLDER = Path(__file__).parent / "catalogs"
VERSIONS = ("0.0.1", "0.0.2")


@cache
def load(version: str) -> dict[str, bytes]:
    """Every file of that catalog, as `catalog.load` gives those of today."""
    with tarfile.open(FOLDER / f"{version}.tar.xz") as archive:
        return {
            item.name: file.read()
            for item in archive
            if item.isfile() and (file := archive.extractfile(item)) is not None
        }


@cache
def every() -> tuple[tuple[str, dict[str, bytes]], ...]:
    """(version, files) of each, oldest first, today's last."""
    return (*((version, load(version)) for version in VERSIONS), (catalog.VERSION, catalog.load()))
