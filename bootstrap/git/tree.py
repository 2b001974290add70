"""Pure: a commit's tree as paths, which of them are wanted, and changes as input for git's index."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bootstrap.core.errors import InputError, RefusedError
from bootstrap.git.changes import FileChange

Wanted = Sequence[str] | Literal["all"]
"""Paths, globs, folders that end in `/`; or "all"."""

_NO_FILE = {"120000": "a symbolic link", "160000": "a submodule"}


@dataclass(frozen=True)
class Entry:
    """One path of a tree: `kind` is blob or commit (a submodule)."""

    mode: str
    kind: str
    sha: str


def parse_tree(listing: bytes) -> dict[str, Entry]:
    """What `git ls-tree -r -z` printed."""
    entries = {}
    for record in listing.split(b"\0"):
        if record:
            head, _, path = record.partition(b"\t")
            mode, kind, sha = head.decode("ascii").split()
            entries[path.decode("utf-8", "surrogateescape")] = Entry(mode, kind, sha)
    return entries


def matcher(wanted: Wanted) -> Callable[[str], bool]:
    """A function that says whether a path is wanted. `*` and `?` stay within a folder, `**/` is any number of
    folders."""
    if isinstance(wanted, str):  # "all"; a single path would be read letter by letter
        return lambda path: True
    exact = {path for path in wanted if not re.search(r"[*?]|/$", path)}
    patterns = [_pattern(path) for path in wanted if path not in exact]
    if not patterns:
        return exact.__contains__
    together = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL)
    return lambda path: path in exact or together.fullmatch(path) is not None


def _pattern(glob: str) -> str:
    if glob.endswith("/"):
        glob += "**"
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meaning.get(part) or re.escape(part) for part in parts)


def check_changes(changes: Sequence[FileChange], entries: Mapping[str, Entry], where: str) -> None:
    """Raise InputError for a path that is not valid in a tree, RefusedError for one through a link."""
    deleted = {change.path for change in changes if change.content is None}
    for change in changes:
        parts = change.path.split("/")
        if any(part in ("", ".", "..") or part.lower() == ".git" or "\0" in part for part in parts):
            hint = "give a path relative to the repository's root, without .."
            raise InputError("changing files", f"{change.path!r} is not a path in a repository", hint, where)
        if change.content is None:
            continue
        entry = entries.get(change.path)
        if entry and entry.mode in _NO_FILE:
            _refuse(change.path, f"{change.path} is {_NO_FILE[entry.mode]}", where)
        for length in range(1, len(parts)):
            folder = "/".join(parts[:length])
            if folder in entries and folder not in deleted:
                kind = _NO_FILE.get(entries[folder].mode, "a file")
                _refuse(change.path, f"{folder} is {kind}, not a folder", where)


def _refuse(path: str, found: str, where: str) -> None:
    raise RefusedError(f"writing {path}", found, "replace it with a plain folder or file first", where)


def index_lines(changes: Sequence[FileChange], blobs: Sequence[str], entries: Mapping[str, Entry]) -> bytes:
    """Input for `git update-index -z --index-info`; `blobs` are the ids of the contents, in order.

    Deletions come first, so that a folder can replace a file of the same name.
    """
    ids = iter(blobs)
    gone, lines = [], []
    for change in changes:
        path = change.path.encode("utf-8", "surrogateescape")
        if change.content is None:
            if change.path in entries:
                zeros = "0" * len(entries[change.path].sha)
                gone.append(f"0 {zeros}\t".encode() + path + b"\0")
            continue
        mode = entries[change.path].mode if change.path in entries else "100644"
        lines.append(f"{mode} {next(ids)}\t".encode() + path + b"\0")
    return b"".join(gone + lines)
