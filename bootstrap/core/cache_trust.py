"""What makes a cache trustworthy: nobody else may write to it, and the user's secret seals its content.

A cache reaches a machine in many ways: another user creates it first, a CI job restores it, a repository
has it committed. A checksum next to the file then proves nothing; a seal does, because its secret is kept
in the user's data folder and never in the cache.
"""

from __future__ import annotations

import grp
import hashlib
import hmac
import os
import pwd
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from bootstrap.core.invocation import Invocation

KEY_FILE = "BOOTSTRAP_CACHE_KEY"
BYTES = 32


def key_path(invocation: Invocation) -> Path:
    """Where the secret is kept: one per user, whatever BOOTSTRAP_DATA_DIR a run is given."""
    if chosen := invocation.environ.get(KEY_FILE):
        return Path(chosen)
    share = invocation.environ.get("XDG_DATA_HOME") or invocation.home / ".local" / "share"
    return Path(share) / "gitops-bootstrap" / "cache.key"


def key(invocation: Invocation) -> bytes | None:
    """The user's secret, created at its first use; None if it cannot be kept: then no cache is trusted.

    The reason is reported at the end of the run (Invocation.notices).
    """
    path = key_path(invocation)
    try:
        return _read(path) if path.exists() else _made(path)
    except OSError as error:
        why = error.strerror or str(error)
        invocation.notices.append(
            f"no cache is trusted, and everything is built again: {path}: {why} (its path: {KEY_FILE})"
        )
        return None


def seal(secret: bytes, text: bytes) -> str:
    """A keyed hash of the text, which only a holder of the secret can compute."""
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def is_sealed(secret: bytes | None, text: bytes, sealed: object) -> bool:
    return secret is not None and isinstance(sealed, str) and hmac.compare_digest(seal(secret, text), sealed)


def fault(path: Path, top: Path | None = None) -> str | None:
    """Who else could have written the file or folder, or a folder above it; None: nobody else.

    From `top` on (without it, the path alone) every part must be the user's or root's, and writable by nobody
    else. Above it, a folder that nobody else can enter protects what is below, and a sticky one is fine.
    """
    try:
        real, strict = path.resolve(), (top or path).resolve()
        closed = False
        for place in reversed((real, *real.parents)):
            entry, inside = place.lstat(), place.is_relative_to(strict)
            shown = "it" if place == real else str(place)
            if inside and entry.st_uid not in (0, os.geteuid()):
                return f"{shown} belongs to {_user(entry.st_uid)}"
            if _others_may_write(entry) and (inside or not (closed or entry.st_mode & stat.S_ISVTX)):
                return f"{shown} has mode {stat.S_IMODE(entry.st_mode):04o}: other users may write there"
            closed = closed or not entry.st_mode & 0o011
    except OSError as error:
        return error.strerror or str(error)
    return None


def make(folder: Path, invocation: Invocation) -> Path:
    """Create a folder of the cache for this user alone, whatever the umask. Raises OSError."""
    top = invocation.cache_dir
    for place in (top, *(one for one in reversed((folder, *folder.parents)) if top in one.parents)):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _others_may_write(entry: os.stat_result) -> bool:
    group = entry.st_mode & stat.S_IWGRP and not _is_own_group(entry.st_gid)
    return bool(entry.st_mode & stat.S_IWOTH or group)


def _is_own_group(gid: int) -> bool:
    """A group with the user's name and nobody else in it, as many systems create one per user."""
    with suppress(KeyError):
        user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(gid)
        return group.gr_name == user and not set(group.gr_mem) - {user}
    return False


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_mode & 0o077:
            raise PermissionError(0, "other users may read it: delete it")
        if why := fault(path):
            raise PermissionError(0, why)
        content = file.read(BYTES)
    if len(content) != BYTES:
        raise PermissionError(0, "it is damaged: delete it")
    return content


def _made(path: Path) -> bytes:
    """Another run may create it at the same time: the first one wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if why := fault(path.parent):
        raise PermissionError(0, f"its folder cannot be trusted: {why}")
    descriptor, name = tempfile.mkstemp(prefix=".cache.key-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(BYTES))
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
    return _read(path)
