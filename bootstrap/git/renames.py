"""The earlier name of a file that a commit has renamed, itself or with its folder."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from bootstrap.git.commits import Commit
from bootstrap.git.history import Past
from bootstrap.git.objects import Entry

_LIKE = 0.5
"""How similar two files must be to count as a rename, as in git."""
_MOST = 2000
"""The most removed files that are compared; if a commit removes more, no rename is detected."""


def earlier_name(past: Past, commit: Commit, parent: Commit, path: str, blob: str) -> str | None:
    """The path in `parent` of the file that is at `path`, with the id `blob`, from `commit` on.

    It is a file that the commit removed: one with the same content, else the most similar of the same
    base name.
    """
    removed = {}
    for gone, entry in _removed(past, parent.tree, commit.tree):
        removed[gone] = entry.sha
        if len(removed) > _MOST:
            return None
    same = [gone for gone, sha in removed.items() if sha == blob]
    if same:
        return max(same, key=lambda gone: _common_end(gone, path))
    base = path.rsplit("/", 1)[-1]
    alike = {gone: sha for gone, sha in removed.items() if gone.rsplit("/", 1)[-1] == base}
    if not alike:
        return None
    texts = past.contents([blob, *alike.values()])
    rated = {gone: _likeness(texts, blob, sha) for gone, sha in alike.items()}
    best = max(rated, key=lambda gone: (rated[gone], _common_end(gone, path)))
    return best if rated[best] >= _LIKE else None


def _removed(past: Past, before: str, after: str) -> Iterator[tuple[str, Entry]]:
    """The files that the second tree no longer has; only subtrees that differ are read."""
    pairs: list[tuple[str, str, str | None]] = [("", before, after)]
    while pairs:
        lists = past.lists(sha for _, one, other in pairs for sha in (one, other) if sha is not None)
        below: list[tuple[str, str, str | None]] = []
        for folder, one, other in pairs:
            there = lists.get(other, {}) if other is not None else {}
            for name, entry in lists.get(one, {}).items():
                now = there.get(name)
                if now == entry:
                    continue
                if entry.is_tree:
                    below.append((f"{folder}{name}/", entry.sha, now.sha if now and now.is_tree else None))
                elif entry.is_file and (now is None or now.is_tree):
                    yield f"{folder}{name}", entry
        pairs = below


def _common_end(one: str, other: str) -> int:
    """How many trailing parts two paths have in common."""
    count = 0
    for mine, theirs in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _likeness(texts: Mapping[str, bytes], one: str, other: str) -> float:
    lines = [texts.get(sha, b"").splitlines() for sha in (one, other)]
    return difflib.SequenceMatcher(None, lines[0], lines[1], autojunk=False).ratio()
