"""Run a program where nothing can be reached and every packet is counted; with its time and memory."""

from __future__ import annotations

import ctypes
import errno
import functools
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

RUNNER = r"""
import json, os, resource, subprocess, sys
folder, seconds, *command = sys.argv[1:]
# Every address is on the loopback device of this namespace: what is sent to any of them is counted there.
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=True)
subprocess.run(["ip", "-6", "route", "add", "default", "dev", "lo"], check=False, stderr=subprocess.DEVNULL)
limit = int(seconds)
ended = subprocess.run(
    command, cwd=folder, capture_output=True, check=False, timeout=10 * limit,
    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
devices = open("/proc/net/dev").read().splitlines()[2:]
print(json.dumps({
    "status": ended.returncode,
    "said": (ended.stdout + ended.stderr).decode("utf-8", "replace"),
    "packets": sum(int(line.partition(":")[2].split()[8]) for line in devices),
    "megabytes": used.ru_maxrss / 1024,
    "seconds": used.ru_utime + used.ru_stime,
}))
"""


@dataclass(frozen=True)
class Counted:
    """How a program ended, and what all of it used: packets, MB (the largest program), CPU seconds."""

    status: int
    said: str
    packets: int
    megabytes: float
    seconds: float


@functools.cache
def _namespace() -> tuple[str, ...] | None:
    """How this kernel gives a program a network of its own; None where it does not."""
    for how in (("unshare", "--user", "--map-root-user", "--net"), ("unshare", "--net")):
        try:
            up = ("ip", "link", "set", "lo", "up")
            if subprocess.run((*how, *up), capture_output=True, check=False).returncode == 0:
                return how
        except FileNotFoundError:
            return None
    return None


def counted(command: Sequence[str], folder: Path, environ: Mapping[str, str], seconds: int) -> Counted:
    """Run it with so many seconds of processor time a process; skips where packets cannot be counted."""
    how = _namespace()
    if how is None:
        pytest.skip("the kernel gives no network namespace, or there is no unshare or ip")
    runner = (sys.executable, "-I", "-c", RUNNER, str(folder), str(seconds))
    ran = subprocess.run((*how, *runner, *command), env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return Counted(**json.loads(ran.stdout))


@contextmanager
def reads(folder: Path) -> Iterator[list[str]]:
    """What anyone opens below the folder in the meantime: filled at the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if watch < 0 and ctypes.get_errno() in (errno.EMFILE, errno.ENFILE):
        pytest.skip("this user's other programs use all of fs.inotify.max_user_instances")
    assert watch >= 0, os.strerror(ctypes.get_errno())
    names = {}
    for path in (folder, *folder.rglob("*")):
        number = libc.inotify_add_watch(watch, os.fsencode(path), 0x01 | 0x20)  # IN_ACCESS, IN_OPEN
        assert number >= 0, os.strerror(ctypes.get_errno())
        names[number] = str(path)
    found: list[str] = []
    try:
        yield found
        while True:
            try:
                events = os.read(watch, 65536)
            except BlockingIOError:
                break
            while events:
                number, _, _, length = struct.unpack_from("iIII", events)
                found.append(names.get(number, str(folder)))
                events = events[16 + length :]
    finally:
        os.close(watch)
