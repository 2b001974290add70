"""The control groups that a node's pods are in: all below one, which nothing else uses."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from bootstrap.sandbox.node import layout

ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = "+cpuset +cpu +io +memory +pids"


def create(sandbox: Path) -> None:
    """The node's own group, in each hierarchy of version 1, or in the one of version 2."""
    name = layout.cgroup(sandbox)
    if (ROOT / "cgroup.controllers").is_file():
        (ROOT / name).mkdir(exist_ok=True)
        for place in (ROOT, ROOT / name):
            with suppress(OSError):  # the kubelet says which controller it lacks
                (place / "cgroup.subtree_control").write_text(_CONTROLLERS, encoding="ascii")
        return
    for hierarchy in _hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)


def remove(sandbox: Path) -> bool:
    """Remove the groups that a node has left, whose processes have all ended; whether there were any."""
    name, found = layout.cgroup(sandbox), False
    for hierarchy in (ROOT, *_hierarchies()):
        top = hierarchy / name
        if not top.is_dir():
            continue
        found = True
        for place, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(place).rmdir()
    return found


def _hierarchies() -> list[Path]:
    """Those of version 1; symbolic links name the same one again."""
    if not ROOT.is_dir():
        return []
    return [each for each in ROOT.iterdir() if (each / "cgroup.procs").is_file() and not each.is_symlink()]
