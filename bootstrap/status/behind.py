"""How far Applications are behind Git, for `bootstrap status`: once, or updated as they move."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bootstrap.argocd.status import Status, key_of
from bootstrap.core.errors import BootstrapError
from bootstrap.git.behind import Clone
from bootstrap.resources.applications import sources

Application = Mapping[str, Any]
Key = tuple[str, str]


def with_counts(found: Status, counts: Mapping[Key, int | None]) -> Status:
    """The status with the number of commits that each Application is behind."""
    rows = (replace(item, behind=counts.get((item.namespace, item.name))) for item in found.applications)
    return replace(found, applications=tuple(rows))


def counted(applications: Sequence[Application], clone: Clone) -> dict[Key, int | None]:
    """(namespace, name) → commits that an Application is behind, or None."""
    return {key_of(item): distance(item, clone.behind) for item in applications}


def distance(application: Application, behind: Callable[[str, str, str], int | None]) -> int | None:
    """The most commits that a Git source of an Application is behind; None when unknown for all of them."""
    counts = [
        behind(source.repo_url, source.revision, commit)
        for source, commit in zip(sources(application), _commits(application), strict=False)
        if source.chart is None
    ]
    known = [count for count in counts if count is not None]
    return max(known) if known else None


def _commits(application: Application) -> list[str]:
    sync = (application.get("status") or {}).get("sync") or {}
    return [str(commit or "") for commit in sync.get("revisions") or [sync.get("revision")]]


class Following:
    """Counts for a live view: a thread of its own asks git, and only when a revision has moved.

    Nothing polls: between two moves the counts stay as they are. `news`: there are counts that
    `counts` has not returned yet.
    """

    def __init__(self, clone: Clone | None) -> None:
        self._clone = clone
        self._seen: dict[Key, list[str]] | None = None
        self._thread: threading.Thread | None = None
        self._counts: dict[Key, int | None] = {}
        self.news = False

    def counts(self, applications: Sequence[Application]) -> Mapping[Key, int | None]:
        """What is known now; asks git again when the Applications have moved to other revisions."""
        self.news = False
        at = {key_of(item): _commits(item) for item in applications}
        busy = self._thread is not None and self._thread.is_alive()
        if self._clone is not None and at != self._seen and not busy:
            self._seen = at
            # A daemon: ending the view does not wait for a host that does not answer.
            self._thread = threading.Thread(target=self._ask, args=(list(applications),), daemon=True)
            self._thread.start()
        return self._counts

    def _ask(self, applications: Sequence[Application]) -> None:
        assert self._clone is not None  # noqa: S101 - else no thread is started
        with suppress(BootstrapError):  # unknown counts are shown as a dash, as without a clone
            self._clone.ask_again()
            self._counts = counted(applications, self._clone)
        self.news = True
