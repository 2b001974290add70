"""What a sandbox is: its name, folder, ports and addresses, kept in `sandbox.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.sandbox.files import read_json, write_private

DEFAULT = "default"
ORGANISATION = "platform"
GIT_USERNAME = "gitops"
HOST = "127.0.0.1"
PORTS = (
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kwok",
    "node-registry",
    "node-vote",
    "node-result",
    "metrics-server",
    "redis",
    "gitea",
    "gitea-ssh",
    "argocd-server",
    "argocd-server-metrics",
    "argocd-repo-server",
    "argocd-repo-server-metrics",
    "argocd-application-controller-metrics",
    "argocd-applicationset-controller",
    "argocd-applicationset-controller-metrics",
    "argocd-applicationset-controller-probe",
)
"""What listens, by name."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?")


@dataclass(frozen=True)
class Settings:
    """The content of `sandbox.json`: ports by name, the provider, the processes that should run.

    `nodes`: "simulated", or "real" for one that runs pods next to a simulated one.
    """

    name: str
    ports: Mapping[str, int]
    processes: tuple[str, ...]
    provider: str = "embedded"
    programs: Mapping[str, str] = field(default_factory=dict)
    nodes: str = "simulated"


def check_name(name: str) -> str:
    """The name, if it can be part of a folder, a context and a host name; else InputError."""
    if not _NAME.fullmatch(name):
        raise InputError(
            "reading --name",
            f"{name!r} is not a valid name",
            "give up to 32 lower-case letters, digits and '-'",
        )
    return name


def sandboxes(invocation: Invocation) -> Path:
    """The folder that contains every sandbox's folder."""
    return invocation.data_dir / "sandboxes"


def folder_of(name: str, invocation: Invocation) -> Path:
    """The sandbox's folder, absolute, whether it exists or not."""
    return (sandboxes(invocation) / check_name(name)).absolute()


def names(invocation: Invocation) -> list[str]:
    """Every sandbox that has state on this machine, running or not."""
    return sorted(path.parent.name for path in sandboxes(invocation).glob("*/sandbox.json"))


def unknown(name: str) -> InputError:
    """The error for a sandbox that was never started."""
    return InputError(
        "reading --name", f"there is no sandbox {name!r}", f"bootstrap sandbox up --name {name}"
    )


def load(folder: Path) -> Settings | None:
    """The settings in the folder, or None when nothing was ever started there."""
    data = read_json(folder / "sandbox.json")
    if data is None:
        return None
    return Settings(
        name=data["name"],
        ports=data["ports"],
        processes=tuple(data["processes"]),
        provider=data["provider"],
        programs=data.get("programs", {}),
        nodes=data.get("nodes", "simulated"),
    )


def save(folder: Path, settings: Settings) -> None:
    """Save the settings for `down`, `status` and the next `up`."""
    data = {
        "name": settings.name,
        "provider": settings.provider,
        "processes": list(settings.processes),
        "ports": dict(settings.ports),
        "programs": dict(settings.programs),
        "nodes": settings.nodes,
    }
    write_private(folder / "sandbox.json", json.dumps(data, indent=2) + "\n")
