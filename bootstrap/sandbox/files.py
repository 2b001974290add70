"""Files and folders of a sandbox: readable only by their owner, replaced atomically."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from bootstrap.core import next_run
from bootstrap.core.errors import SandboxError


def private_folder(path: Path) -> Path:
    """Create the folder (and its parents) with mode 0700; SandboxError when that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise SandboxError(
            "creating the sandbox's folder",
            error.strerror or str(error),
            "choose another with BOOTSTRAP_DATA_DIR",
            str(path),
        ) from error
    return path


def write_private(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    """Write a file so that a reader sees the old or the new content, and no other user can read it."""
    data = content.encode() if isinstance(content, str) else content
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise SandboxError(
            "writing the sandbox's state",
            error.strerror or str(error),
            "free some space, then run again",
            str(path),
        ) from error
    return path


def remove(folder: Path) -> None:
    """Delete a folder with its contents; SandboxError, naming the path, when something cannot be deleted.

    Argo CD keeps the folder of its checkouts unreadable, even for its owner: permissions are restored first.
    """
    try:
        for place, folders, _ in os.walk(folder):
            for name in folders:
                inner = Path(place, name)
                if not inner.is_symlink():
                    inner.chmod(0o700)
        shutil.rmtree(folder)
    except OSError as error:
        raise SandboxError(
            "deleting the sandbox's data",
            error.strerror or str(error),
            "grant yourself the permissions, or delete the folder by hand",
            str(error.filename or folder),
        ) from error


def write_if_changed(path: Path, content: str | bytes, mode: int = 0o600) -> bool:
    """Write the file unless it has that content; returns whether it changed."""
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        return False
    write_private(path, data, mode)
    return True


def read_json(path: Path) -> Any:
    """The file's content; None when there is no such file; SandboxError when it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SandboxError(
            "reading the sandbox's state",
            str(error),
            f"{next_run.command('sandbox down', '--purge')}; then up again",
            str(path),
        ) from error


def discard_damaged(folder: Path) -> None:
    """Delete records that cannot be read; a sandbox's processes are also known by their environment."""
    for path in (folder / "sandbox.json", *(folder / "processes").glob("*.json")):
        try:
            read_json(path)
        except SandboxError:
            path.unlink()
