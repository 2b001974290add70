"""Where Git's credential comes from: an option, a file, the environment."""

from __future__ import annotations

from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git import variables
from bootstrap.git.remote import Credential
from bootstrap.init.request import Request

TOKEN = "GIT_TOKEN"  # noqa: S105 - a variable's name

LARGEST = 64 * 1024
"""Bytes that a token's, a key's or a certificate's file may have."""


def for_git(request: Request, invocation: Invocation) -> Credential:
    """The credential that reads and pushes."""
    named = variables.named(request.username, request.token_file, request.known_hosts, invocation.environ)
    token = _token(named.token_file, named.source, invocation)
    if token is None:
        token = (invocation.environ.get(TOKEN) or "").strip() or None
        invocation.keep_secret(token)
    return Credential(
        username=named.username,
        token=token,
        ssh_key=request.ssh_key,
        ca_file=request.ca_file,
        known_hosts=named.known_hosts,
    )


def _token(path: Path | None, option: str, invocation: Invocation) -> str | None:
    if path is None:
        return None
    token = _read(path, option, invocation).strip()
    if not token:
        raise InputError(f"reading {option}", f"{path} is empty", "write the token alone into it")
    invocation.keep_secret(token)
    return token


def _read(path: Path, option: str, invocation: Invocation) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"reading {option}", f"{path} is not text", "give another file") from error
    except OSError as error:
        raise InputError(
            f"reading {option}", f"{path}: {error.strerror}", "give a file that can be read"
        ) from error
    if len(content) > LARGEST:
        raise InputError(f"reading {option}", f"{path} is larger than {LARGEST} bytes", "give another file")
    invocation.keep_secret(text, text.strip())
    return text
