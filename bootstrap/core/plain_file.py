"""Reads a file that someone else may have put there: a plain one, up to a size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST = 64 << 20
"""Bytes."""


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
