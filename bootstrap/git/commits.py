"""Pure: commits as git stores them, and one entry of a tree.

The raw object names its parents even where the history is cut off; `git log` shows such a commit as
one without parents, which seems to have created every file.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bootstrap.git.log import BUILT_AT
from bootstrap.git.objects import Entry

_WHO = re.compile(r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<when>-?\d+)(?: [+-]\d+)?")
_TRAILER = re.compile(rf"^{BUILT_AT}\s*:(?P<value>.*)$", re.IGNORECASE | re.MULTILINE)

_ANY_TRAILER = re.compile(r"[A-Za-z0-9-]+: ")
_LATEST = 253402300799
"""The last second of the year 9999; a commit may claim a later time."""
_MODES = frozenset({b"40000", b"100644", b"100755", b"100664", b"120000", b"160000"})
"""What precedes a name. The id before the mode may have bytes of any value, also those of digits."""


class Commit(NamedTuple):
    """One commit. `when` is its commit time in seconds; `built_at` the text of its trailer."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    email: str
    when: int
    subject: str
    built_at: str | None


def parse(sha: str, raw: bytes) -> Commit:
    """Parse a commit object; missing fields are empty."""
    head, _, body = raw.partition(b"\n\n")
    fields: dict[str, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        fields.setdefault(key.decode("ascii", "replace"), []).append(
            value
        )  # a signature's lines have the key ""
    charset = fields.get("encoding", [b"utf-8"])[0].decode("ascii", "replace")
    author = _WHO.match(_text(fields.get("author", [b""])[0], charset))
    committer = _WHO.match(_text(fields.get("committer", [b""])[0], charset))
    message = _text(body, charset).strip()
    return Commit(
        sha,
        fields.get("tree", [b""])[0].decode("ascii", "replace"),
        tuple(parent.decode("ascii", "replace") for parent in fields.get("parent", [])),
        author["name"] if author else "",
        author["email"] if author else "",
        min(int(committer["when"]), _LATEST) if committer else 0,
        " ".join(message.partition("\n\n")[0].split("\n")),
        _built_at(message),
    )


def _built_at(message: str) -> str | None:
    """The trailer's value, from the last paragraph, or from paragraphs before it that are all trailers.

    A host that squashes a pull request adds its own paragraph (`Co-authored-by`).
    """
    for paragraph in reversed(message.split("\n\n")[1:]):
        if found := _TRAILER.search(paragraph):
            return found["value"].strip() or None
        if not all(_ANY_TRAILER.match(line) for line in paragraph.split("\n")):
            break
    return None


def entry_in(tree: bytes, name: str, size: int) -> Entry | None:
    """The entry of a name in a tree object, None if there is none; `size` is that of an id in bytes.

    The names before it are not parsed: a folder of ten thousand apps is searched for one, once per commit.
    """
    wanted = b" " + name.encode("utf-8", "surrogateescape") + b"\0"
    place = tree.find(wanted)
    while place >= 0:
        before = tree[max(place - 6, 0) : place]
        mode = next((mode for mode in (before, before[-5:]) if mode in _MODES), None)
        if mode is not None:
            start = place + len(wanted)
            return Entry(mode.decode(), tree[start : start + size].hex())
        place = tree.find(wanted, place + 1)
    return None


def _text(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")
