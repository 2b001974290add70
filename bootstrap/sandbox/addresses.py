"""The addresses of a running sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.sandbox.node import layout
from bootstrap.sandbox.state import GIT_USERNAME, HOST, ORGANISATION, Settings


def node(name: str) -> str:
    """The container that is the cluster's only node."""
    return f"{_cluster_name(name)}-control-plane"


def _cluster_name(name: str) -> str:
    return f"bootstrap-sandbox-{name}"


@dataclass(frozen=True)
class Sandbox:
    """The addresses and files of a sandbox, read back from its folder. URLs have no trailing slash."""

    name: str
    folder: Path
    kubeconfig: Path
    context: str
    server: str
    git_url: str
    git_username: str
    git_token_file: Path
    git_organisation: str
    argocd_url: str
    programs: Path
    known_hosts: Path
    git_ssh_url: str
    pages: Mapping[str, str] = field(default_factory=dict)
    """Of the voting app, by name, where pods run: those of the environment that has node ports."""


def describe(folder: Path, settings: Settings) -> Sandbox:
    """The sandbox's addresses and files."""
    if settings.provider == "kind":
        from bootstrap.sandbox import kind

        return kind.describe(folder, settings)
    ports = settings.ports
    return Sandbox(
        name=settings.name,
        folder=folder,
        kubeconfig=folder / "kubeconfig",
        context=f"bootstrap-sandbox-{settings.name}",
        server=f"https://{HOST}:{ports['kube-apiserver']}",
        git_url=f"http://{HOST}:{ports['gitea']}",
        git_username=GIT_USERNAME,
        git_token_file=folder / "git" / "token",
        git_organisation=ORGANISATION,
        argocd_url=f"http://{HOST}:{ports['argocd-server']}",
        programs=folder / "bin",
        known_hosts=folder / "git" / "known_hosts",
        git_ssh_url=f"ssh://git@{HOST}:{ports['gitea-ssh']}",
        pages=_pages(settings),
    )


def _pages(settings: Settings) -> dict[str, str]:
    if settings.nodes != "real":
        return {}
    ports = {name: settings.ports[name] for name in layout.PAGES if name in settings.ports}
    return {name.removeprefix("node-"): f"http://{HOST}:{port}" for name, port in ports.items()}
