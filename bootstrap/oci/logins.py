"""Credentials for registries, from Docker's and Podman's files; each is registered as a secret to redact."""

from __future__ import annotations

import base64
import binascii
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.core.errors import RegistryError
from bootstrap.core.invocation import Invocation

HUB_KEY = "https://index.docker.io/v1/"
_HELPER_SECONDS = 30
_TOKEN_USER = "<token>"  # noqa: S105 - what helpers call an identity token's user


@dataclass(frozen=True)
class Login:
    """A user and password, or (`identity`) a token to get others with."""

    username: str
    password: str = field(repr=False)
    identity: bool = False


def find(registry: str, path: str, invocation: Invocation) -> Login | None:
    """The login for an image's repository; None for anonymous access.

    The most specific entry wins (Podman's may name a namespace), then the registry's helper, then
    the general one. Raises RegistryError for a file that cannot be read or a helper that fails.
    """
    for file in _files(invocation):
        config = _config(file)
        for key in _keys(registry, path):
            helper = config.get("credHelpers", {}).get(key)
            login = _from_helper(helper, key, invocation) if helper else None
            login = login or _from_entry(config.get("auths", {}).get(key), file)
            if login is not None:
                invocation.keep_secret(login.password)
                return login
        store = config.get("credsStore")
        for key in _keys(registry, "") if store else ():
            login = _from_helper(store, key, invocation)
            if login is not None:
                invocation.keep_secret(login.password)
                return login
    return None


def named(invocation: Invocation) -> set[str]:
    """The hosts that have an entry of their own, with a login or without one."""
    found = set()
    for file in _files(invocation):
        config = _config(file)
        for entries in (config.get("auths"), config.get("credHelpers")):
            found |= {str(key) for key in (entries if isinstance(entries, dict) else ())}
    return {key.removeprefix("https://").partition("/")[0] for key in found}


def _files(invocation: Invocation) -> Iterator[Path]:
    environ = invocation.environ
    if named := environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    yield Path(environ.get("DOCKER_CONFIG") or invocation.home / ".docker") / "config.json"
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"
    yield Path(environ.get("XDG_CONFIG_HOME") or invocation.home / ".config") / "containers" / "auth.json"


def _config(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        hint = "fix the file, or log in again (docker login)"
        raise RegistryError("reading registry credentials", str(error), hint, str(file)) from error
    return found if isinstance(found, dict) else {}


def _keys(registry: str, path: str) -> Iterator[str]:
    """The names that an entry for this repository may have, the most specific first."""
    parts = path.split("/") if path else []
    for length in range(len(parts), 0, -1):
        yield "/".join([registry, *parts[:length]])
    yield from (registry, f"https://{registry}", f"https://{registry}/v1/", f"https://{registry}/v2/")
    if registry == "docker.io":
        yield from (HUB_KEY, "index.docker.io", "registry-1.docker.io")


def _from_entry(entry: Any, file: Path) -> Login | None:
    if not isinstance(entry, dict):
        return None
    if token := entry.get("identitytoken"):
        return Login(_TOKEN_USER, str(token), identity=True)
    if auth := entry.get("auth"):
        try:
            username, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, TypeError) as error:
            hint = "log in again (docker login)"
            raise RegistryError(
                "reading registry credentials", "an entry is damaged", hint, str(file)
            ) from error
        return Login(username, password.rstrip("\0")) if colon else None
    if entry.get("username") and entry.get("password"):
        return Login(str(entry["username"]), str(entry["password"]))
    return None


def _from_helper(name: Any, key: str, invocation: Invocation) -> Login | None:
    """Ask `docker-credential-NAME get`; None when it does not know the registry."""
    tried = f"asking docker-credential-{name} for {key}"
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise RegistryError(tried, "that is not a valid helper name", "fix credHelpers or credsStore")
    from bootstrap.core import on_path

    # Never from the current folder, which may be anyone's repository.
    program = on_path.find(f"docker-credential-{name}", invocation.environ)
    try:
        if program is None:
            raise FileNotFoundError
        answer = subprocess.run(
            [program, "get"],
            input=key.encode(),
            capture_output=True,
            env=dict(invocation.environ),
            timeout=_HELPER_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        hint = "install the helper, or remove it from Docker's config.json"
        raise RegistryError(tried, "no such program on PATH", hint) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RegistryError(
            tried, f"it failed: {type(error).__name__}", "run it by hand to see why"
        ) from error
    if answer.returncode:
        output = (answer.stdout + answer.stderr).decode("utf-8", "replace").strip()
        if "credentials not found" in output:
            return None
        raise RegistryError(tried, f"it failed: {output[:200]}", "log in again, or run it by hand to see why")
    try:
        found = json.loads(answer.stdout)
        username, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryError(tried, "its answer is not a credential", "run it by hand to see why") from error
    if not secret:
        return None
    return Login(username, secret, identity=username == _TOKEN_USER)
