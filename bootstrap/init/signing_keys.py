"""Whose signature Argo CD requires on a commit: public OpenPGP keys, read from files by gpg."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bootstrap.core import on_path, scratch
from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.edit import signatures
from bootstrap.git.identity import signature_format
from bootstrap.init.preflight import Finding

SINCE = (3, 5)
"""The first Argo CD whose AppProjects have `sourceIntegrity`; an older one silently drops the field."""
_ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_SECONDS = 20.0
_HINT = "export one public key: gpg --armor --export KEY > FILE"


def read(paths: Sequence[Path], invocation: Invocation) -> dict[str, str]:
    """ID → ASCII armor of each file's key. InputError: no gpg, no key, several, an expired one."""
    return dict(_one(path, invocation) for path in paths)


def findings(
    keys: Sequence[str], version: str, commits: bool, sign: bool, invocation: Invocation
) -> Iterator[Finding]:
    """What prevents a run that lays out such a condition, or that pushes where one applies."""
    if not keys:
        return
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < SINCE:
        yield Finding(
            f"Argo CD {version} cannot require signatures", "use v3.5.0 or newer, or omit --signed-by"
        )
    if commits:
        yield from _unsigned(keys, sign, invocation)


def unsigned_for_projects(
    files: Mapping[str, bytes], prefix: str, url: str, sign: bool, invocation: Invocation
) -> Iterator[Finding]:
    """What prevents a push where somebody has written the condition into AppProjects of the layout."""
    yield from _unsigned(signatures.in_files(files, prefix, url), sign, invocation)


def _unsigned(keys: Sequence[str], sign: bool, invocation: Invocation) -> Iterator[Finding]:
    if problem := signatures.problem(keys, sign, lambda: signature_format(invocation)):
        yield Finding(*problem)


def _one(path: Path, invocation: Invocation) -> tuple[str, str]:
    from bootstrap.programs import run

    tried, where = "reading --signed-by", str(path)
    try:
        armored = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(tried, "it is not an ASCII-armored key", _HINT, where) from error
    if armored.count("-----BEGIN") != 1 or _ARMOR not in armored:
        raise InputError(tried, "it is not one public key in ASCII armor", _HINT, where)
    gpg = on_path.find("gpg", invocation.environ)
    if gpg is None:
        raise InputError(tried, "gpg, which reads the key's ID, is not on PATH", "install gnupg")
    with scratch.folder("gpg") as folder:
        options = ("--homedir", str(folder), "--batch", "--no-tty", "--with-colons", "--show-keys")
        said = run.ask([gpg, *options, "--", str(path.absolute())], invocation.environ, _SECONDS) or ""
    keys = [line.split(":") for line in said.splitlines() if line.startswith("pub:")]
    if len(keys) != 1:
        raise InputError(tried, f"it has {len(keys) or 'no'} keys that gpg can read", _HINT, where)
    state, name = keys[0][1], keys[0][4].upper()
    if state in ("e", "r", "i", "d") or not re.fullmatch(r"[0-9A-F]{16}", name):
        words = {"e": "has expired", "r": "is revoked"}.get(state, "cannot be used")
        raise InputError(tried, f"the key {name} {words}", "give one that is valid", where)
    return name, armored
