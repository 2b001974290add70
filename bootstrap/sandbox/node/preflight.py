"""What a real node needs of the machine: everything missing is reported at once, before anything starts."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core.errors import SandboxError
from bootstrap.sandbox.environment import SYSTEM_PATH
from bootstrap.sandbox.node import layout, trial

TOOLS = {
    "runc": "runc",
    "nft": "nftables",
    "ipset": "ipset",
    "iptables": "iptables",
    "iptables-save": "iptables",
    "ip": "iproute2",
    "unshare": "util-linux",
    "mount": "util-linux",
}
"""The machine's own programs that are called, and the Debian package of each."""
INSTANCES = 40
"""inotify instances that a real node takes; the control plane takes about 30 more."""
_SYS_ADMIN, _NET_ADMIN, _SYS_RESOURCE = 21, 12, 24


@dataclass(frozen=True)
class Machine:
    """What was found out about the machine. `missing` prevents a node; `notes` do not."""

    missing: tuple[str, ...]
    notes: tuple[str, ...]
    cgroup_v1: bool
    restricted_oom: bool
    overlay: bool


def check(paths: Iterable[str]) -> Machine:
    """Look at the machine. `paths`: programs and folders that the node has to see.

    SandboxError, with everything that is missing, when no node can run here.
    """
    found = observe(paths)
    if found.missing:
        raise SandboxError(
            "preparing a real node",
            "; ".join(found.missing),
            "fix that, or start a sandbox with simulated nodes: they need none of it",
        )
    return found


def observe(paths: Iterable[str]) -> Machine:
    """Look at the machine; what a node does is tried, in namespaces that end with the trial."""
    paths = list(paths)
    if platform.system() != "Linux":
        return Machine((f"this is {platform.system()}; a real node needs Linux",), (), False, False, False)
    missing, notes = [*_rights(), *_tools(), *_hidden(paths)], []
    groups = Path("/sys/fs/cgroup")
    version_1 = (groups / "memory").is_dir()
    if not version_1 and not (groups / "cgroup.controllers").is_file():
        missing.append(f"no control groups are mounted at {groups}")
    elif _read_only(place := groups / "memory" if version_1 else groups):
        missing.append(f"{place} cannot be written to: pods need control groups of their own")
    restricted = not _has(_SYS_RESOURCE)
    if restricted:
        notes.append("CAP_SYS_RESOURCE is missing: no container is ended before another when memory is short")
    tried = trial.Outcome((), "overlay" in _file_systems()) if missing else _tried(paths)
    missing += tried.refused
    if not tried.overlay:
        notes.append("no overlay can be mounted here: every container gets a full copy of its image")
    limit = _number("/proc/sys/fs/inotify/max_user_instances")
    if limit is not None and limit < 2 * INSTANCES:
        notes.append(
            f"fs.inotify.max_user_instances is {limit}: a node takes about {INSTANCES}, its control plane 30"
        )
    return Machine(tuple(missing), tuple(notes), version_1, restricted, tried.overlay)


def _tried(paths: Iterable[str]) -> trial.Outcome:
    """Where the first of the paths is, as containers will be there."""
    place = next(
        (each for path in paths for each in (Path(path), *Path(path).parents) if each.is_dir()), None
    )
    with tempfile.TemporaryDirectory(prefix=".bootstrap-trial-", dir=place) as folder:
        return trial.run(Path(folder))


def _read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY) or not os.access(path, os.W_OK)


def _rights() -> list[str]:
    if os.geteuid() != 0:
        return ["you are not root, who alone may create namespaces, mounts and networks"]
    wanted = {"CAP_SYS_ADMIN": _SYS_ADMIN, "CAP_NET_ADMIN": _NET_ADMIN}
    return [f"{name} is missing" for name, number in wanted.items() if not _has(number)]


def _tools() -> list[str]:
    absent = [name for name in TOOLS if shutil.which(name, path=SYSTEM_PATH) is None]
    if not absent:
        return []
    packages = sorted({TOOLS[name] for name in absent})
    return [f"not on PATH: {', '.join(absent)} (on Debian: apt-get install {' '.join(packages)})"]


def _hidden(paths: Iterable[str]) -> list[str]:
    """Paths at which the node sees something else."""
    return [
        f"{path} is below {hidden}, which a node does not see"
        for path in dict.fromkeys(paths)
        for hidden in layout.HIDDEN
        if Path(path).resolve().is_relative_to(hidden)
    ]


def _has(capability: int) -> bool:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False


def _file_systems() -> set[str]:
    lines = Path("/proc/filesystems").read_text(encoding="utf-8").splitlines()
    return {line.split()[-1] for line in lines}


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
