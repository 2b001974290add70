"""Reads a file that someone else may have put there: a plain one, up to a size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST = 64 << 20
"""Bytes."""
LONGEST = 3500
"""Bytes of a path that something is still added to: Linux has none with more than 4096."""


def content(path: Path, most: int = MOST) -> bytes:
    """A file's content. OSError for one of more bytes, a FIFO, a device: none is waited for."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file", str(path))
        found = stream.read(most + 1)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"it has more than {most >> 20} MB", str(path))
    return found


def text(path: Path, errors: str = "replace") -> str:
    """Its text; "" where `content` raises OSError. `errors` is for bytes that are not UTF-8."""
    try:
        return content(path).decode("utf-8", errors)
    except OSError:
        return ""


def git_folder(root: Path) -> Path:
    """Where git keeps the data of the work tree at `root`: `.git`, or the folder that a `.git` file names."""
    git = root / ".git"
    named = text(git, "surrogateescape") if git.is_file() else ""
    return named_by(named.removeprefix("gitdir:"), root) or git


def named_by(content: str, folder: Path) -> Path | None:
    """The path, from `folder`, that a file of git has as its content; None for what no path can be."""
    name = content.strip()
    return folder / name if name and "\0" not in name and len(os.fsencode(name)) < LONGEST else None
