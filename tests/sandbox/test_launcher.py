"""Programs of a sandbox without an option: their ports are on loopback, and they leave inotify to others."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from bootstrap.sandbox import launcher, listener, process, state
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.process import Spec
from tests.sandbox.test_listener import free_port, until

ANY = "0.0.0.0"  # noqa: S104 - it is what must not be
LISTENS = """
import socket, sys, threading
kind, ports = sys.argv[1], map(int, sys.argv[2:])
for port in ports:
    family = socket.AF_INET if kind == "0.0.0.0" else socket.AF_INET6
    one = socket.socket(family)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.bind((kind, port))
    one.listen()
    threading.Thread(target=lambda one=one: [c.close() for c, _ in iter(one.accept, None)]).start()
print("listening", flush=True)
"""


def open_files(pid: int) -> list[str]:
    """What a process has open; without what it closes in this moment, nothing of one that ends."""
    found = []
    with suppress(OSError):
        for entry in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
            with suppress(OSError):
                found.append(os.readlink(f"/proc/{pid}/fd/{entry}"))  # noqa: PTH115
    return found


def listening(pids: set[int]) -> set[str]:
    """The addresses, as the kernel writes them, at which these processes accept connections or datagrams."""
    links = [link for pid in pids for link in open_files(pid)]
    sockets = {target[1] for link in links if (target := re.fullmatch(r"socket:\[(\d+)\]", link))}
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            waits = fields[3] == "0A" if table.startswith("tcp") else fields[2].endswith(":0000")
            if waits and fields[9] in sockets:
                found.add(fields[1])
    return found


def is_loopback(address: str) -> bool:
    host = address.partition(":")[0]
    return host.endswith("7F") if len(host) == 8 else host == f"{'0' * 24}01000000"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "own"
    process.end(tmp_path / "own", process.recorded(tmp_path / "own"), patience=1.0)


def start(folder: Path, moved: int, *arguments: str) -> int:
    argv = launcher.command("loopback", str(moved), sys.executable, "-c", LISTENS, *arguments)
    process.start(folder, Spec("it", argv))
    log = process.log_file(folder, "it")
    until(lambda: "listening\n" in log.read_text() or process.running(folder, "it") is None)
    running = process.running(folder, "it")
    assert running, log.read_text()
    return running.pid


@pytest.mark.parametrize("wildcard", [ANY, "::", "::ffff:0.0.0.0"])
def test_port_of_every_address_is_moved_to_loopback(folder: Path, wildcard: str) -> None:
    port = free_port()
    pid = start(folder, port, wildcard, str(port))
    assert listening({pid}) == {f"0100007F:{port:04X}"}
    assert listener.is_of(folder, "it", port)
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        assert connection.recv(1) == b""


def test_other_ports_and_addresses_stay_as_they_are(folder: Path) -> None:
    moved, other = free_port(), free_port()
    pid = start(folder, moved, ANY, str(other), str(moved))
    assert listening({pid}) == {f"00000000:{other:04X}", f"0100007F:{moved:04X}"}


def test_port_that_is_taken_is_passed_to_the_program(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        argv = launcher.command("loopback", str(port), sys.executable, "-c", LISTENS, ANY, str(port))
        process.start(folder, Spec("it", argv))
        until(lambda: process.running(folder, "it") is None)
    assert "Address already in use" in process.log_file(folder, "it").read_text()


def test_program_and_its_helper_end_together(folder: Path) -> None:
    port = free_port()
    pid = start(folder, port, ANY, str(port))
    os.kill(pid, 9)
    until(lambda: not process.owned(folder))


WATCHES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print(os.strerror(ctypes.get_errno()) if libc.inotify_init1(0) < 0 else "watches", flush=True)
"""


def test_unwatched_program_gets_no_inotify_instance() -> None:
    program = (sys.executable, "-c", WATCHES)
    ran = subprocess.run(launcher.command("unwatched", *program), capture_output=True, text=True, check=True)
    assert ran.stdout == "Too many open files\n"
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout == "watches\n"


@pytest.mark.parametrize("how", [("unwatched",), ("loopback", "1")])
def test_program_that_is_missing_is_named(how: tuple[str, ...]) -> None:
    command = launcher.command(how[0], *how[1:], "/nowhere/kube-apiserver")
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "/nowhere/kube-apiserver: No such file or directory\n")


def test_sandbox_leaves_inotify_instances_to_others(sandbox: Sandbox) -> None:
    watching: dict[str, int] = {}
    for running, role in process.owned(sandbox.folder):
        instances = sum(link == "anon_inode:inotify" for link in open_files(running.pid))
        watching[role] = watching.get(role, 0) + instances
    assert sum(watching.values()) <= 4, watching


def test_sandbox_is_refused_where_the_repository_server_could_not_watch() -> None:
    """In a namespace of its own, whose user may have no instance at all."""
    asks = "from bootstrap.sandbox import ready\nready.check_watches()"
    none = f'echo 0 > /proc/sys/user/max_inotify_instances && exec {shlex.quote(sys.executable)} -c "$0"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", none, asks]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in ran.stderr:
        pytest.skip(f"the kernel gives no user namespace: {ran.stderr.strip()}")
    assert ran.returncode == 1
    assert "SandboxError: starting Argo CD's repository server: this user's programs use all" in ran.stderr
    subprocess.run([sys.executable, "-c", asks], check=True, capture_output=True)


def test_everything_of_a_sandbox_listens_on_loopback(sandbox: Sandbox) -> None:
    settings = state.load(sandbox.folder)
    assert settings

    def open_now() -> set[str]:
        recorded = (process.running(sandbox.folder, name) for name in process.recorded(sandbox.folder))
        owned = (running for running, _ in process.owned(sandbox.folder))
        return listening({running.pid for running in (*recorded, *owned) if running})

    def ports() -> set[int]:
        return {int(address.partition(":")[2], 16) for address in open_now()}

    expected = {port for name, port in settings.ports.items() if not name.startswith("node-")}
    until(lambda: ports() >= expected)
    assert [address for address in open_now() if not is_loopback(address)] == []
    port = settings.ports["argocd-application-controller-metrics"]
    metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60)
    assert "argocd_info{" in metrics.text
