"""The environment of the sandbox's programs: only their own variables, and the user's proxies."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.core.loopback import no_proxy
from bootstrap.sandbox import control_plane
from bootstrap.sandbox.files import private_folder
from bootstrap.sandbox.node import layout

PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
CLUSTER = (".svc", ".cluster.local", control_plane.SERVICES, control_plane.PODS, layout.PODS, layout.ADDRESS)
"""What only the sandbox's own cluster has, and no proxy knows."""
_ROOM = 12 << 30
"""Bytes of memory with which garbage may be collected late: a sandbox then takes a third more."""


def build(folder: Path, invocation: Invocation, **extra: str) -> dict[str, str]:
    """The complete environment: own HOME and TMPDIR, the sandbox's programs first on PATH.

    At most two processors each, and garbage collected early where there is little memory, keep several
    concurrent sandboxes small.
    """
    user = user_name()
    return {
        "PATH": f"{folder / 'libexec'}:{folder / 'bin'}:{SYSTEM_PATH}",
        "HOME": str(private_folder(folder / "home")),
        "TMPDIR": str(private_folder(folder / "tmp")),
        "USER": user,
        "LOGNAME": user,
        "LANG": "C.UTF-8",
        "GOMAXPROCS": str(min(2, os.cpu_count() or 1)),
        **_garbage(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")),
        **{name: value for name in PASSED_ON if (value := invocation.environ.get(name))},
        **no_proxy(invocation.environ, *CLUSTER),
        **extra,
    }


def _garbage(memory: int) -> dict[str, str]:
    """When Go's programs collect garbage: if late, Argo CD syncs an edit in three quarters of the time."""
    return {"GOGC": "300", "GOMEMLIMIT": "768MiB"} if memory >= _ROOM else {"GOGC": "75"}


def user_name() -> str:
    """The user's name; the number where there is none, as in some containers."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
