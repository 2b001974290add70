"""What git does without a remote: the author of commits, merging a text, its version."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core import scratch
from bootstrap.core.errors import GitError, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, command, errors


@dataclass(frozen=True)
class Identity:
    """The author or committer of a commit."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


def identity(invocation: Invocation, override: str | None = None) -> Identity:
    """The author of commits: `override` ("NAME <EMAIL>"), GIT_AUTHOR_*, or git's configuration.

    Raises InputError, with what to type, when there is none or it is malformed.
    """
    tried = "finding the author of the commits"
    if override is not None:
        found = re.fullmatch(r"\s*([^<>\x00-\x1f]+?)\s*<([^<>\s@]+@[^<>\s@]+)>\s*", override)
        if not found or not found[1].strip(" .,:;\"'\\"):
            raise InputError(tried, f"{override!r} is not a name and an address", 'give "NAME <EMAIL>"')
        return Identity(check_text(found[1], tried, "the name"), check_text(found[2], tried, "the address"))
    values = {}
    for key in ("name", "email"):
        value = invocation.environ.get(f"GIT_AUTHOR_{key.upper()}") or _config(invocation, f"user.{key}")
        if not value.strip(" .,:;<>\"'\\") or re.search(r"[<>\x00-\x1f]", value):
            found_here = f"{value!r} is not a valid {key}" if value else f"no {key} is configured"
            hint = 'give --author "NAME <EMAIL>", or: git config --global user.' + f"{key} …"
            raise InputError(tried, found_here, hint)
        values[key] = check_text(value.strip(), tried, f"the {key}")
    return Identity(**values)


def signature_format(invocation: Invocation) -> str:
    """How git signs: openpgp, x509 or ssh."""
    return _config(invocation, "gpg.format").strip() or "openpgp"


def check_text(text: str, tried: str, what: str) -> str:
    """The text; InputError if it has bytes that are not UTF-8, which no commit can contain."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        found = f"{what} has bytes that are not UTF-8: {text.encode('utf-8', 'surrogateescape')!r}"
        raise InputError(tried, found, "give it in UTF-8") from error
    return text


def merge_text(
    base: bytes, ours: bytes, theirs: bytes, labels: tuple[str, str, str] = ("base", "ours", "theirs")
) -> tuple[bytes, bool]:
    """Merge a text by lines (`git merge-file --diff3`): the result, and whether it has no conflict.

    Conflicts are in the result between markers that carry `labels`. For content that git does not
    recognize as text, the result is ours, and counts as a conflict.
    """
    environ = auth.plain_environment(os.environ)
    with scratch.folder("merge") as folder:
        for label, content in (("ours", ours), ("base", base), ("theirs", theirs)):
            (folder / label).write_bytes(content)
        options = [part for label in (labels[1], labels[0], labels[2]) for part in ("-L", label)]
        arguments = ("merge-file", "-p", "--diff3", *options, "ours", "base", "theirs")
        answer = command.run(arguments, folder, environ)
    if answer.status < 0 or answer.status > 127:
        if "binary" in answer.err:
            return ours, False
        raise errors.classify(answer.err, "merging a file", "")
    return answer.out, answer.status == 0


def _config(invocation: Invocation, key: str) -> str:
    environ = auth.plain_environment(invocation.environ)
    return command.run(("config", "--get", key), Path.cwd(), environ).text


def check_version(environ: Mapping[str, str], folder: Path) -> None:
    """Raise GitError for a git that is too old."""
    answer = command.run(("--version",), folder, auth.plain_environment(environ))
    numbers = re.search(r"(\d+)\.(\d+)", answer.text)
    found = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    if found < command.OLDEST:
        needed = ".".join(map(str, command.OLDEST))
        raise GitError(
            "looking for git", f"git {'.'.join(map(str, found))} is too old", f"install {needed} or newer"
        )
