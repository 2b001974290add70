"""Run in namespaces of its own by `tests/counted.py`: start a program there and print what it did."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

EVENTS = {
    0x1: "read",
    0x2: "written",
    0x4: "changed in its attributes",
    0x20: "opened",
    0x40: "moved away",
    0x80: "moved here",
    0x100: "made",
    0x200: "removed",
    0x400: "removed itself",
    0x800: "moved itself",
}
"""Of inotify. That a file was looked at (`stat`) is none; a file that was opened is closed, too."""


class Watch:
    """What is done with the files of a folder that no other program can see."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        files = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        subprocess.run(["mount", "-t", "tmpfs", "apart", folder], check=True)
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.watch = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.watch < 0 and ctypes.get_errno() in (errno.EMFILE, errno.ENFILE):
            sys.exit("fs.inotify.max_user_instances are used")
        self.names = {self._add(path): path for path in (self.folder, *self.folder.rglob("*"))}

    def _add(self, path: Path) -> int:
        number: int = self.libc.inotify_add_watch(self.watch, os.fsencode(path), sum(EVENTS))
        if number < 0:
            sys.exit(f"{path} cannot be watched: {os.strerror(ctypes.get_errno())}")
        return number

    def touched(self) -> list[str]:
        found: dict[str, None] = {}
        while True:
            try:
                events = os.read(self.watch, 65536)
            except BlockingIOError:
                return list(found)
            while events:
                number, mask, _, length = struct.unpack_from("iIII", events)
                name = os.fsdecode(events[16 : 16 + length].rstrip(b"\0"))
                path = self.names.get(number, self.folder) / name
                found |= {f"{path}: {word}": None for bit, word in EVENTS.items() if mask & bit}
                events = events[16 + length :]


def ticks_below(root: int) -> int:
    """The processor time that the descendants of a process have used, those that have ended too."""
    parents, used = {}, {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit():
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = sum(map(int, fields[11:15]))
    total, found = 0, {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
        total += sum(used[pid] for pid in more)
    return total


def ended(process: subprocess.Popen[bytes], seconds: int) -> int:
    """Its status. It may wait for the processor as long as it has to, and for anything else `seconds`."""
    before = -1
    while True:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            now = ticks_below(os.getpid())
            if now == before:
                os.killpg(process.pid, signal.SIGKILL)
                return process.wait()
            before = now


def main() -> None:
    """Print what the program of the arguments did, as JSON."""
    folder, number, apart, *command = sys.argv[1:]
    seconds = int(number)
    # Every address is on the loopback device of this namespace: what is sent to any of them is counted there.
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=True)
    six = ["ip", "-6", "route", "add", "default", "dev", "lo"]
    subprocess.run(six, check=False, stderr=subprocess.DEVNULL)
    watch = Watch(apart) if apart else None
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)),
        )
        status = ended(process, seconds)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    devices = Path("/proc/net/dev").read_text().splitlines()[2:]
    answer = {
        "status": status,
        "said": text,
        "packets": sum(int(line.partition(":")[2].split()[8]) for line in devices),
        "megabytes": used.ru_maxrss / 1024,
        "seconds": used.ru_utime + used.ru_stime,
        "touched": watch.touched() if watch else [],
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
