"""What was read from the cluster: frozen, built by `observe`, read by plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bootstrap.kube.entrances import Entrances
from bootstrap.manifests.objects import ClusterObject


@dataclass(frozen=True)
class ArgoCDInstallation:
    """An Argo CD found in the cluster. `installed_by`: bootstrap, manifest, helm, operator."""

    namespace: str
    version: str | None
    installed_by: Literal["bootstrap", "manifest", "helm", "operator"]


@dataclass(frozen=True)
class ClusterState:
    """An API server and what this credential may do there."""

    context: str
    server: str
    version: str
    missing_rights: tuple[str, ...] = ()
    argocd: ArgoCDInstallation | None = None
    clock_skew: float = 0.0
    ready_nodes: int = 0
    provided: Mapping[str, str] = field(default_factory=dict)
    """Component of the catalog → what the cluster already has in its place."""
    storage_classes: Mapping[str, bool] | None = None
    """Name → whether it is the default one; None when they may not be listed."""
    entrances: Entrances = field(default_factory=Entrances)


@dataclass(frozen=True)
class FieldConflict:
    """A field that another manager owns: path as the API server names it, and that manager."""

    field: str
    manager: str


@dataclass(frozen=True)
class Preview:
    """What applying one object would do, by the API server's own dry run."""

    object: ClusterObject
    change: Literal["create", "change", "same", "conflict"]
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    conflicts: tuple[FieldConflict, ...] = ()
