"""Which commits changed which files, from git's log; contents by the files' ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bootstrap.git.run import Calls

BUILT_AT = "Image-Built-At"
"""Trailer of a commit: when the build of the image that it sets began."""

_FIELDS = ("%H", "%an", "%ae", "%ct", "%s", f"%(trailers:key={BUILT_AT},valueonly,separator=%x03)")
_FORMAT = "%x01" + "%x02".join(_FIELDS)


class LogEntry(NamedTuple):
    """One commit. `when` is its commit time in seconds; `files` pairs paths with ids (None: deleted)."""

    commit: str
    author: str
    email: str
    when: int
    subject: str
    built_at: str | None
    files: tuple[tuple[str, str | None], ...]


def log(calls: Calls, tip: str, paths: Sequence[str] = ()) -> Iterator[LogEntry]:
    """The commits that changed `paths` (empty: all files), newest first.

    A merge counts as the changes from its first parent. Nothing is fetched.
    """
    options = ["--raw", "--no-abbrev", "--no-renames", "-z", f"--format={_FORMAT}"]
    options.append("--diff-merges=first-parent")
    pathspec = ["--", *(f":(literal){path}" for path in paths)] if paths else []
    answer = calls.check_run("reading the history", "log", *options, tip, *pathspec)
    for record in answer.out.decode("utf-8", "surrogateescape").split("\x01")[1:]:
        head, _, rest = record.partition("\0")
        commit, author, email, when, subject, built_at = head.split("\x02")
        files = tuple(_files(rest))
        built = built_at.split("\x03")[0].strip() or None
        yield LogEntry(commit, author, email, int(when), subject, built, files)


def is_shallow(calls: Calls) -> bool:
    """Whether the history is cut off."""
    return calls.run("rev-parse", "--is-shallow-repository").text == "true"


def _files(listing: str) -> Iterator[tuple[str, str | None]]:
    """Pairs of `:MODE MODE ID ID STATUS` and a path, each ended by a NUL."""
    parts = iter(listing.strip("\n").split("\0"))
    for head in parts:
        fields = head.strip("\n").split(" ")
        if len(fields) == 5:
            sha = fields[3]
            yield next(parts, ""), sha if sha.strip("0") else None
