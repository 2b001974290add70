"""Waiting until a process works: polled, and reported at once when it has died."""

from __future__ import annotations

import ctypes
import errno
import http.client
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bootstrap.core.errors import SandboxError
from bootstrap.sandbox import process
from bootstrap.sandbox.state import HOST

PAUSE = 0.1
"""Seconds between two polls."""


def wait_for(folder: Path, name: str, question: Callable[[], bool], deadline: float, waited_for: str) -> None:
    """Wait until the answer is yes. `deadline`: monotonic seconds. SandboxError: it died, or timed out."""
    while not question():
        if process.running(folder, name) is None:
            raise process.died(folder, name)
        if time.monotonic() > deadline:
            log = process.log_file(folder, name)
            tail = process.last_words(log)
            raise SandboxError(
                f"waiting for {name}",
                f"timed out waiting for {waited_for}; the end of its log:\n{tail}",
                f"give a longer --timeout, or read {log}",
            )
        time.sleep(PAUSE)


def check_watches() -> None:
    """Raise SandboxError if this user can have no more inotify instances: Argo CD exits without one."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_CLOEXEC)
    if descriptor >= 0:
        os.close(descriptor)
    elif ctypes.get_errno() == errno.EMFILE:
        most = Path("/proc/sys/fs/inotify/max_user_instances").read_text(encoding="ascii").strip()
        raise SandboxError(
            "starting Argo CD's repository server",
            f"this user's programs use all {most} inotify instances (fs.inotify.max_user_instances)",
            "end some, such as another local cluster; or raise it: sysctl fs.inotify.max_user_instances=512",
        )


def accepts(port: int) -> bool:
    """Whether something listens on the loopback port."""
    try:
        socket.create_connection((HOST, port), 1.0).close()
    except OSError:
        return False
    return True


def answers(port: int, path: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether GET returns 200, over TLS when a context is given."""
    if context is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=5.0)
    else:
        connection = http.client.HTTPSConnection(HOST, port, timeout=5.0, context=context)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def trusting(pki: Path, identity: str = "admin", authority: str = "ca") -> ssl.SSLContext:
    """TLS that trusts only one CA of the sandbox, with a client certificate issued by it."""
    context = ssl.create_default_context(cafile=str(pki / f"{authority}.crt"))
    context.load_cert_chain(pki / f"{identity}.pem")
    return context
