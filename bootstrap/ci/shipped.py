"""The shipped CI files, by provider and name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.yamledit import edit

FOLDER = Path(__file__).parent / "files"


def text(provider: str, name: str) -> bytes:
    """One file as it is."""
    return (FOLDER / provider / name).read_bytes()


def edited(provider: str, name: str, edits: Mapping[tuple[Any, ...], str]) -> bytes:
    """One file with scalars of its first document set, by path; everything else stays."""
    located = {(0, *path): value for path, value in edits.items()}
    return edit.replace_scalars(text(provider, name), located, f"{provider}/{name}")
