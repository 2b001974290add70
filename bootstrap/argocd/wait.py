"""Waits until the root Application and everything below it is Synced and Healthy."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from bootstrap.argocd.reason import revisions
from bootstrap.argocd.root import place_of
from bootstrap.argocd.source import API_VERSION, FromCluster, Source
from bootstrap.argocd.status import Key, Status, key_of
from bootstrap.argocd.watched import Descends, Watched
from bootstrap.core import next_run
from bootstrap.core.errors import NotFound, NotReadyError
from bootstrap.kube import Cluster

__all__ = ["API_VERSION", "NAMESPACE", "wait"]

NAMESPACE = "argocd"
TICK = 5.0
"""Seconds after which the clock is checked although nothing has changed."""
LOOK = 10.0
"""Seconds between two reads of the objects of Applications that are not ready."""
PACE = 10.0
"""Seconds between two reports, at least: logs are read afterwards."""
REPEAT = 60.0
"""Seconds within which the same text is not reported twice."""
LOOKED_AT = 5
"""Applications whose objects are read at once, at most."""
SETTLED = 45.0
"""Seconds without any movement after which waiting ends early; halfway, Argo CD is asked to refresh."""


def wait(
    cluster: Cluster | Source,
    root: str,
    revision: str | None,
    timeout: float,
    report: Callable[[str], None] = lambda _: None,
    show: Callable[[Status], None] = lambda _: None,
    namespace: str = NAMESPACE,
    settled: float = SETTLED,
    descends: Descends | None = None,
    pace: float = PACE,
    look: float = LOOK,
    changed: Collection[str] | None = None,
) -> Status:
    """Wait at most `timeout` seconds; `revision` is the commit that the root must be synced to, if any.

    A commit that `descends` from it will do. `changed`: the files that it changes, where they are known:
    Applications that read none of them are not waited for. `cluster` may also be argocd-server (server.py).

    `report` gets what is awaited when that changes, at most once in `pace` seconds; `show` gets the status
    after each change. The objects of what is not ready are read every `look` seconds. NotReadyError:
    there is no root, the time is up, or nothing has moved for `settled` seconds and nothing will until
    someone acts; it gives the reason for each Application.
    """
    source = FromCluster(cluster) if isinstance(cluster, Cluster) else cluster
    watched = Watched(root, namespace, revision, descends, changed=changed)
    reporter = _Reports(report, show, pace)
    _refresh(source, watched, (namespace, root))
    listed = False
    status = Status(root, revision, ())
    read_at = time.monotonic()
    for event, found in source.watch(namespace, timeout, TICK):
        if event == "TICK":
            listed = True
        else:
            watched.take(event, found)
        if not listed:
            continue
        watched.follow()
        if time.monotonic() - read_at >= look:
            _look(source, watched)
            read_at = time.monotonic()
        status = watched.status()
        if not status.applications:
            raise _no_root(root, namespace, "it was deleted, or never applied")
        stale = watched.stale(status)
        if status.ready and not stale:
            status = _with_rollouts(source, watched, status)
        reporter.tell(watched, status)
        for key in (*stale, *watched.to_look_at_again(status)):
            _refresh(source, watched, key)
        if status.ready and not stale:
            return status
        ask, over = watched.gives_up(status, settled)
        if ask:
            for item in status.waiting:
                _refresh(source, watched, (item.namespace, item.name))
        if over:
            raise _not_ready(source, watched, status, "and nothing is changing")
    raise _not_ready(source, watched, status, f"after {timeout:.0f} s")


def _look(source: Source, watched: Watched) -> None:
    """Read the objects of the Applications that are awaited, not of those above them."""
    wanted = [
        application
        for item in watched.rows.values()
        if not (item.ready or item.parent or item.missing)
        and (application := watched.applications.get((item.namespace, item.name))) is not None
    ]
    watched.objects = {
        key_of(application): lines
        for application in wanted[:LOOKED_AT]
        if (lines := tuple(source.explain(application)))
    }


def _with_rollouts(source: Source, watched: Watched, status: Status) -> Status:
    """What Argo CD calls Healthy counts as ready only when its workloads are rolled out."""
    below = [watched.applications[item.namespace, item.name] for item in status.applications]
    return status.with_rollouts(source.rollouts(below))


def _refresh(source: Source, watched: Watched, key: Key) -> None:
    """Have Argo CD compare an Application with its repository's newest commit now."""
    try:
        source.refresh(*key)
    except NotFound as error:
        if key == (watched.namespace, watched.root):
            raise _no_root(watched.root, watched.namespace, error.found) from error
    watched.refreshed.add(key)


class _Reports:
    """What was last reported, and when."""

    def __init__(self, report: Callable[[str], None], show: Callable[[Status], None], pace: float) -> None:
        self._report, self._show, self._pace = report, show, pace
        self._last, self._at = "", float("-inf")
        self._told: dict[str, float] = {}

    def tell(self, watched: Watched, status: Status) -> None:
        """Show the status when a row has changed; report what is awaited when that has, but not too often."""
        rows = {(item.namespace, item.name): item for item in status.applications}
        changed, watched.rows = rows != watched.rows, rows
        if changed:
            self._show(status)
        text = status.waits()
        now = time.monotonic()
        if text == self._last or not (status.ready or now - self._at >= self._pace):
            return
        # A sync that is retried goes through the same states again and again: once a minute is enough.
        again = now - self._told.get(text, float("-inf")) < max(REPEAT, self._pace)
        if status.ready or not again:
            self._last, self._at = text, now
            self._told[text] = now
            self._report(text)


def _no_root(root: str, namespace: str, found: str) -> NotReadyError:
    return NotReadyError(
        f"waiting for Application {namespace}/{root}",
        f"it does not exist: {found}",
        f"apply it by running bootstrap init again; see {next_run.kubectl('get applications -A')}",
    )


def _of_lost_commit(watched: Watched, status: Status) -> list[str]:
    """What it means that the root is still at another commit although Argo CD has compared it again."""
    top = watched.applications.get((watched.namespace, watched.root))
    row = next((item for item in status.waiting if item.name == watched.root and item.final), None)
    if watched.revision is None or top is None or row is None or watched.revision in revisions(top):
        return []
    branch = place_of(top).branch or "its branch"
    return [
        f"{branch} does not contain {watched.revision[:12]}: it was reset or force-pushed since, or the "
        "commit is on another branch; push it again, or wait for what is there now"
    ]


def _not_ready(source: Source, watched: Watched, status: Status, when: str) -> NotReadyError:
    waiting = status.waiting
    lines = []
    for item in waiting:
        since = f" (since {item.since})" if item.since else ""
        lines.append(f"{item.name}: {item.sync}, {item.health}; waits for {item.waiting_for}{since}")
        application = watched.applications.get((item.namespace, item.name))
        if application is not None and not item.parent:
            lines += [f"  {line}" for line in source.explain(application) or item.objects]
    lines += _of_lost_commit(watched, status)
    listed = "".join(f"\n    {line}" for line in lines)
    inspect = next_run.kubectl(f"-n {watched.namespace} describe application NAME")
    return NotReadyError(
        f"waiting until {status.root} and its children are Synced and Healthy",
        f"{len(waiting)} of {len(status.applications)} Applications are not, {when}:{listed}",
        "fix the causes (usually with a commit) and run the same command again: it continues from "
        f"here. --timeout waits longer; to inspect: {inspect}",
    )
