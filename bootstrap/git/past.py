"""The past of a repository: commits, folders' lists and files by their ids, from wherever they are.

What is here is asked of git and never assumed; what is not here is fetched, or it is an error. So
nothing is concluded from the place where a shallow clone's history happens to be cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from bootstrap.core.errors import GitError
from bootstrap.git import commits, objects
from bootstrap.git.commits import Commit
from bootstrap.git.objects import Entry
from bootstrap.git.run import Calls

FIRST = 128
_DEPTHS = (FIRST, 2048, None)
"""How many generations are fetched behind a commit that is missing: most questions end in the first."""
_AT_ONCE = 500
"""Objects that are asked for in one request."""
_FEW = 200
"""Objects that are read one by one."""
_READING = "reading the history"
_SHORT = 4000
"""Bytes of a list, about a hundred names: such a folder is an app's, and its files are few."""


class Source(Protocol):
    """Where objects come from that are not here. Both raise GitError when they do not come."""

    def deepen(self, commit: str, depth: int | None) -> None:
        """Bring a commit and those behind it (None: all), each with the lists of its uppermost folders."""

    def bring(self, ids: Sequence[str], levels: int | None = None) -> None:
        """Bring files by their ids (`levels` None), or folders' lists with so many levels below them."""


class Past:
    """Reads commits and what was in them. `calls` must fetch nothing by itself: what is missing is told.

    `source` None: everything is here. `closed` is called at the end.
    """

    def __init__(
        self, calls: Calls, source: Source | None = None, closed: Callable[[], None] = lambda: None
    ) -> None:
        self._calls = calls
        self._source = source
        self._closed = closed
        self._depths = iter(_DEPTHS)
        self._commits: dict[str, Commit] = {}
        self._entries: dict[tuple[str, str], Entry | None] = {}
        self._short: set[int] = set()

    def commit(self, sha: str) -> Commit:
        """One commit; GitError when it is nowhere."""
        if sha not in self._commits:
            found = self._calls.object(sha)
            if found is None and self._source is not None:
                self._source.deepen(sha, next(self._depths, None))
                found = self._calls.object(sha)
            if found is None or found[1] != "commit":
                raise _missing(f"commit {sha[:12]}", self._calls.shown)
            self._commits[sha] = commits.parse(sha, found[2])
        return self._commits[sha]

    def chain(self, sha: str) -> Iterator[Commit]:
        """A commit and what the branch was before it, newest first: first parents, to the very first."""
        while True:
            found = self.commit(sha)
            yield found
            if not found.parents:
                return
            sha = found.parents[0]

    def contains(self, tip: str, commit: Commit, slack: int) -> bool:
        """Whether a commit is behind `tip`; ones older than it by `slack` seconds are not looked behind."""
        waiting, seen = [tip], {tip}
        while waiting:
            found = self.commit(waiting.pop())
            if found.sha == commit.sha:
                return True
            new = (
                [sha for sha in found.parents if sha not in seen] if found.when > commit.when - slack else []
            )
            seen.update(new)
            waiting += new
        return False

    def entries_at(self, trees: Sequence[str], path: str) -> list[Entry | None]:
        """What stands at a path below each of these folders."""
        found: list[Entry | None] = [Entry(objects.TREE, tree) for tree in trees]
        parts = path.split("/")
        for number, name in enumerate(parts):
            lists = [entry.sha if entry is not None and entry.is_tree else None for entry in found]
            new = (sha for sha in lists if sha is not None and (sha, name) not in self._entries)
            for sha, content in self._objects(dict.fromkeys(new), "tree", len(parts) - number):
                self._entries[(sha, name)] = commits.entry_in(content, name, len(sha) // 2)
            found = [None if sha is None else self._entries[(sha, name)] for sha in lists]
        return found

    def lists(self, trees: Iterable[str]) -> dict[str, dict[str, Entry]]:
        """The whole lists of folders, by their ids."""
        found = self._objects(dict.fromkeys(trees), "tree")
        return {sha: dict(objects.entries(content, len(sha) // 2)) for sha, content in found}

    def contents(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Files by their ids."""
        return dict(self._objects(dict.fromkeys(ids), "blob"))

    def content(self, sha: str, kind: str) -> bytes:
        """One file ("blob") or list ("tree") as git keeps it."""
        for _, content in self._objects([sha], kind):
            return content
        raise _missing(f"{kind} {sha[:12]}", self._calls.shown)

    def bring_all(self, tree: str) -> None:
        """Have a folder here with all that is below it, in as many requests as it is deep."""
        if self._source is None:
            return
        trees, files = [tree], []
        while trees:
            entries = [entry for listed in self.lists(trees).values() for entry in listed.values()]
            files += [entry.sha for entry in entries if entry.is_file]
            trees = [entry.sha for entry in entries if entry.is_tree]
        self.contents(files)

    def close(self) -> None:
        """End the process that reads, and whatever was made for it."""
        self._calls.close()
        self._closed()

    def _objects(self, ids: Iterable[str], kind: str, levels: int = 0) -> Iterator[tuple[str, bytes]]:
        """Those that are here first, then the others, fetched together.

        `levels` below a list are wanted next: they come along where the folder is small in a list of it that
        is here, so that an app's earlier versions are one request.
        """
        missing: list[str] = []
        for sha, found in self._read(list(ids)):
            if found is None:
                missing.append(sha)
            elif found[1] == kind:
                if len(found[2]) <= _SHORT:
                    self._short.add(levels)
                yield sha, found[2]
        for start in range(0, len(missing), _AT_ONCE):
            block = missing[start : start + _AT_ONCE]
            if self._source is not None:
                self._source.bring(block, None if kind == "blob" else levels if levels in self._short else 0)
            for sha, found in self._read(block):
                if found is None:
                    raise _missing(f"{kind} {sha[:12]}", self._calls.shown)
                yield sha, found[2]

    def _read(self, ids: Sequence[str]) -> Iterator[tuple[str, tuple[str, str, bytes] | None]]:
        """Objects as `Calls.object` gives them; many by a process for each block of them."""
        if len(ids) < _FEW:
            for sha in ids:
                yield sha, self._calls.object(sha)
            return
        for start in range(0, len(ids), _FEW):
            block = ids[start : start + _FEW]
            asked = "".join(f"{sha}\n" for sha in block).encode()
            out, place = self._calls.check_run(_READING, "cat-file", "--batch", stdin=asked).out, 0
            for sha in block:
                end = out.index(b"\n", place)
                head = out[place:end].split()
                place = end + 1
                if len(head) != 3:
                    yield sha, None
                    continue
                content = out[place : place + int(head[2])]
                place += len(content) + 1
                yield sha, (sha, head[1].decode(), content)


def _missing(what: str, where: str) -> GitError:
    hint = "run again; if it persists, the repository is damaged: git fsck"
    return GitError(f"reading {what} of the history", "it is not there", hint, where)
