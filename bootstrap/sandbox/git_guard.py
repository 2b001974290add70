"""Argo CD has the Git host's credential, and sends it to whoever listens there: so only while that is ours.

When the sandbox's Gitea ends, another process of the machine can take its port. What speaks to it is killed
as soon as the kernel says that it has ended, and started again only when it runs.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

from bootstrap.sandbox import process
from bootstrap.sandbox.state import Settings

HOST = "gitea"
CLIENTS = ("argocd-repo-server", "argocd-applicationset-controller")
"""Those that read repositories, or ask the host's API."""
ROUND = 1.0
"""Seconds after which it is looked at again whether the process is still the recorded one."""


def runs(folder: Path, settings: Settings) -> bool:
    """Whether the Git host is our own process; also where a sandbox has none."""
    return HOST not in settings.processes or process.running(folder, HOST) is not None


def watch(folder: Path, stop: threading.Event, ended: Callable[[], None]) -> None:
    """Until `stop` is set: kill the clients when the Git host ends, and call `ended`."""
    known = False
    while not stop.is_set():
        host = process.running(folder, HOST)
        if host is None:
            if known:
                process.end(folder, CLIENTS, patience=0.0)
                ended()
            known = False
            stop.wait(ROUND / 5)
        else:
            known = True
            _until_it_ends(host.pid)


def _until_it_ends(pid: int) -> None:
    """Returns when the process has ended, or after a while."""
    try:
        handle = os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, or it has ended
        threading.Event().wait(ROUND / 5)
        return
    try:
        select.select([handle], [], [], ROUND)
    finally:
        os.close(handle)
