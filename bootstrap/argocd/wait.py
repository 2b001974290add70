"""Waits until the root Application and everything below it is Synced and Healthy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone

from bootstrap.argocd.reason import Application, repository, revisions
from bootstrap.argocd.source import API_VERSION, FromCluster, Source
from bootstrap.argocd.status import ApplicationStatus, Status, key_of, summarise
from bootstrap.core.errors import NotFound, NotReadyError
from bootstrap.kube import Cluster

__all__ = ["API_VERSION", "NAMESPACE", "wait"]

NAMESPACE = "argocd"
TICK = 5.0
"""Seconds after which the clock is looked at although nothing changed."""
NUDGE = 10.0
"""Seconds after which Argo CD is asked to look again at what failed only for the moment."""
SETTLED = 45.0
"""Seconds without any movement after which waiting ends early; halfway, Argo CD is asked to look again."""

Key = tuple[str, str]


class _Watched:
    """What is known while waiting: the Applications, what was refreshed, since when each waits."""

    def __init__(self, root: str, namespace: str, revision: str | None) -> None:
        self.root = root
        self.namespace = namespace
        self.revision = revision
        self.applications: dict[Key, Application] = {}
        self.refreshed: set[Key] = set()
        self.rows: dict[Key, ApplicationStatus] = {}
        self.settled_at: float | None = None
        self.asked_again = False
        self.nudged: dict[Key, float] = {}

    def take(self, event: str, application: Application) -> None:
        key = key_of(application)
        if event == "DELETED":
            self.applications.pop(key, None)
        else:
            self.applications[key] = application

    def status(self) -> Status:
        """The state now; a reason without a time of its own is dated by when it was first seen."""
        status = summarise(list(self.applications.values()), self.root, self.namespace, self.revision)
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        dated = []
        for item in status.applications:
            before = self.rows.get((item.namespace, item.name))
            if item.waiting_for and not item.since:
                same = before is not None and before.waiting_for == item.waiting_for
                item = replace(item, since=before.since if before and same else now)
            dated.append(item)
        return replace(status, applications=tuple(dated))

    def stale(self, status: Status) -> list[Key]:
        """Those below the root that were not compared with the commit asked for, and not asked to be yet.

        Argo CD compares on its own every few minutes; a commit that it does not know of yet would be
        missed, because everything is still Synced with the one before.
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
            if repository(application) == repository(top) and self.revision not in revisions(application):
                found.append(key)
        return found

    def failed_for_the_moment(self, status: Status) -> list[Key]:
        """Those to be looked at again now: an API server that was busy, a network that was not there yet."""
        now, found = time.monotonic(), []
        for item in status.waiting:
            key = (item.namespace, item.name)
            if not item.passing:
                self.nudged.pop(key, None)
            elif now - self.nudged.setdefault(key, now) >= NUDGE:
                self.nudged[key] = now
                found.append(key)
        return found

    def gives_up(self, status: Status, settled: float) -> tuple[bool, bool]:
        """Whether to ask Argo CD once more, and whether nothing will change any more."""
        if not status.final:
            self.settled_at, self.asked_again = None, False
            return False, False
        now = time.monotonic()
        self.settled_at = self.settled_at or now
        ask = not self.asked_again and now - self.settled_at >= settled / 2
        self.asked_again = self.asked_again or ask
        return ask, now - self.settled_at >= settled


def wait(
    cluster: Cluster | Source,
    root: str,
    revision: str | None,
    timeout: float,
    report: Callable[[str], None] = lambda _: None,
    show: Callable[[Status], None] = lambda _: None,
    namespace: str = NAMESPACE,
    settled: float = SETTLED,
) -> Status:
    """Wait at most `timeout` seconds; `revision` is the commit that the root has to be synced to, if any.

    `cluster` may be argocd-server (argocd_server.py) as well.

    `report` is told each Application that changed, `show` the whole after each change. NotReadyError:
    there is no root, the time is over, or nothing has moved for `settled` seconds and nothing will
    without somebody's doing; it says for each Application why.
    """
    source = FromCluster(cluster) if isinstance(cluster, Cluster) else cluster
    watched = _Watched(root, namespace, revision)
    _refresh(source, watched, (namespace, root))
    listed = False
    status = Status(root, revision, ())
    for event, found in source.watch(namespace, timeout, TICK):
        if event == "TICK":
            listed = True
        else:
            watched.take(event, found)
        if not listed:
            continue
        status = watched.status()
        if not status.applications:
            raise _no_root(root, namespace, "it was deleted, or never applied")
        _tell(watched, status, report, show)
        stale = watched.stale(status)
        for key in (*stale, *watched.failed_for_the_moment(status)):
            _refresh(source, watched, key)
        if status.ready and not stale:
            return status
        ask, over = watched.gives_up(status, settled)
        if ask:
            for item in status.waiting:
                _refresh(source, watched, (item.namespace, item.name))
        if over:
            raise _not_ready(source, watched, status, "nothing moves any more")
    raise _not_ready(source, watched, status, f"after {timeout:.0f} s")


def _refresh(source: Source, watched: _Watched, key: Key) -> None:
    """Have Argo CD compare an Application with its repository's newest commit now."""
    try:
        source.refresh(*key)
    except NotFound as error:
        if key == (watched.namespace, watched.root):
            raise _no_root(watched.root, watched.namespace, error.found) from error
    watched.refreshed.add(key)


def _tell(
    watched: _Watched, status: Status, report: Callable[[str], None], show: Callable[[Status], None]
) -> None:
    rows = {(item.namespace, item.name): item for item in status.applications}
    changed = [item for key, item in rows.items() if watched.rows.get(key) != item]
    watched.rows = rows
    if not changed:
        return
    show(status)
    for item in changed:
        waiting = f", waits for {item.waiting_for}" if item.waiting_for else ""
        report(f"{status.summary()}; {item.name}: {item.sync}, {item.health}{waiting}")


def _no_root(root: str, namespace: str, found: str) -> NotReadyError:
    return NotReadyError(
        f"waiting for Application {namespace}/{root}",
        f"it is not there: {found}",
        "apply it by running bootstrap init again; see kubectl get applications -A",
    )


def _not_ready(source: Source, watched: _Watched, status: Status, when: str) -> NotReadyError:
    waiting = status.waiting
    lines = []
    for item in waiting:
        since = f" (since {item.since})" if item.since else ""
        lines.append(f"{item.name}: {item.sync}, {item.health}; waits for {item.waiting_for}{since}")
        application = watched.applications.get((item.namespace, item.name))
        if application is not None and not item.parent:
            lines += [f"  {line}" for line in source.explain(application)]
    listed = "".join(f"\n    {line}" for line in lines)
    return NotReadyError(
        f"waiting until {status.root} and its children are Synced and Healthy",
        f"{len(waiting)} of {len(status.applications)} Applications are not, {when}:{listed}",
        "mend what is said there (most often by a commit) and run the same command again: it goes on from "
        f"here. --timeout waits longer; to look: kubectl -n {watched.namespace} describe application NAME",
    )
