"""The steps a plan is made of: frozen values without behaviour (handlers.py carries them out)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.git.changes import Commit
from bootstrap.manifests.objects import ClusterObject

Object = Mapping[str, Any]
"""A Kubernetes object as parsed: apiVersion, kind, metadata, …"""


@dataclass(frozen=True)
class EnsureRepository:
    """Create the repository on its Git host, private, unless it exists."""

    url: str
    default_branch: str


@dataclass(frozen=True)
class PushFiles:
    """Push commits to one branch, only if its tip is still `expect` (None: no such branch yet).

    With `review`, push to that branch of ours instead, and open a pull request.
    """

    url: str
    branch: str
    commits: tuple[Commit, ...]
    expect: str | None
    review: str = ""


@dataclass(frozen=True)
class ServerSideApply:
    """Apply objects in phases: namespaces, CRDs until Established, the rest in parallel.

    Fields that other managers own are taken from all of them by `force_conflicts`, else from those in `over`.
    """

    title: str
    objects: tuple[ClusterObject, ...]
    force_conflicts: bool = False
    over: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnsureSecret:
    """Keys that a Secret must have; of their values, only `literals`, which are not confidential.

    `generate` get random values when missing and are kept when present; `values_from` names
    credentials that the run holds in memory (key of the Secret → name of the credential). `asked_by` is
    the Application that asks for it: then a key that someone else has set stays as it is.
    """

    namespace: str
    name: str
    generate: tuple[str, ...] = ()
    values_from: tuple[tuple[str, str], ...] = ()
    literals: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    asked_by: str = ""


@dataclass(frozen=True)
class EnsureWebhook:
    """A webhook of the repository to Argo CD's API, with the secret in argocd-secret."""

    repository: str
    url: str


@dataclass(frozen=True)
class EnsureDeployKey:
    """Let the public half of the SSH key in a Secret (`namespace`, `secret`) read the repository."""

    repository: str
    title: str
    namespace: str
    secret: str


@dataclass(frozen=True)
class DeleteObjects:
    """Delete objects, in this order, and wait until each is gone."""

    objects: tuple[ClusterObject, ...]


@dataclass(frozen=True)
class WaitFor:
    """Wait until the root Application and all its children are Synced and Healthy."""

    root: str
    namespace: str
    revision: str | None
    timeout: float


Step = (
    EnsureRepository
    | PushFiles
    | ServerSideApply
    | EnsureSecret
    | EnsureWebhook
    | EnsureDeployKey
    | DeleteObjects
    | WaitFor
)


@dataclass(frozen=True)
class Plan:
    """What a command will do, in order; empty when there is nothing to do."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def changes_something(self) -> bool:
        """Whether any step but waiting is left."""
        return any(not isinstance(step, WaitFor) for step in self.steps)
