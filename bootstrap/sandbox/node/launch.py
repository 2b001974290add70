"""`python -m bootstrap.sandbox.node.launch FOLDER`: become the parent of the node's namespaces.

It opens what must belong to the machine (the listeners on loopback, its network and mounts), and
then becomes `unshare`. When that process ends, for whatever reason, the kernel kills the first process of the
new process namespace, with it all others there, and then drops mounts, network and all.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

UNSHARE = (
    "unshare",
    "--mount",
    "--net",
    "--uts",
    "--ipc",
    "--pid",
    "--fork",
    "--kill-child=SIGKILL",
    "--propagation=private",
    "--mount-proc",
)


def main() -> NoReturn:
    """Never returns: the process goes on as `unshare`."""
    folder = Path(sys.argv[1])
    plan = json.loads((folder / "etc" / "node.json").read_text(encoding="utf-8"))
    machine, mounts = (os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("net", "mnt"))
    descriptors = {"machine": machine, "mounts": mounts, "asked": _socket(Path(plan["socket"]))}
    for port in plan["from_machine"]:
        listener = socket.create_server(("127.0.0.1", int(port)), backlog=128)
        descriptors[port] = listener.detach()
    for descriptor in descriptors.values():
        os.set_inheritable(descriptor, True)
    child = (sys.executable, "-m", "bootstrap.sandbox.node.init", str(folder), json.dumps(descriptors))
    os.execvp(UNSHARE[0], (*UNSHARE, "--", *child))  # noqa: S606 - no shell is wanted


def _socket(path: Path) -> int:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(128)
    return listener.detach()


if __name__ == "__main__":
    main()
