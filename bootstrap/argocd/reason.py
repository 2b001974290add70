"""Pure: why one Application is not Synced and Healthy yet, in Argo CD's own words where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.core.text import cut

Application = Mapping[str, Any]

REFRESH = "argocd.argoproj.io/refresh"
NOT_CREATED = "an earlier wave: it is not created yet"
PASSING = (
    "code = unavailable",
    "connection refused",
    "connection reset",
    "deadline exceeded",
    "i/o timeout",
    "tls handshake timeout",
    "no such host",
    "server is currently unable",
    "temporarily unavailable",
    "eof",
)
"""Parts of messages about something that is just not up yet."""
ERRORS = ("ComparisonError", "InvalidSpecError", "SyncError", "DeletionError", "UnknownError")
NAMED = 3
"""Resources that a reason lists before it only counts the rest."""


@dataclass(frozen=True)
class Reason:
    """`text` "" means ready; `final`: nothing will change by itself; `since`: an RFC 3339 time or "".

    `passing`: an error that disappears with the next refresh, which may be minutes away.
    """

    text: str
    since: str = ""
    final: bool = False
    passing: bool = False


READY = Reason("")


def reason_for(application: Application, revision: str | None = None) -> Reason:
    """What this Application is waiting for; `revision` is the commit that it must be at, if any."""
    metadata, state = application["metadata"], application.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return Reason("its deletion", metadata["deletionTimestamp"])
    if not state.get("reconciledAt") and not state.get("conditions"):
        return Reason("the application controller to look at it", str(metadata.get("creationTimestamp", "")))
    if error := _condition(state):
        return error
    if operation := _operation(application, state):
        return operation
    if (metadata.get("annotations") or {}).get(REFRESH):
        return Reason("the application controller to compare it again")
    return _sync(application, state, revision) or _health(state) or READY


def revisions(application: Application) -> list[str]:
    """The revisions that it was compared with, one per source."""
    sync = (application.get("status") or {}).get("sync") or {}
    found = sync.get("revisions") or [sync.get("revision")]
    return [str(item) for item in found if item]


def repository(application: Application) -> str | None:
    """The repository of the source `ref: repo`, or of the only source."""
    spec = application.get("spec") or {}
    sources = spec.get("sources") or ([spec["source"]] if spec.get("source") else [])
    for source in sources:
        if source.get("ref") == "repo" or len(sources) == 1:
            return str(source.get("repoURL", "")).removesuffix(".git")
    return None


def _condition(state: Mapping[str, Any]) -> Reason | None:
    for condition in state.get("conditions") or ():
        if condition.get("type") in ERRORS:
            message = str(condition.get("message", ""))
            passing = any(part in message.lower() for part in PASSING)
            return Reason(
                f"{condition['type']}: {cut(message)}",
                str(condition.get("lastTransitionTime", "")),
                not passing,
                passing,
            )
    return None


def _operation(application: Application, state: Mapping[str, Any]) -> Reason | None:
    """A sync that is running, about to run, or has failed."""
    operation = state.get("operationState") or {}
    phase, message = operation.get("phase"), cut(str(operation.get("message", "")))
    since = str(operation.get("startedAt", ""))
    if phase in ("Running", "Terminating"):
        return Reason(f"its sync: {message or 'running'}", since)
    if application.get("operation"):
        return Reason("its sync to start")
    synced = (state.get("sync") or {}).get("status") == "Synced"
    if phase in ("Failed", "Error") and not synced:
        return Reason(f"its sync failed: {message}", str(operation.get("finishedAt", since)))
    return None


def _sync(application: Application, state: Mapping[str, Any], revision: str | None) -> Reason | None:
    sync = str((state.get("sync") or {}).get("status") or "Unknown")
    if sync != "Synced":
        automated = (application["spec"].get("syncPolicy") or {}).get("automated")
        what = _out_of_sync(state)
        if sync == "OutOfSync" and (automated is None or automated.get("enabled") is False):
            return Reason(f"someone to sync it: it has no automated sync policy{what}", final=True)
        if what and not _prunes(automated) and _only_to_prune(state):
            return Reason(f"someone to delete what Git no longer has: it does not prune{what}", final=True)
        return Reason(f"its sync: {sync}{what}")
    found = revisions(application)
    if revision and revision not in found:
        at = ", ".join(item[:12] for item in found) or "none"
        return Reason(f"revision {revision[:12]}: it is at {at}", final=True)
    return None


def _prunes(automated: Mapping[str, Any] | None) -> bool:
    return bool((automated or {}).get("prune"))


def _only_to_prune(state: Mapping[str, Any]) -> bool:
    """Whether all that is out of sync is what only a sync that prunes would end."""
    items = [item for item in state.get("resources") or () if item.get("status") == "OutOfSync"]
    return all(item.get("requiresPruning") for item in items)


def _out_of_sync(state: Mapping[str, Any]) -> str:
    names = [
        f"{item.get('kind')} {item.get('name')}"
        for item in state.get("resources") or ()
        if item.get("status") == "OutOfSync"
    ]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f" ({', '.join(names[:NAMED])}{more})" if names else ""


def _health(state: Mapping[str, Any]) -> Reason | None:
    health = state.get("health") or {}
    status = str(health.get("status") or "Unknown")
    if status == "Healthy":
        return None
    since = str(health.get("lastTransitionTime", ""))
    message = cut(str(health.get("message") or ""))
    if not message:
        message = _unhealthy(state)
    text = f"{status}: {message}" if message else status
    if status == "Suspended":
        return Reason(f"someone to resume it: {text}", since, final=True)
    return Reason(f"its health: {text}", since)


def _unhealthy(state: Mapping[str, Any]) -> str:
    """The resources that are not healthy, where the Application has their health."""
    found = []
    for item in state.get("resources") or ():
        health = item.get("health") or {}
        if health.get("status") not in (None, "Healthy"):
            message = f" ({cut(str(health['message']))})" if health.get("message") else ""
            found.append(f"{item.get('kind')} {item.get('name')} is {health['status']}{message}")
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more
