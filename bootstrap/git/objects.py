"""Pure: git's tree objects, and commits as input for `git fast-import`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bootstrap.git.changes import FileChange

TREE = "40000"
LINK = "120000"
FILES = ("100644", "100755", "100664")
"""Modes of plain files; the last one occurs in old repositories."""


class Entry(NamedTuple):
    """One entry of a tree; `mode` is as git writes it."""

    mode: str
    sha: str

    @property
    def is_tree(self) -> bool:
        return self.mode == TREE

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file: not a folder, symbolic link or submodule."""
        return self.mode in FILES


def entries(content: bytes, size: int) -> Iterator[tuple[str, Entry]]:
    """The entries of a tree object; `size` is that of an id in bytes (20, or 32 for SHA-256)."""
    start = 0
    while start < len(content):
        blank, end = content.index(b" ", start), content.index(b"\0", start)
        name = content[blank + 1 : end].decode("utf-8", "surrogateescape")
        yield name, Entry(content[start:blank].decode(), content[end + 1 : end + 1 + size].hex())
        start = end + 1 + size


def tree_of(commit: bytes) -> str:
    """The id of the tree that a commit object names."""
    return commit.split(b"\n", 1)[0].removeprefix(b"tree ").decode()


def parents_of(commit: bytes) -> tuple[str, ...]:
    """The ids of the parents that a commit object names, even where they are not here."""
    head = commit.split(b"\n\n", 1)[0].split(b"\n")
    return tuple(line.removeprefix(b"parent ").decode() for line in head if line.startswith(b"parent "))


def blob_id(content: bytes, digits: int) -> str:
    """The id that git gives a file with this content, in a repository whose ids have `digits` digits."""
    made = hashlib.sha256() if digits == 64 else hashlib.sha1(usedforsecurity=False)
    made.update(b"blob %d\0" % len(content))
    made.update(content)
    return made.hexdigest()


class NewCommit(NamedTuple):
    """A commit to be made; `author` and `committer` as git writes them: name, address, seconds, zone."""

    changes: Sequence[FileChange]
    message: str
    author: str
    committer: str


def import_stream(
    ref: str, parent: str | None, commits: Sequence[NewCommit], modes: Mapping[str, str]
) -> bytes:
    """Commits, each on the one before and the first on `parent`, for `git fast-import --done`.

    It prints their ids, one per line. `modes` are by path; without `parent` the first has no parent.
    """
    lines: list[bytes] = []
    for number, commit in enumerate(commits, 1):
        who = f"author {commit.author}\ncommitter {commit.committer}\n"
        lines.append(f"commit {ref}\nmark :{number}\n{who}".encode())
        lines.append(_data(commit.message.encode()))
        if number == 1 and parent is not None:
            lines.append(f"from {parent}\n".encode())
        for change in commit.changes:
            path = _quoted(change.path)
            if change.content is None:
                lines.append(b"D " + path + b"\n")
            else:
                mode = modes[change.path].replace("100664", "100644")
                lines.append(f"M {mode} inline ".encode() + path + b"\n" + _data(change.content))
    lines += [f"get-mark :{number}\n".encode() for number in range(1, len(commits) + 1)]
    return b"".join([*lines, b"done\n"])


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: str) -> bytes:
    """A path as fast-import reads it: in quotes if it is ambiguous without them."""
    raw = path.encode("utf-8", "surrogateescape")
    if not re.search(rb'["\\\s]', raw):
        return raw
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def said(content: bytes) -> bytes:
    """A commit without who made it and when: tree, parents, message, and whether it is signed."""
    headers, _, message = content.partition(b"\n\n")
    kept = [line for line in headers.split(b"\n") if line.startswith((b"tree ", b"parent "))]
    signed = [b"signed"] if b"\ngpgsig" in headers else []
    return b"\n".join([*kept, *signed, b"", message.strip()])
