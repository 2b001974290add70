"""Who listens on a port of this machine: checked before a credential is sent there.

A sandbox's ports are known, and anyone can take one while its process is down; whoever does would be sent the
password or token. The kernel knows which socket listens, and which process has it open.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

from bootstrap.core import next_run
from bootstrap.core.errors import SandboxError
from bootstrap.sandbox import process, state
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.state import HOST

_LISTENING = "0A"


def check(folder: Path, name: str, port: int) -> None:
    """Raise SandboxError unless the sandbox's own process of that name listens on the port of HOST."""
    if not is_of(folder, name, port):
        raise SandboxError(
            f"connecting to {name}",
            f"this sandbox's {name} does not listen on {HOST}:{port}; nothing was sent to what answers there",
            f"run {next_run.command('sandbox down')}, then up: it takes another port",
            str(process.log_file(folder, name)),
        )


def check_git_host(sandbox: Sandbox) -> None:
    """The same for a sandbox's Git host, where that is a process on this machine; SandboxError."""
    settings = state.load(sandbox.folder)
    if settings and settings.provider == "embedded" and "gitea" in settings.ports:
        check(sandbox.folder, "gitea", settings.ports["gitea"])


def is_of(folder: Path, name: str, port: int) -> bool:
    """Whether the recorded process, or a child of it, has the listening socket open."""
    running = process.running(folder, name)
    if running is None:
        return False
    listening = _sockets(port)
    pids = {running.pid} | {found.pid for found, role in process.owned(folder) if role == name}
    return bool(listening) and any(listening & _open_sockets(pid) for pid in pids)


def _sockets(port: int) -> set[str]:
    """The inodes of what listens on exactly HOST and that port."""
    address = f"{struct.unpack('=I', socket.inet_aton(HOST))[0]:08X}:{port:04X}"
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    return {field[9] for field in fields if field[1] == address and field[3] == _LISTENING}


def _open_sockets(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):  # the process has just exited
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = os.readlink(entry)  # noqa: PTH115 - not a path: socket:[1234]
                if target.startswith("socket:["):
                    found.add(target[8:-1])
    return found
