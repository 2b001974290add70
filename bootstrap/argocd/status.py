"""Pure: Applications → what is Synced, Healthy, or still awaited and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bootstrap.argocd.reason import NOT_CREATED, Application, reason_for, revisions
from bootstrap.core import table
from bootstrap.core.numbers import whole

WAVE = "argocd.argoproj.io/sync-wave"
TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE = "app.kubernetes.io/instance"
HEADERS = ("WAVE", "APPLICATION", "SYNC", "HEALTH", "SINCE", "WAITING FOR")
NAMED = 2
"""Applications that a line of progress names before it only counts the rest."""
ROLLOUT = "an unfinished rollout"
"""What an Application waits for when its workloads are not rolled out although Argo CD calls it Healthy."""
Key = tuple[str, str]
"""(namespace, name)."""


@dataclass(frozen=True)
class ApplicationStatus:
    """One Application. `waiting_for` is "" when it is Synced and Healthy (and at the revision asked for).

    `final`: what it waits for needs someone to do something. `passing`: it is resolved as soon as Argo CD
    refreshes it. `since`: an RFC 3339 time, or "" when the Application does not say. `parent`:
    Applications below it are not ready, so that its own state only mirrors theirs. `behind`: the commits
    that its revision is behind, None if unknown. `objects`: a line for each of its objects with a problem,
    as far as they were read.
    """

    name: str
    namespace: str
    wave: int
    sync: str
    health: str
    revision: str
    waiting_for: str = ""
    since: str = ""
    final: bool = False
    parent: bool = False
    passing: bool = False
    behind: int | None = None
    objects: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.waiting_for

    @property
    def missing(self) -> bool:
        """The root names it, but it does not exist yet."""
        return self.waiting_for == NOT_CREATED

    @property
    def wait(self) -> str:
        """What it waits for, with what the first of its objects says."""
        return f"{self.waiting_for} ({self.objects[0]})" if self.objects else self.waiting_for

    @property
    def time(self) -> str:
        """The time of `since` without its date."""
        return self.since[11:19] if len(self.since) >= 19 else self.since

    def cells(self) -> tuple[str, ...]:
        """A row of the table of `init`'s progress; that of `bootstrap status` is in status/table.py."""
        return (str(self.wave), self.name, self.sync, self.health, self.time, self.wait or "-")


@dataclass(frozen=True)
class Status:
    """The root Application, then everything that comes from it, by wave and name."""

    root: str
    revision: str | None
    applications: tuple[ApplicationStatus, ...]

    @property
    def ready(self) -> bool:
        """All is Synced and Healthy, and the root exists."""
        return bool(self.applications) and all(item.ready for item in self.applications)

    @property
    def waiting(self) -> tuple[ApplicationStatus, ...]:
        return tuple(item for item in self.applications if not item.ready)

    @property
    def final(self) -> bool:
        """Nothing will change by itself: all that are not ready wait for a person, or for one that does."""
        own = [item for item in self.waiting if item.final or not (item.parent or item.missing)]
        return bool(own) and all(item.final for item in own)

    def with_objects(self, objects: Mapping[Key, Sequence[str]]) -> Status:
        """With the problems of objects of the Applications that are not ready."""
        return self._with(lambda item: () if item.ready else objects.get((item.namespace, item.name), ()))

    def with_rollouts(self, objects: Mapping[Key, Sequence[str]]) -> Status:
        """With the problems of all workloads as just read: a ready Application then waits for its rollout."""
        return self._with(lambda item: item.objects or objects.get((item.namespace, item.name), ()))

    def _with(self, lines_of: Callable[[ApplicationStatus], Sequence[str]]) -> Status:
        rows = []
        for item in self.applications:
            lines = tuple(lines_of(item))
            waiting_for = (item.waiting_for or ROLLOUT) if lines else item.waiting_for
            rows.append(replace(item, objects=lines, waiting_for=waiting_for))
        return replace(self, applications=tuple(rows))

    def waits(self) -> str:
        """One line: how many are ready, and what is awaited; Applications above those are left out."""
        own = [item for item in self.waiting if not (item.parent or item.missing)] or list(self.waiting)
        if not own:
            return self.summary()
        parts = [f"{item.name}: {item.sync}, {item.health}, waits for {item.wait}" for item in own[:NAMED]]
        more = f"; and {len(own) - NAMED} more" if len(own) > NAMED else ""
        return f"{self.summary()}; {'; '.join(parts)}{more}"

    def lines(self, width: int | None = None) -> list[str]:
        """A table with one line per Application, at most `width` columns wide if given."""
        return table.lines(HEADERS, [item.cells() for item in self.applications], width)

    def summary(self) -> str:
        """One line: how many are ready."""
        ready = sum(item.ready for item in self.applications)
        return f"{ready} of {len(self.applications)} Applications are Synced and Healthy"

    def data(self) -> dict[str, Any]:
        """As JSON data (docs/json.md)."""
        return {
            "root": self.root,
            "revision": self.revision,
            "ready": self.ready,
            "applications": [
                {
                    "name": item.name,
                    "namespace": item.namespace,
                    "wave": item.wave,
                    "sync": item.sync,
                    "health": item.health,
                    "revision": item.revision,
                    "behind": item.behind,
                    "ready": item.ready,
                    "waitingFor": item.waiting_for or None,
                    "objects": list(item.objects),
                    "since": item.since or None,
                    "final": item.final,
                }
                for item in self.applications
            ],
        }


