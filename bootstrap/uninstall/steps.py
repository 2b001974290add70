"""The steps of a removal: frozen values (handlers.py carries them out), each with its line of text."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.argocd.removal import NAME, PLACE, Removal
from bootstrap.argocd.status import Key
from bootstrap.core.text import counted
from bootstrap.manifests.objects import ClusterObject

NAMED = 4
"""The most names in a line; of the rest, it gives the number."""


@dataclass(frozen=True)
class Begin:
    """Record in the cluster that a removal is under way."""

    removal: Removal


@dataclass(frozen=True)
class End:
    """Delete that record, once nothing is left of what it tells; `namespace` is Argo CD's."""

    namespace: str


@dataclass(frozen=True)
class StopSync:
    """Switch automatic sync off, the root's first: else Argo CD would restore what is deleted."""

    applications: tuple[Key, ...]


@dataclass(frozen=True)
class ReleaseSets:
    """Delete ApplicationSets without the Applications that they generated."""

    objects: tuple[ClusterObject, ...]


@dataclass(frozen=True)
class RemoveApplications:
    """Delete Applications of one wave: `cascade` by Argo CD with their objects, else without."""

    applications: tuple[Key, ...]
    wave: int
    cascade: bool


@dataclass(frozen=True)
class RemoveObjects:
    """Delete objects with their dependents, and wait until they are gone."""

    title: str
    objects: tuple[ClusterObject, ...]


@dataclass(frozen=True)
class RemoveCRDs:
    """Delete CRDs whose kinds have no objects left."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class RemoveNamespace:
    """Delete Argo CD's namespace, in which nothing is somebody else's."""

    name: str


@dataclass(frozen=True)
class RemoveFromHost:
    """Delete the webhook and the deploy key that the repository's host has for this cluster."""

    url: str


@dataclass(frozen=True)
class RemoveFromGit:
    """Remove the cluster's folder and its settings from the branch ("": the default one), by a commit."""

    url: str
    branch: str
    folder: str


Step = (
    Begin
    | End
    | StopSync
    | ReleaseSets
    | RemoveApplications
    | RemoveObjects
    | RemoveCRDs
    | RemoveNamespace
    | RemoveFromHost
    | RemoveFromGit
)


@dataclass(frozen=True)
class Plan:
    """What a removal does, in order."""

    steps: tuple[Step, ...]


def title(step: Step) -> str:
    """One line: what the step does."""
    match step:
        case Begin():
            return f"record that a removal is under way (ConfigMap {PLACE}/{NAME})"
        case End():
            return "delete that record"
        case StopSync():
            return f"switch automatic sync off ({counted(len(step.applications), 'Application')})"
        case ReleaseSets():
            whose = "its" if len(step.objects) == 1 else "their"
            return f"delete {counted(len(step.objects), 'ApplicationSet')} without {whose} Applications"
        case RemoveApplications():
            whose = "its" if len(step.applications) == 1 else "their"
            how = f"with {whose} objects" if step.cascade else f"and leave {whose} objects"
            return f"delete {some([name for _, name in step.applications])} {how} (wave {step.wave})"
        case RemoveObjects():
            return f"delete {step.title} ({counted(len(step.objects), 'object')})"
        case RemoveCRDs():
            return f"delete {counted(len(step.names), 'CRD')}: {some(step.names)}"
        case RemoveNamespace():
            return f"delete Namespace {step.name}"
        case RemoveFromHost():
            return f"delete this cluster's webhook and deploy key from {step.url}"
        case RemoveFromGit():
            return f"remove {step.folder} from {step.branch or 'the default branch'} of {step.url}"


def some(names: tuple[str, ...] | list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
