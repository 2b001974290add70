"""Where Git's credential comes from: an option, a file, the environment.

Whatever is read is remembered as a secret, so that nothing prints it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git.auth import Credential

TOKEN = "GIT_TOKEN"  # noqa: S105 - a variable's name

LARGEST = 64 * 1024
"""Bytes that a token's, a key's or a certificate's file may have."""


class Options(Protocol):
    """The options of a command that say who asks the Git host."""

    @property
    def username(self) -> str: ...
    @property
    def token_file(self) -> Path | None: ...
    @property
    def ssh_key(self) -> Path | None: ...
    @property
    def known_hosts(self) -> Path | None: ...
    @property
    def ca_file(self) -> Path | None: ...


def read(options: Options, invocation: Invocation) -> Credential:
    """The credential that reads and pushes: the token of --token-file, else of GIT_TOKEN."""
    token = token_of_file(options.token_file, "--token-file", invocation)
    if token is None:
        token = (invocation.environ.get(TOKEN) or "").strip() or None
        invocation.keep_secret(token)
    return Credential(
        username=options.username,
        token=token,
        ssh_key=options.ssh_key,
        ca_file=options.ca_file,
        known_hosts=options.known_hosts,
    )


def token_of_file(path: Path | None, option: str, invocation: Invocation) -> str | None:
    """The token that is alone in the file; None without a file, InputError for an empty one."""
    if path is None:
        return None
    token = secret_text(path, option, invocation).strip()
    if not token:
        raise InputError(f"reading {option}", f"{path} is empty", "write the token alone into it")
    invocation.keep_secret(token)
    return token


def secret_text(path: Path, option: str, invocation: Invocation) -> str:
    """A file's text, remembered as a secret; InputError for what cannot be read, or is too large."""
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
