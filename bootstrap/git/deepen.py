"""Fetches the history that a repository lacks: commits with their uppermost trees, then what is asked for
by its id. What is here stays as it is; no ref is moved.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bootstrap.core.errors import AuthenticationFailed, GitError, GitUnreachable
from bootstrap.git.command import Answer
from bootstrap.git.run import Calls

FETCH = (
    *("-c", "fetch.negotiationAlgorithm=noop", "fetch"),
    *("--quiet", "--no-tags", "--no-write-fetch-head"),
)
FILTERS = ("tree:2", "blob:none", None)
"""From the cheapest to what every host can do."""
_TRIED = "fetching the history"
_ADD = "add the remote (git remote add origin URL), or give --repo URL"
_ALL = 2147483647
"""The depth that git treats as unlimited, even if nothing is cut off."""


class Remote:
    """A past.Source. `calls` run in a repository whose remote `origin` has the commits.

    `filters` are tried in turn (None: no filter); `branch` (None: HEAD) is fetched whole from a host that
    serves nothing by id. `advice` is what else can be done when the host does not send it.
    """

    def __init__(
        self,
        calls: Calls,
        branch: str | None,
        filters: Sequence[str | None] = FILTERS,
        advice: str | None = None,
    ) -> None:
        self._calls = calls
        self._branch = branch
        self._filters = list(filters)
        self._advice = advice

    def deepen(self, commit: str, depth: int | None) -> None:
        answer = self._fetch(depth, commit)
        while answer.status and len(self._filters) > 1 and re.search(r"\bfilter\b", answer.err):
            del self._filters[0]
            answer = self._fetch(depth, commit)
        if answer.status:
            self._fetch_branch(answer, self._filters[0])

    def fetch(self, ids: Sequence[str], levels: int | None = None) -> None:
        wanted = "".join(f"{sha}\n" for sha in ids).encode()
        deep = f"tree:{levels + 1}" if levels and self._filters[0] == FILTERS[0] else "tree:0"
        filter = "--filter=blob:none" if levels is None else f"--filter={deep}"
        answer = self._calls.run(*FETCH, filter, "--stdin", "origin", stdin=wanted)
        if answer.status and levels and re.search(r"\bfilter\b", answer.err):  # a host may limit the depth
            answer = self._calls.run(*FETCH, "--filter=tree:0", "--stdin", "origin", stdin=wanted)
        if answer.status:
            self._fetch_branch(answer, None)

    def _fetch(self, depth: int | None, what: str) -> Answer:
        filter = f"--filter={self._filters[0]}" if self._filters[0] else "--no-filter"
        return self._calls.run(*FETCH, f"--depth={depth or _ALL}", filter, "origin", what)

    def _fetch_branch(self, refusal: Answer, filter: str | None) -> None:
        """Fetch the whole branch in place of what the host does not serve by id."""
        error = self._calls.error(refusal, _TRIED)
        if not isinstance(error, GitUnreachable | AuthenticationFailed):
            self._filters = [filter]
            answer = self._fetch(None, f"refs/heads/{self._branch}" if self._branch else "HEAD")
            if answer.status == 0:
                return
            error = self._calls.error(answer, _TRIED)
        if self._advice is not None:
            raise type(error)(error.tried, error.found, f"{error.hint}; or {self._advice}", error.where)
        raise error


class NoRemote:
    """A past.Source for a repository without a remote: it refuses."""

    def __init__(self, where: str) -> None:
        self._where = where

    def deepen(self, commit: str, depth: int | None) -> None:
        found = f"this clone's history is cut off before {commit[:12]}, and it has no remote to fetch from"
        raise GitError(_TRIED, found, _ADD, self._where)

    def fetch(self, ids: Sequence[str], levels: int | None = None) -> None:
        found = f"this clone lacks {len(ids)} of the files, and it has no remote to fetch from"
        raise GitError(_TRIED, found, _ADD, self._where)


def bare(folder: Path, stores: Sequence[Path], example: str, calls: Calls) -> Calls:
    """git in a new repository at `folder` that borrows the objects of others and has no remote.

    A missing object is an error there; with a promisor remote git would fetch each one separately.
    `stores` are folders of objects, `example` an id.
    """
    (folder / "objects" / "info").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
    sha256 = len(example) == 64
    format = "[extensions]\n\tobjectFormat = sha256\n" if sha256 else ""
    config = f"[core]\n\trepositoryFormatVersion = {int(sha256)}\n\tbare = true\n{format}"
    (folder / "config").write_text(config, encoding="utf-8")
    lines = "".join(f"{store}\n" for store in stores)
    (folder / "objects" / "info" / "alternates").write_text(lines, encoding="utf-8")
    return calls.at(folder)
