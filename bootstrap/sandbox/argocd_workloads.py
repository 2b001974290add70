"""Pure: how the installed Argo CD wants its containers to be run, read from its own workloads.

So a setting in argocd-cmd-params-cm, an argument or a variable that a person patches in has the same
effect on the host as in a cluster's pod.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMESPACE = "argocd"
COMPONENTS: Mapping[str, str] = {
    "argocd-repo-server": "Deployment",
    "argocd-application-controller": "StatefulSet",
    "argocd-applicationset-controller": "Deployment",
    "argocd-server": "Deployment",
}
"""What runs on the host, and its name in the cluster."""
MOUNTED: Mapping[str, str] = {
    "argocd-ssh-known-hosts-cm": "ssh",
    "argocd-tls-certs-cm": "tls",
    "argocd-gpg-keys-cm": "gpg/source",
}
"""ConfigMaps that pods mount as files, and their folder."""
CUSTOM_RESOURCES = ("applications.argoproj.io", "appprojects.argoproj.io", "applicationsets.argoproj.io")

_PREFIXES = ("ARGOCD_", "GRPC_", "OTEL_")
_NAMES = ("NAMESPACE", "REDIS_COMPRESSION", "REDISDB")


@dataclass(frozen=True)
class Component:
    """One container: its arguments after the program's name, its variables with references resolved."""

    name: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Installed:
    """The Argo CD in the cluster: `files` are folder → file → content, of the mounted ConfigMaps.

    `signed`: argocd-secret has the key that argocd-server creates at its first start.
    """

    components: tuple[Component, ...]
    files: Mapping[str, Mapping[str, str]]
    signed: bool = True


def read(
    workloads: Sequence[Mapping[str, Any]],
    config_maps: Sequence[Mapping[str, Any]],
    secrets: Sequence[Mapping[str, Any]],
    established: Sequence[str],
) -> Installed | None:
    """What is installed, or None while a part that the processes need to start is missing.

    `established` are the names of the Established CRDs.
    """
    maps = {item["metadata"]["name"]: item.get("data") or {} for item in config_maps}
    keys = {item["metadata"]["name"]: item.get("data") or {} for item in secrets}
    if "argocd-cm" not in maps or "argocd-secret" not in keys:
        return None
    if not set(CUSTOM_RESOURCES) <= set(established):
        return None
    components = [
        component
        for workload in workloads
        if workload["metadata"]["name"] in COMPONENTS
        and workload["kind"] == COMPONENTS[workload["metadata"]["name"]]
        and workload["spec"].get("replicas", 1) > 0
        and (component := _component(workload, maps))
    ]
    if not components:
        return None
    return Installed(
        tuple(sorted(components, key=lambda component: list(COMPONENTS).index(component.name))),
        {folder: maps.get(name, {}) for name, folder in MOUNTED.items()},
        "server.secretkey" in keys["argocd-secret"],
    )


def _component(workload: Mapping[str, Any], maps: Mapping[str, Mapping[str, str]]) -> Component | None:
    name = workload["metadata"]["name"]
    for container in workload["spec"]["template"]["spec"]["containers"]:
        if container["name"] == name:
            words = [*(container.get("command") or ()), *(container.get("args") or ())]
            arguments = tuple(words[1:]) if words and words[0].endswith(name) else ()
            return Component(name, arguments, _variables(container, maps))
    return None


def _variables(container: Mapping[str, Any], maps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    found = {}
    for item in container.get("env") or ():
        name = item["name"]
        value = _value(item, maps)
        if value is not None and (name.startswith(_PREFIXES) or name in _NAMES):
            found[name] = value
    return found


def _value(item: Mapping[str, Any], maps: Mapping[str, Mapping[str, str]]) -> str | None:
    source = item.get("valueFrom")
    if source is None:
        return str(item.get("value", ""))
    if reference := source.get("configMapKeyRef"):
        return maps.get(reference["name"], {}).get(reference["key"])
    if (source.get("fieldRef") or {}).get("fieldPath") == "metadata.namespace":
        return NAMESPACE
    return None
