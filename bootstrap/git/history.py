"""The history of a repository: commits, trees and files by their ids, from wherever they are.

Whether something is here is asked of git, never assumed; what is missing is fetched, or it is an error.
So nothing is concluded from the commit where a shallow clone's history happens to be cut off.
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
"""How many generations are fetched before a missing commit: the first usually answers the question."""
_AT_ONCE = 500
"""The most objects per request."""
_FEW = 200
"""Up to this many, objects are read one by one."""
_READING = "reading the history"
_SHORT = 4000
"""Bytes of a tree, about a hundred names: such a folder belongs to an app and has few files."""


class Source(Protocol):
    """Where missing objects come from. Both methods raise GitError if they are not available."""

    def deepen(self, commit: str, depth: int | None) -> None:
        """Fetch a commit and `depth` generations before it (None: all), each with its uppermost trees."""

    def fetch(self, ids: Sequence[str], levels: int | None = None) -> None:
        """Fetch files by their ids (`levels` None), or trees with that many levels below them."""


class Past:
    """Reads commits and their files. `calls` must not fetch anything: missing objects have to be reported.

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
        """One commit; GitError when it cannot be found."""
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
        """A commit and its first parents, newest first, down to the root commit."""
        while True:
            found = self.commit(sha)
            yield found
            if not found.parents:
                return
            sha = found.parents[0]

    def contains(self, tip: str, commit: Commit, slack: int) -> bool:
        """Whether a commit is an ancestor of `tip`; not searched beyond commits older by `slack` seconds."""
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
        """The entry at a path below each of these trees."""
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
        """The entries of trees, by the trees' ids."""
        found = self._objects(dict.fromkeys(trees), "tree")
        return {sha: dict(objects.entries(content, len(sha) // 2)) for sha, content in found}

    def contents(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Files by their ids."""
        return dict(self._objects(dict.fromkeys(ids), "blob"))

    def content(self, sha: str, kind: str) -> bytes:
        """One raw object: a file ("blob") or "tree"."""
        for _, content in self._objects([sha], kind):
            return content
        raise _missing(f"{kind} {sha[:12]}", self._calls.shown)

    def fetch_all(self, tree: str) -> None:
        """Fetch a folder with everything below it, one request per level."""
        if self._source is None:
            return
        trees, files = [tree], []
        while trees:
            entries = [entry for listed in self.lists(trees).values() for entry in listed.values()]
            files += [entry.sha for entry in entries if entry.is_file]
            trees = [entry.sha for entry in entries if entry.is_tree]
        self.contents(files)

    def close(self) -> None:
        """End the reading process, and remove what was made for it."""
        self._calls.close()
        self._closed()

    def _objects(self, ids: Iterable[str], kind: str, levels: int = 0) -> Iterator[tuple[str, bytes]]:
        """First those that are here, then the others, fetched together.

        `levels` below a tree are wanted next: they are fetched with it if a version of the folder that is
        here is small, so that an app's earlier versions cost one request.
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
                self._source.fetch(block, None if kind == "blob" else levels if levels in self._short else 0)
            for sha, found in self._read(block):
                if found is None:
                    raise _missing(f"{kind} {sha[:12]}", self._calls.shown)
                yield sha, found[2]

    def _read(self, ids: Sequence[str]) -> Iterator[tuple[str, tuple[str, str, bytes] | None]]:
        """Objects as from `Calls.object`; if they are many, with one process per block."""
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
    return GitError(f"reading {what} of the history", "it does not exist", hint, where)
