"""Where Applications are watched, refreshed and explained: the API server, or Argo CD's own API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bootstrap import kube
from bootstrap.argocd.explain import explain, rollouts
from bootstrap.argocd.reason import REFRESH, Application
from bootstrap.argocd.status import Key
from bootstrap.kube import Cluster

API_VERSION = "argoproj.io/v1alpha1"

Events = Iterator[tuple[str, dict[str, Any]]]


class Source(Protocol):
    """What waiting needs. `watch` is like kube.watch: everything that exists, each change, and ticks."""

    def watch(self, namespace: str, timeout: float, tick: float) -> Events: ...

    def refresh(self, namespace: str, name: str) -> None:
        """Have Argo CD compare an Application with Git now; NotFound when it does not exist."""

    def explain(self, application: Application) -> list[str]:
        """A line for each of its objects with a problem, as far as they can be read."""

    def rollouts(self, applications: Sequence[Application]) -> Mapping[Key, tuple[str, ...]]:
        """For each Application with workloads that are not rolled out: a line for each of them."""


@dataclass(frozen=True)
class FromCluster:
    """Through the API server, with a kubeconfig."""

    cluster: Cluster

    def watch(self, namespace: str, timeout: float, tick: float) -> Events:
        return kube.watch(self.cluster, API_VERSION, "Application", namespace, timeout, tick=tick)

    def refresh(self, namespace: str, name: str) -> None:
        kube.annotate(self.cluster, API_VERSION, "Application", namespace, name, {REFRESH: "normal"})

    def explain(self, application: Application) -> list[str]:
        return explain(self.cluster, application)

    def rollouts(self, applications: Sequence[Application]) -> Mapping[Key, tuple[str, ...]]:
        return rollouts(self.cluster, applications)