@dataclass(frozen=True)
class Family:
    """Applications by key, and by owner: the Application that tracks them, or their set."""

    by_key: Mapping[Key, Application]
    tracked: Mapping[str, Sequence[Key]]
    of_sets: Mapping[str, Sequence[Key]]

    @staticmethod
    def from_applications(applications: Sequence[Application]) -> Family:
        """Each Application is read once: comparing each with each takes seconds for thousands."""
        by_key = {key_of(item): item for item in applications}
        tracked: dict[str, list[Key]] = {}
        of_sets: dict[str, list[Key]] = {}
        for key, application in by_key.items():
            metadata = application["metadata"]
            tracking = str((metadata.get("annotations") or {}).get(TRACKING, ""))
            parent = tracking.partition(":")[0] if tracking else (metadata.get("labels") or {}).get(INSTANCE)
            if parent:
                tracked.setdefault(str(parent), []).append(key)
            for owner in () if tracking else metadata.get("ownerReferences") or ():
                if "Set" in owner["kind"]:
                    of_sets.setdefault(str(owner["name"]), []).append(key)
        return Family(by_key, tracked, of_sets)

    def children(self, parent: Key) -> dict[Key, int]:
        """The children of an Application, whether they exist or not, with their waves."""
        found: dict[Key, int] = {}
        belonging = list(self.tracked.get(parent[1], ()))
        status = self.by_key[parent].get("status") or {} if parent in self.by_key else {}
        for item in status.get("resources") or ():
            if item.get("group") != "argoproj.io":
                continue
            if item.get("kind") == "Application" and not item.get("requiresPruning"):
                key = str(item.get("namespace") or parent[0]), str(item["name"])
                found[key] = int(item.get("syncWave") or 0)
            elif item.get("kind") == "ApplicationSet":
                belonging += self.of_sets.get(str(item["name"]), ())
        for key in belonging:
            found.setdefault(key, wave_of(self.by_key[key]))
        return found

    def members(self, top: Key) -> dict[Key, int]:
        """Everything below `top`, whether it exists yet or not, with its wave."""
        found: dict[Key, int] = {}
        todo = [top]
        while todo:
            for key, wave in self.children(todo.pop()).items():
                if key != top and key not in found:
                    found[key] = wave
                    todo.append(key)
        return found


def summarise(
    applications: Sequence[Application] | Family, root: str, namespace: str, revision: str | None = None
) -> Status:
    """The root and its descendants, as they are. Applications that the root names and that do not exist
    yet are listed as Missing; without the root itself there is nothing to list."""
    family = applications if isinstance(applications, Family) else Family.from_applications(applications)
    top = (namespace, root)
    if top not in family.by_key:
        return Status(root, revision, ())
    children = [_member(family, key, wave) for key, wave in family.members(top).items()]
    children.sort(key=lambda item: (item.wave, item.name))
    first = replace(_status(family.by_key[top], revision), parent=any(not item.ready for item in children))
    return Status(root, revision, (first, *children))


def key_of(application: Application) -> tuple[str, str]:
    """(namespace, name)."""
    metadata = application["metadata"]
    return str(metadata["namespace"]), str(metadata["name"])


def wave_of(application: Application) -> int:
    """The sync wave in the Application's own annotation."""
    value = str((application["metadata"].get("annotations") or {}).get(WAVE, "0"))
    number = whole(value.removeprefix("-")) or 0
    return -number if value.startswith("-") else number


def _member(family: Family, key: Key, wave: int) -> ApplicationStatus:
    namespace, name = key
    by_key = family.by_key
    if key not in by_key:
        return ApplicationStatus(name, namespace, wave, "OutOfSync", "Missing", "", NOT_CREATED)
    waiting = any(child not in by_key or reason_for(by_key[child]).text for child in family.members(key))
    return replace(_status(by_key[key], None), wave=wave, parent=waiting)


def _status(application: Application, revision: str | None) -> ApplicationStatus:
    state = application.get("status") or {}
    sync, health = state.get("sync") or {}, state.get("health") or {}
    why = reason_for(application, revision)
    namespace, name = key_of(application)
    return ApplicationStatus(
        name=name,
        namespace=namespace,
        wave=wave_of(application),
        sync=str(sync.get("status") or "Unknown"),
        health=str(health.get("status") or "Unknown"),
        revision=", ".join(revisions(application)),
        waiting_for=why.text,
        since=why.since,
        final=why.final,
        passing=why.passing,
    )
