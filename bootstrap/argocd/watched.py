"""What is known while waiting: the Applications, since when each waits, and when to refresh it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from bootstrap.argocd.concerned import concerned
from bootstrap.argocd.reason import REFRESH, Application, repository, revisions
from bootstrap.argocd.status import ApplicationStatus, Key, Status, key_of, summarise

NUDGE = 10.0
"""Seconds after which Argo CD is asked to refresh what failed only for the moment."""
STILL = 15.0
"""Seconds without any movement after which Argo CD is asked to refresh; doubled each time."""
LONGEST_STILL = 120.0
"""Seconds between two such requests, at most; on its own Argo CD refreshes every 180 at the latest."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
Descends = Callable[[str, str], bool]
"""Whether the first commit has the second in its history; False if unknown."""


@dataclass
class _Still:
    """An Application that has not changed since `since`; it is refreshed after `pause` seconds."""

    looks: tuple[str, ...]
    since: float
    pause: float


class Watched:
    """One wait. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        root: str,
        namespace: str,
        revision: str | None,
        descends: Descends | None = None,
        clock: Callable[[], float] = time.monotonic,
        changed: Collection[str] | None = None,
    ) -> None:
        self.root = root
        self.namespace = namespace
        self.revision = revision
        self.applications: dict[Key, Application] = {}
        self.refreshed: set[Key] = set()
        self.rows: dict[Key, ApplicationStatus] = {}
        self.objects: Mapping[Key, tuple[str, ...]] = {}
        self.settled_at: float | None = None
        self.asked_again = False
        self._nudged: dict[Key, float] = {}
        self._still: dict[Key, _Still] = {}
        self._descends = descends
        self._unrelated: set[str] = set()
        self._clock = clock
        self._changed = changed

    def take(self, event: str, application: Application) -> None:
        key = key_of(application)
        if event == "DELETED":
            self.applications.pop(key, None)
        else:
            self.applications[key] = application

    def follow(self) -> None:
        """Wait for the newer commit from now on if the root is at one that has ours in its history.

        After a fix is pushed during the wait, the commit before it never gets synced.
        """
        top = self.applications.get((self.namespace, self.root))
        if self.revision is None or self._descends is None or top is None:
            return
        found = revisions(top)
        if self.revision in found:
            return
        for commit in found:
            if not _COMMIT.fullmatch(commit) or commit in self._unrelated:
                continue  # a chart's version, or checked before
            if self._descends(commit, self.revision):
                self.revision = commit
                self.refreshed.clear()
                self._unrelated.clear()
                return
            self._unrelated.add(commit)

    def status(self) -> Status:
        """The state now; a reason without a time of its own gets the time it was first seen."""
        status = summarise(list(self.applications.values()), self.root, self.namespace, self.revision)
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        dated = []
        changing = self._to_be_changed()
        for item in status.applications:
            key = (item.namespace, item.name)
            if item.final and key in changing:
                item = replace(item, final=False)
            before = self.rows.get(key)
            if before is not None and not before.ready and self._is_asked(key):
                # Argo CD refreshes at our request: until it has, the reason before still holds.
                item = replace(
                    item,
                    waiting_for=before.waiting_for,
                    since=before.since,
                    final=before.final,
                    passing=before.passing,
                )
            if item.waiting_for and not item.since:
                same = before is not None and before.waiting_for == item.waiting_for
                item = replace(item, since=before.since if before and same else now)
            dated.append(item)
        return replace(status, applications=tuple(dated)).with_objects(self.objects)

    def stale(self, status: Status) -> list[Key]:
        """Those below the root that were not compared with the requested commit, nor asked to refresh.

        Argo CD compares on its own every few minutes; a commit that it does not know of yet would be
        missed, because everything is still Synced with the one before. Where the files that the commit
        changes are known, an Application that reads none of them is left alone.
        """
        if self.revision is None:
            return []
        top = self.applications.get((self.namespace, self.root))
        found = []
        for item in status.applications[1:]:
            key = (item.namespace, item.name)
            application = self.applications.get(key)
            if application is None or top is None or key in self.refreshed:
                continue
            if self._changed is not None and not concerned(application, self._changed):
                continue
            if repository(application) == repository(top) and self.revision not in revisions(application):
                found.append(key)
        return found

    def to_look_at_again(self, status: Status) -> list[Key]:
        """Those to refresh now.

        Those that failed only for the moment (an API server that was busy, a network that was not up yet),
        and those that have not moved for a while: an Application's health can stay Progressing although its
        objects are healthy, until someone refreshes it.
        """
        now, found = self._clock(), []
        for item in status.waiting:
            key = (item.namespace, item.name)
            if item.passing:
                if now - self._nudged.setdefault(key, now) >= NUDGE:
                    self._nudged[key] = now
                    found.append(key)
                continue
            self._nudged.pop(key, None)
            if item.missing or item.final or self._is_asked(key):
                continue
            looks = (item.sync, item.health, item.revision, item.waiting_for)
            still = self._still.get(key)
            if still is None or still.looks != looks:
                self._still[key] = _Still(looks, now, STILL)
            elif now - still.since >= still.pause:
                self._still[key] = _Still(looks, now, min(2 * still.pause, LONGEST_STILL))
                found.append(key)
        return found

    def _to_be_changed(self) -> set[Key]:
        """Those that a running sync of their parent will change, which may fix what is wrong with them."""
        states = [application.get("status") or {} for application in self.applications.values()]
        syncing = [one for one in states if (one.get("operationState") or {}).get("phase") == "Running"]
        return {
            (str(item.get("namespace")), str(item.get("name")))
            for state in syncing
            for item in state.get("resources") or ()
            if item.get("kind") == "Application" and item.get("status") == "OutOfSync"
        }

    def _is_asked(self, key: Key) -> bool:
        """Whether a refresh is pending."""
        metadata = (self.applications.get(key) or {}).get("metadata") or {}
        return REFRESH in (metadata.get("annotations") or {})

    def gives_up(self, status: Status, settled: float) -> tuple[bool, bool]:
        """Whether to refresh once more, and whether to give up because nothing will change."""
        if not status.final:
            self.settled_at, self.asked_again = None, False
            return False, False
        now = self._clock()
        self.settled_at = self.settled_at or now
        ask = not self.asked_again and now - self.settled_at >= settled / 2
        self.asked_again = self.asked_again or ask
        return ask, now - self.settled_at >= settled
