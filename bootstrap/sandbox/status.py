"""The state of a sandbox: each process, and the end of the log of those that exited."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bootstrap.core.invocation import Invocation
from bootstrap.sandbox import addresses as sandbox_addresses
from bootstrap.sandbox import process, state
from bootstrap.sandbox.addresses import Sandbox

State = Literal["running", "ended", "stopped"]


@dataclass(frozen=True)
class Process:
    """`ended`: started, and exited; `stopped`: not started. `tail`: the end of its log."""

    name: str
    state: State
    pid: int | None
    log: Path
    tail: str = ""


@dataclass(frozen=True)
class Status:
    """A sandbox and its processes; `up` when every one that should run does."""

    sandbox: Sandbox
    processes: tuple[Process, ...]

    @property
    def up(self) -> bool:
        return all(process.state == "running" for process in self.processes)

    def data(self) -> dict[str, Any]:
        """For JSON; it contains no credential, only the paths of their files."""
        return {
            **addresses(self.sandbox),
            "up": self.up,
            "processes": [
                {
                    "name": item.name,
                    "state": item.state,
                    "pid": item.pid,
                    "log": str(item.log),
                    **({"tail": item.tail} if item.tail else {}),
                }
                for item in self.processes
            ],
        }


def observe(name: str, invocation: Invocation) -> Status | None:
    """The sandbox's processes, or None when there is no such sandbox."""
    folder = state.folder_of(name, invocation)
    settings = state.load(folder)
    if settings is None:
        return None
    if settings.provider == "kind":
        from bootstrap.sandbox import kind

        runs = kind.runs(name, invocation)
        node = Process(sandbox_addresses.node(name), "running" if runs else "stopped", None, folder)
        return Status(sandbox_addresses.describe(folder, settings), (node,))
    recorded = process.recorded(folder)
    names = [*settings.processes, *(item for item in recorded if item not in settings.processes)]
    found = tuple(_process(folder, item, item in recorded) for item in names)
    return Status(sandbox_addresses.describe(folder, settings), found)


def addresses(sandbox: Sandbox) -> dict[str, Any]:
    """The addresses and files that every output of a sandbox has."""
    return {
        "name": sandbox.name,
        "folder": str(sandbox.folder),
        "kubeconfig": str(sandbox.kubeconfig),
        "context": sandbox.context,
        "server": sandbox.server,
        "argocd": sandbox.argocd_url,
        "git": {
            "url": sandbox.git_url,
            "ssh": sandbox.git_ssh_url,
            "username": sandbox.git_username,
            "tokenFile": str(sandbox.git_token_file),
            "organisation": sandbox.git_organisation,
            "knownHosts": str(sandbox.known_hosts),
        },
        **({"pages": dict(sandbox.pages)} if sandbox.pages else {}),
    }


def _process(folder: Path, name: str, recorded: bool) -> Process:
    log = process.log_file(folder, name)
    if live := process.running(folder, name):
        return Process(name, "running", live.pid, log)
    if recorded:
        return Process(name, "ended", None, log, process.last_words(log) or "nothing was written")
    return Process(name, "stopped", None, log)
