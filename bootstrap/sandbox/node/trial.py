"""Do once, in namespaces that end with the trial, what every real node does: what is refused is named.

Rights by name say too little: a container may have CAP_SYS_ADMIN and a filter of system calls, a read-only
/proc/sys, or a kernel whose modules cannot be loaded.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.sandbox.environment import SYSTEM_PATH
from bootstrap.sandbox.node.launch import UNSHARE

SECONDS = 30.0
STEPS: Mapping[str, str] = {
    "mount a file system": "mount -t tmpfs -o mode=0700 trial /mnt",
    "bring up loopback": "ip link set lo up",
    "set net.ipv4.ip_forward in a network of its own": "echo 1 >/proc/sys/net/ipv4/ip_forward",
    "create a veth pair": "ip link add trial0 type veth peer name trial1",
    "create an nftables table": "nft add table ip trial",
    "use iptables": "iptables -w -A INPUT -p tcp -m comment --comment trial -j ACCEPT",
    "create an ipset": "ipset create trial hash:ip",
    "use an ipset in iptables": "iptables -w -A INPUT -m set --match-set trial src -j ACCEPT",
}
"""What a node cannot do without, and how it is tried."""
OVERLAY = "mount an overlay"
_OVERLAY = (
    "mkdir -p {0}/lower {0}/upper {0}/work {0}/merged && "
    "mount -t overlay -o lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work trial {0}/merged"
)


@dataclass(frozen=True)
class Outcome:
    """`refused`: one line per failed step. `overlay`: whether containers can share an image's files."""

    refused: tuple[str, ...]
    overlay: bool


def run(folder: Path) -> Outcome:
    """Try every step; `folder` is new, and on the file system that containers will be on.

    Needs root and the tools of preflight.TOOLS.
    """
    lines = [_step(what, command) for what, command in STEPS.items()]
    lines.append(_step(OVERLAY, _OVERLAY.format(folder)))
    environ = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}
    command = [*UNSHARE, "--", "sh", "-c", "\n".join(lines)]
    try:
        done = subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            cwd=os.sep,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Outcome((f"cannot create namespaces: {error}",), False)
    told = dict(line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
    if OVERLAY not in told:
        return Outcome(
            (f"cannot create namespaces: {_last(done.stderr) or f'status {done.returncode}'}",), False
        )
    refused = [f"cannot {what}: {told.get(what)}" for what in STEPS if told.get(what) != "done"]
    return Outcome(tuple(refused), told[OVERLAY] == "done")


def _step(what: str, command: str) -> str:
    """Shell: a line with the step, a tab, and `done` or the last line that the command printed."""
    return (
        f"if said=$( {{ {command} ; }} 2>&1 ); then printf '%s\\t%s\\n' '{what}' done; "
        f"else printf '%s\\t%s\\n' '{what}' \"$(printf '%s' \"$said\" | tail -n 1)\"; fi"
    )


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
