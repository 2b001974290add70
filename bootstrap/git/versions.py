"""The versions of a file on a branch, commit by commit: along first parents, and through renames.

The time of a merge is when the branch changed; who made the change is found on the merged side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from bootstrap.git import renames
from bootstrap.git.commits import Commit
from bootstrap.git.history import Past

_BLOCKS = (128, 2048)
"""Commits that are compared together, as they are fetched together."""
SLACK = 900
"""How wrong a machine's clock may be, in seconds."""
BEYOND = 64
"""How many commits before the first one that is old enough must be old as well: a machine with a wrong
clock, or a rewritten history, puts commits with early dates after late ones."""
_LONGEST_SIDE = 5000


@dataclass(frozen=True)
class FileVersion:
    """A file as a commit left it; `blob` None: it does not exist.

    `commit` made the change, which reached the branch at `arrived` (seconds). `floor`: the search ended
    here; the file was so at that time, whichever commit made it so.
    """

    commit: Commit
    arrived: int
    path: str
    blob: str | None
    floor: bool = False


def versions(
    past: Past, tip: str, path: str, until: Callable[[Commit], bool] | None = None
) -> Iterator[list[FileVersion]]:
    """The changes of a file, newest first, some at a time; with `until`, down to its state at such a commit.

    A renamed file is followed under its earlier name.
    """
    newer: tuple[Commit, str | None] | None = None
    for block, ends in _blocks(past, tip, until):
        found: list[FileVersion] = []
        start = 0
        while start < len(block):
            entries = past.entries_at([commit.tree for commit in block[start:]], path)
            for number, entry in enumerate(entries, start):
                commit, blob = block[number], entry.sha if entry is not None and not entry.is_tree else None
                if newer is not None and newer[1] is not None and blob is None:
                    earlier = renames.earlier_name(past, newer[0], commit, path, newer[1])
                    if earlier is not None:
                        if (moved := past.entries_at([commit.tree], earlier)[0]) and moved.sha != newer[1]:
                            found.append(_changed(past, newer[0], path, newer[1]))
                        path, start, newer = earlier, number, None
                        break
                if newer is not None and newer[1] != blob:
                    found.append(_changed(past, newer[0], path, newer[1]))
                newer = (commit, blob)
            else:
                start = len(block)
        if ends and newer is not None:
            commit, blob = newer
            if commit.parents:
                found.append(FileVersion(commit, commit.when, path, blob, floor=True))
            elif blob is not None:
                found.append(_changed(past, commit, path, blob))
        yield found


def _blocks(
    past: Past, tip: str, until: Callable[[Commit], bool] | None
) -> Iterator[tuple[list[Commit], bool]]:
    """The branch's commits, in blocks; the flag is true for the last one."""
    chain = past.chain(tip) if until is None else _to(past.chain(tip), until)
    sizes = iter(_BLOCKS)
    commits = list(islice(chain, next(sizes)))
    while commits:
        following = list(islice(chain, 1))
        yield commits, not following
        commits = following + list(islice(chain, next(sizes, _BLOCKS[-1]))) if following else []


def _to(chain: Iterator[Commit], until: Callable[[Commit], bool]) -> Iterator[Commit]:
    """The commits down to the first for which `until` holds, as well as for BEYOND before it."""
    old: list[Commit] = []
    for commit in chain:
        old.append(commit)
        if not until(commit):
            yield from old
            old = []
        elif len(old) > BEYOND:
            break
    yield from old[:1]


def _changed(past: Past, commit: Commit, path: str, blob: str | None) -> FileVersion:
    """The change that a commit brought to the branch, with the commit that made it."""
    made = commit
    while len(made.parents) > 1:
        inner = _of_side(past, made, path, blob)
        if inner is None:
            break
        made = inner
    return FileVersion(made, commit.when, path, blob)


def _of_side(past: Past, merge: Commit, path: str, blob: str | None) -> Commit | None:
    """The commit of a merged side that gave the file this content; None: the merge itself did.

    One that the branch had before does not count: the merge then restored earlier content.
    """
    for side in merge.parents[1:]:
        made: Commit | None = None
        for commit in islice(past.chain(side), _LONGEST_SIDE):
            entry = past.entries_at([commit.tree], path)[0]
            if (entry.sha if entry is not None else None) != blob:
                break
            made = commit
        if made is not None and not past.contains(merge.parents[0], made, SLACK):
            return made
    return None
