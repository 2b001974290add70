"""The files of a repository, wherever they are: a work tree or a branch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Files(Protocol):
    """The files of a repository, read on demand; paths are relative to its root."""

    def read(self, path: str) -> bytes | None:
        """The content, or None when there is no such file (or it is a symbolic link)."""

    def under(self, folder: str) -> Iterable[str]:
        """Every file in a folder and its subfolders, in order."""
