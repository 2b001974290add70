"""The first process in the node's namespaces: mounts, network, and the node's programs, kept running.

`python -m bootstrap.sandbox.node.init FOLDER DESCRIPTORS`, started only by launch.py. When it ends, for any
reason, the kernel ends every process of the node. What must not be written on the machine is hidden by
mounts that exist only in here.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.sandbox.node import relay

BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a program that has ended is started again; the last value repeats."""
STEADY = 60.0
"""Seconds after which a program counts as healthy."""
SOCKET_SECONDS = 60.0


@dataclass
class Program:
    """One of the node's programs. `after` is a socket that has to exist before it is started.

    `environ` is added to that of all programs; `keeps` are descriptors that it inherits.
    """

    name: str
    argv: Sequence[str]
    after: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    keeps: Sequence[int] = ()
    pid: int = 0
    began: float = 0.0
    ends: int = 0
    due: float = 0.0


@dataclass
class Node:
    """All programs, by pid when they run."""

    programs: list[Program]
    environ: Mapping[str, str]
    logs: Path
    stopping: bool = False
    woken: threading.Event = field(default_factory=threading.Event)

    def start_due(self) -> float:
        """Start what is due; returns the seconds until the next one is."""
        now, pause = time.monotonic(), 1.0
        for program in self.programs:
            if program.pid:
                continue
            if program.due > now or (program.after and not Path(program.after).exists()):
                pause = min(pause, max(0.05, program.due - now))
                continue
            self._start(program)
        return pause

    def _start(self, program: Program) -> None:
        log = os.open(self.logs / f"{program.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(log, "wb") as stream:
            stream.write(f"=== started {program.name} {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
            stream.flush()
            child = subprocess.Popen(
                program.argv,
                env={**self.environ, **program.environ},
                pass_fds=program.keeps,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child.returncode = 0  # reaped below, with everything else that ends here
        program.pid, program.began = child.pid, time.monotonic()

    def reap(self) -> None:
        """Collect every process that has ended: ours, and those whose parents are gone."""
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for program in self.programs:
                if program.pid == pid:
                    steady = time.monotonic() - program.began > STEADY
                    program.ends = 0 if steady else program.ends + 1
                    program.pid = 0
                    program.due = time.monotonic() + BACK_OFF[min(program.ends, len(BACK_OFF) - 1)]
                    print(f"{program.name} has ended and will be started again", flush=True)


def main() -> None:
    """Run until a signal ends it."""
    folder, descriptors = Path(sys.argv[1]), json.loads(sys.argv[2])
    plan = json.loads((folder / "etc" / "node.json").read_text(encoding="utf-8"))
    os.umask(0o022)
    socket.sethostname(plan["name"])
    _network(plan["address"], plan["services"])
    _relays(plan, descriptors)
    _mounts(folder, plan["hidden"])
    programs = [Program(**each) for each in plan["programs"]]
    node = Node([_way_out(plan, descriptors), *programs], plan["environ"], Path(plan["logs"]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    # A child's end interrupts the wait.
    signal.set_wakeup_fd(_wakeup(node))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        node.reap()
        pause = node.start_due()
        node.woken.wait(pause)
        node.woken.clear()


def _way_out(plan: Mapping[str, Any], descriptors: Mapping[str, int]) -> Program:
    machine = (descriptors["machine"], descriptors["mounts"])
    argv = (sys.executable, "-m", "bootstrap.sandbox.node.way_out", *(str(each) for each in machine))
    return Program("way-out", argv, environ=plan["way_out"], keeps=machine)


def _wakeup(node: Node) -> int:
    """A descriptor that sets the event for each byte written to it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def watch() -> None:
        while os.read(reading, 4096):
            node.woken.set()

    threading.Thread(target=watch, daemon=True).start()
    return writing


def _network(address: str, services: str) -> None:
    """Loopback with the node's own address on it; packets of pods are forwarded.

    Without a route to Services, the API server's calls of one (a webhook) never get to kube-proxy's rules.
    """
    for command in (
        ("link", "set", "lo", "up"),
        ("address", "add", f"{address}/32", "dev", "lo"),
        ("route", "add", services, "dev", "lo", "src", address),
    ):
        subprocess.run(("ip", *command), check=True)
    for name, value in (("ip_forward", "1"), ("conf/all/rp_filter", "0")):
        Path("/proc/sys/net/ipv4", name).write_text(value, encoding="ascii")


def _mounts(folder: Path, hidden: Mapping[str, str]) -> None:
    """What the node's programs write is in the sandbox's folder, whatever paths they know."""
    subprocess.run(("mount", "--make-rshared", "/"), check=True)
    for target, source in hidden.items():
        if not source:
            subprocess.run(("mount", "-t", "tmpfs", "-o", "mode=0755", "node", target), check=True)
            continue
        place = folder / source
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)
        subprocess.run(("mount", "--bind", str(place), target), check=True)
    Path("/run/containerd").mkdir(exist_ok=True)


def _relays(plan: Mapping[str, Any], descriptors: Mapping[str, int]) -> None:
    machine = int(descriptors["machine"])
    asked = socket.socket(fileno=int(descriptors["asked"]))
    _thread(relay.wherever_asked, asked)
    for host, port in plan["to_machine"]:
        inside = socket.create_server((host, port), backlog=128)
        _thread(relay.to_machine, inside, machine, ("127.0.0.1", port))
    for port, address in plan["from_machine"].items():
        outside = socket.socket(fileno=int(descriptors[port]))
        _thread(relay.to_node, outside, tuple(address))


def _thread(function: Any, *arguments: Any) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
