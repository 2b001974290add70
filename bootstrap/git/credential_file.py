"""Credentials from files that the user names: bounded, text, and not writable by anyone else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation

LARGEST = 64 * 1024
"""The largest file of a token, key or certificate, in bytes."""


def read(path: Path, option: str, invocation: Invocation) -> str:
    """The file's text, registered as a secret.

    If other users may read it, there is a notice (Invocation.notices). Raises InputError if they may
    write to it, or if it cannot be read, is not text or is too large.
    """
    tried = f"reading {option}"
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(LARGEST + 1)
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputError(tried, f"{path} is not text", "give another file") from error
    except OSError as error:
        raise InputError(tried, f"{path} cannot be read: {error.strerror}", "give another file") from error
    if len(content) > LARGEST:
        raise InputError(tried, f"{path} is larger than {LARGEST} bytes", "give another file")
    _check_mode(path, found, option, invocation)
    invocation.keep_secret(text, text.strip())
    return text


def token(path: Path, option: str, invocation: Invocation) -> str:
    """The token in the file, without surrounding whitespace; InputError when there is none."""
    found = read(path, option, invocation).strip()
    if not found:
        raise InputError(f"reading {option}", f"{path} is empty", "write only the token into it")
    return found


def _check_mode(path: Path, found: os.stat_result, option: str, invocation: Invocation) -> None:
    if not stat.S_ISREG(found.st_mode):
        return  # a pipe or /dev/stdin: <(…) passes it without a file
    mode = stat.S_IMODE(found.st_mode)
    # GitLab's runners write variables of type "file" with mode 0666, in the job's own container.
    if mode & 0o022 and not invocation.environ.get("GITLAB_CI"):
        raise InputError(
            f"reading {option}",
            f"{path} has mode {mode:04o}: other users may write to it, so its content may be theirs",
            f"write it again, then: chmod 600 {path}",
        )
    if mode & 0o066:
        invocation.notices.append(
            f"{option}: {path} has mode {mode:04o}: other users of this machine may read it; chmod 600 {path}"
        )
