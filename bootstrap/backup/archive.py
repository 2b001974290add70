"""What a backup is made of: a JSON document, encrypted with age, and an index of its names next to it.

The file has age's own format, so that any of its tools can decrypt it. The index names the objects and has
none of their values: from it, the next backup knows what the last one had, without the key to decrypt it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.argocd.root import Place
from bootstrap.core import scratch
from bootstrap.core.errors import InputError, OutputError, RefusedError
from bootstrap.core.invocation import Invocation
from bootstrap.git import credential_file

FORMAT = 1
SUFFIX, INDEX = ".age", ".index.json"
WRONG_KEY = ("No matching keys found", "Decryption failed")
"""What the library says of a key, and of a passphrase, that is not the file's; all else is the file."""
PASSPHRASE = "BOOTSTRAP_BACKUP_PASSPHRASE"  # noqa: S105 - a variable's name

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Keys:
    """What a backup is encrypted or decrypted with: keys of age or SSH, or a passphrase."""

    recipients: tuple[str, ...] = ()
    recipients_file: Path | None = None
    identity_file: Path | None = None
    passphrase_file: Path | None = None


@dataclass(frozen=True)
class Backup:
    """`cluster` is the context's name, `created` an RFC 3339 time.

    `place` is what the cluster follows; older backups have only its repository.
    """

    cluster: str
    place: Place
    created: str
    objects: tuple[Object, ...]

    @property
    def repository(self) -> str:
        return self.place.repo_url

    def names(self) -> list[str]:
        return sorted(name_of(item) for item in self.objects)


def name_of(item: Object) -> str:
    """How an object is named in lists: "Kind namespace/name", or "Kind name" without a namespace."""
    metadata = item["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{item['kind']} {place}{metadata['name']}"


def sealed(backup: Backup, keys: Keys, invocation: Invocation) -> bytes:
    """The document, encrypted; InputError for an invalid key, for none, and for a key and a passphrase."""
    import pyrage

    text = json.dumps({"format": FORMAT, **_fields(backup)}, sort_keys=True).encode()
    recipients = [_recipient(one) for one in _recipients(keys, invocation)]
    passphrase = _passphrase(keys, invocation)
    if bool(recipients) == bool(passphrase):
        hint = f"give --recipient or --recipients-file, or else --passphrase-file or {PASSPHRASE}"
        raise InputError("encrypting the backup", "no key is given, or a key and a passphrase", hint)
    closed: bytes = (
        pyrage.encrypt(text, recipients) if recipients else pyrage.passphrase.encrypt(text, passphrase)
    )
    return closed


def opened(content: bytes, keys: Keys, invocation: Invocation, where: str) -> Backup:
    """The document; InputError when the key does not decrypt it, or it is not a backup."""
    import pyrage

    tried = f"opening {where}"
    try:
        if keys.identity_file:
            text = pyrage.decrypt(content, _identities(keys.identity_file, invocation))
        elif passphrase := _passphrase(keys, invocation):
            text = pyrage.passphrase.decrypt(content, passphrase)
        else:
            hint = f"give --identity-file, or --passphrase-file or {PASSPHRASE}"
            raise InputError(tried, "no key is given", hint, where)
    except (pyrage.DecryptError, pyrage.IdentityError) as error:
        hint = "give the key that it was encrypted for"
        if str(error) not in WRONG_KEY:
            hint = "the file is damaged or cut off: restore it, or use another backup"
        raise InputError(tried, str(error), hint, where) from error
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise ValueError(f"its format is {data['format']}, and this program reads {FORMAT}")
        objects = tuple(data["objects"])
        place = Place(data["repository"], str(data.get("branch", "")), str(data.get("folder", "")))
        return Backup(data["cluster"], place, data["created"], objects)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            tried, f"it is not a backup: {error}", "give a file that bootstrap backup wrote", where
        ) from error


def path_of(folder: Path, backup: Backup) -> Path:
    """The file of that backup, whether it exists or not."""
    stamp = backup.created.replace("-", "").replace(":", "")
    return folder / f"{_safe(backup.cluster)}-{stamp}{SUFFIX}"


