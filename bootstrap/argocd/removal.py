"""The note in the cluster that a removal has begun: the run that continues after an interruption reads it.

It is the first thing that `bootstrap uninstall` writes and the last that it deletes, so that the next run
knows of one that was killed, and `init` does not install into the middle of a removal. So it is not in Argo
CD's namespace, which goes before the removal has ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bootstrap.core import next_run
from bootstrap.core.errors import InputError
from bootstrap.kube import Cluster, get
from bootstrap.manifests.objects import ClusterObject

NAME, PLACE = "bootstrap-uninstall", "kube-system"
"""Releases up to 0.1 have it in Argo CD's namespace."""
KEY = "removal.json"
Outliving = tuple[str, str, str, str, str]
"""API version, kind, namespace, name, and why it stays: only an Application tells that, and it goes first."""


@dataclass(frozen=True)
class Removal:
    """What was agreed to. `applications` are namespace/name; `prune`: their objects go, too."""

    prune: bool
    keep_crds: bool
    applications: tuple[str, ...]
    repo_url: str = ""
    branch: str = ""
    folder: str = ""
    argocd: bool = True
    """Whether Argo CD itself goes."""
    left: tuple[str, ...] = ()
    """The Applications, as namespace/name, that are deleted without their objects."""
    kept: tuple[Outliving, ...] = ()
    """What outlives the Applications that are deleted with their objects."""
    namespace: str = ""
    """Argo CD's; "" in a note of 0.1."""


def pending(cluster: Cluster) -> Removal | None:
    """The removal that has begun in this cluster; InputError when its note cannot be read."""
    for namespace in (PLACE, cluster.argocd_namespace):
        found = get(cluster, "v1", "ConfigMap", namespace, NAME)
        if found is not None:
            return parse(found)
    return None


def parse(config_map: Mapping[str, Any]) -> Removal:
    """The note's content; InputError when it is not one."""
    try:
        data = json.loads((config_map.get("data") or {})[KEY])
        lists = {key: tuple(data.get(key, ())) for key in ("applications", "left")}
        kept = tuple(_outliving(one) for one in data.get("kept", ()))
        return Removal(**{**data, **lists, "kept": kept})
    except (KeyError, TypeError, ValueError) as error:
        namespace = config_map["metadata"]["namespace"]
        place = f"ConfigMap {namespace}/{NAME}"
        delete = next_run.kubectl(f"-n {namespace} delete configmap {NAME}")
        hint = f"delete it, and run {next_run.command('uninstall')} again: {delete}"
        raise InputError("reading the note of a removal", f"{place} cannot be read: {error}", hint) from error


def _outliving(written: Sequence[str]) -> Outliving:
    api_version, kind, namespace, name, why = map(str, written)
    return api_version, kind, namespace, name, why


def note(removal: Removal) -> ClusterObject:
    """The ConfigMap to apply."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": PLACE},
        "data": {KEY: json.dumps(asdict(removal), sort_keys=True)},
    }
    return ClusterObject("v1", "ConfigMap", PLACE, NAME, json.dumps(body).encode())


def names(namespace: str) -> tuple[ClusterObject, ...]:
    """The ConfigMap to delete, in either place; `namespace` is Argo CD's."""
    return tuple(ClusterObject("v1", "ConfigMap", one, NAME, b"") for one in (namespace, PLACE))