def write(folder: Path, backup: Backup, content: bytes) -> Path:
    """Write a new file, completely or not at all, which only its owner can read.

    Returns its path; RefusedError when it exists.
    """
    path = path_of(folder, backup)
    names = {"cluster": backup.cluster, "created": backup.created, "objects": backup.names()}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with scratch.folder("backup", str(folder)) as part:
            index = _finished(part / "index", json.dumps(names, indent=2).encode() + b"\n")
            closed = _finished(part / "closed", content)
            if path.exists():
                raise FileExistsError
            # The backup comes last, by a link: never partial, never over another, never without its index.
            index.replace(path.with_name(path.name + INDEX))
            os.link(closed, path)
    except FileExistsError as error:
        raise RefusedError("writing the backup", "it exists already", "run again", str(path)) from error
    except OSError as error:
        raise OutputError("writing the backup", str(error), "give another folder with --to") from error
    return path


def previous(folder: Path, cluster: str) -> list[str]:
    """The names in the newest backup of that cluster, [] without one; InputError for an unreadable index.

    An index without its backup counts: the backup was moved away, or its run was killed before it was there.
    """
    found: list[tuple[str, list[str]]] = []
    for path in folder.glob(f"*{SUFFIX}{INDEX}"):
        of, created, names = _read_index(path)
        if of == cluster:
            found.append((created, names))
    return max(found)[1] if found else []


def names_in(path: Path) -> list[str]:
    """The names of the objects in the backup of that file; InputError for an unreadable index."""
    return _read_index(path.with_name(path.name + INDEX))[2]


def _read_index(path: Path) -> tuple[str, str, list[str]]:
    """The cluster, the time and the objects' names."""
    try:
        data = json.loads(path.read_text())
        return str(data["cluster"]), str(data["created"]), [str(one) for one in data["objects"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "move it out of the folder, if it is not a backup's index"
        raise InputError("reading the last backup's index", str(error), hint, str(path)) from error


def _fields(backup: Backup) -> dict[str, Any]:
    return {
        "cluster": backup.cluster,
        "repository": backup.repository,
        "branch": backup.place.branch,
        "folder": backup.place.folder,
        "created": backup.created,
        "objects": list(backup.objects),
    }


def _finished(path: Path, content: bytes) -> Path:
    """Write a new file, which only its owner can read, to the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return path


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)


def _recipients(keys: Keys, invocation: Invocation) -> Sequence[str]:
    lines = list(keys.recipients)
    if keys.recipients_file:
        try:
            lines += keys.recipients_file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            hint = "give a text file with one recipient a line"
            where = str(keys.recipients_file)
            raise InputError("reading the recipients", str(error), hint, where) from error
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def _recipient(text: str) -> Any:
    import pyrage

    try:
        kind = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
        return kind.from_str(text)
    except pyrage.RecipientError as error:
        hint = "give one as age-keygen -y prints it (age1…), or an SSH public key (ssh-ed25519 …)"
        raise InputError("reading a recipient", f"{text!r}: {error}", hint) from error


def _identities(path: Path, invocation: Invocation) -> list[Any]:
    import pyrage

    text = credential_file.read(path, "--identity-file", invocation)
    try:
        if "PRIVATE KEY" in text:
            return [pyrage.ssh.Identity.from_buffer(text.encode())]
        lines = [line.strip() for line in text.splitlines()]
        return [pyrage.x25519.Identity.from_str(one) for one in lines if one and not one.startswith("#")]
    except pyrage.IdentityError as error:
        hint = "give a file that age-keygen wrote, or an SSH private key without a passphrase"
        raise InputError("reading --identity-file", str(error), hint, str(path)) from error


def _passphrase(keys: Keys, invocation: Invocation) -> str:
    if keys.passphrase_file:
        return credential_file.token(keys.passphrase_file, "--passphrase-file", invocation)
    value = (invocation.environ.get(PASSPHRASE) or "").strip()
    invocation.keep_secret(value)
    return value
