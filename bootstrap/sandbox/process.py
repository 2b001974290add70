"""Processes of a sandbox: started detached, identified with certainty, ended without touching any other.

A record `processes/<name>.json` has pid and start time, so that a pid that the kernel has reassigned
to another program is never mistaken for ours. Every process also has the sandbox's folder in its
environment: processes that were started but not recorded when `up` was killed are found by that.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.core import next_run
from bootstrap.core.errors import SandboxError
from bootstrap.sandbox.files import private_folder, read_json, write_private

OWNER = "_BOOTSTRAP_SANDBOX_OWNER"
ROLE = "_BOOTSTRAP_SANDBOX_PROCESS"
LOG_LIMIT = 8 << 20
"""Bytes after which a log is rotated (one older one is kept) when its process restarts."""
STARTED = "=== started"
"""The start of the line that a log gets whenever its process starts."""


class _Detached(subprocess.Popen[bytes]):
    """A process that is meant to outlive this one: without the warning that it does."""

    def __del__(self) -> None:
        return


_children: dict[int, _Detached] = {}
"""Children of this process: they must be reaped, or they would stay as zombies."""


@dataclass(frozen=True)
class Spec:
    """A program to run. `environ` is its whole environment; `reads`: files that it reads only at start."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    reads: tuple[Path, ...] = ()

    def digest(self) -> str:
        """Changes when the process must be restarted to match the spec."""
        contents = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.reads if path.is_file()]
        text = json.dumps([self.argv, sorted(self.environ.items()), contents])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Running:
    """A live process: its pid, and when it started (clock ticks since boot)."""

    pid: int
    started: int


def log_file(folder: Path, name: str) -> Path:
    """The process's log file."""
    return folder / "logs" / f"{name}.log"


def recorded(folder: Path) -> list[str]:
    """Names of the processes that were started and not ended by us, oldest first."""
    paths = list((folder / "processes").glob("*.json"))
    return [path.stem for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns)]


def running(folder: Path, name: str) -> Running | None:
    """The recorded process if it is still alive; None when it never started or has exited."""
    record = read_json(_record(folder, name))
    if record is None:
        return None
    found = _look_at(record["pid"])
    return found if found and found.started == record["started"] else None


def runs_as(folder: Path, spec: Spec) -> bool:
    """Whether the recorded process runs with exactly this spec."""
    record = read_json(_record(folder, spec.name))
    return bool(record and record["digest"] == spec.digest() and running(folder, spec.name))


def start(folder: Path, spec: Spec) -> bool:
    """Start it detached unless it runs as specified; ends one that differs. True when started."""
    if runs_as(folder, spec):
        return False
    end(folder, [spec.name])
    private_folder(folder / "processes")
    private_folder(folder / "logs")
    log = log_file(folder, spec.name)
    if log.is_file() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    environ = {**spec.environ, OWNER: str(folder), ROLE: spec.name}
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{STARTED} {spec.name} {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
        child = _Detached(
            spec.argv,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )
    except OSError as error:
        raise SandboxError(
            f"starting {spec.name}",
            f"{error.strerror}: {spec.argv[0]}",
            f"{next_run.command('sandbox programs')} lists the programs",
        ) from error
    finally:
        os.close(descriptor)
    _children[child.pid] = child
    found = _look_at(child.pid)
    record = {"pid": child.pid, "started": found.started if found else 0, "digest": spec.digest()}
    write_private(_record(folder, spec.name), json.dumps(record))
    return True


def end(folder: Path, names: Sequence[str], patience: float = 10.0) -> list[str]:
    """End these processes together (SIGTERM, after `patience` seconds SIGKILL) and all they started.

    Returns the names of those that were alive. Their records are removed.
    """
    found = {name: process for name in names if (process := running(folder, name))}
    strays = [stray for stray, role in owned(folder) if role in names]
    _end_all({*found.values(), *strays}, patience)
    for name in names:
        _record(folder, name).unlink(missing_ok=True)
    return list(found)


def owned(folder: Path) -> list[tuple[Running, str]]:
    """Every process of this user with the folder in its environment, and its role."""
    marker = f"{OWNER}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            variables = _environ(entry)
            process = _look_at(int(entry.name))
            if marker in variables and process and process.pid != os.getpid():
                roles = [value for value in variables if value.startswith(f"{ROLE}=".encode())]
                found.append((process, roles[0].decode().partition("=")[2] if roles else ""))
    return found


def _environ(entry: Path) -> list[bytes]:
    """The process's environment; waits while the process is just starting and has none yet."""
    for _ in range(20):
        content = (entry / "environ").read_bytes()
        if content or (entry / "cmdline").read_bytes():
            break
        stat = (entry / "stat").read_text().rpartition(")")[2].split()
        if stat[0] in "ZX" or stat[1] in ("0", "2"):  # a zombie; the kernel's own
            break
        time.sleep(0.02)
    return content.split(b"\0")


def tail(path: Path, lines: int = 15, size: int | None = None) -> str:
    """The end of a log; with `size`, of its first `size` bytes."""
    return "\n".join(_last_lines(path, size)[-lines:])


def last_words(path: Path, lines: int = 15) -> str:
    """The last output of a process since its last start: from the panic on, where there was one."""
    written = _last_lines(path)
    for number in range(len(written) - 1, -1, -1):
        if written[number].startswith(STARTED):
            written = written[number + 1 :]
            break
    for number, line in enumerate(written):
        if line.startswith(("panic:", "fatal error:")):
            return "\n".join(written[max(0, number - 2) : number + lines - 2])
    return "\n".join(written[-lines:])


def _last_lines(path: Path, size: int | None = None) -> list[str]:
    try:
        with path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END) if size is None else size
            start = stream.seek(max(0, end - 65536))
            text = stream.read(end - start).decode(errors="replace")
    except OSError:
        return []
    return [line[:400] for line in text.splitlines()]


def died(folder: Path, name: str) -> SandboxError:
    """The error for a process that has exited, with the end of its log."""
    log = log_file(folder, name)
    written = last_words(log) or "nothing was written"
    return SandboxError(
        f"running {name}", f"it has exited; the end of its log:\n{written}", f"read the whole log in {log}"
    )


def _record(folder: Path, name: str) -> Path:
    return folder / "processes" / f"{name}.json"


def _look_at(pid: int) -> Running | None:
    """The live process of this pid; a zombie is not alive, and is reaped when it is ours."""
    if pid in _children and _children[pid].poll() is not None:
        del _children[pid]
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else Running(pid, int(fields[19]))


def _end_all(processes: Iterable[Running], patience: float) -> None:
    handles: dict[int, Running] = {}
    try:
        for process in processes:
            # The handle is for this very process: checked again after opening, it cannot be a successor.
            with suppress(OSError):
                handle = os.pidfd_open(process.pid)
                handles[handle] = process
                if _look_at(process.pid) != process:
                    os.close(handle)
                    del handles[handle]
        left = _signal(handles, signal.SIGTERM, patience)
        left = _signal(left, signal.SIGKILL, 10.0)
    finally:
        for handle in handles:
            os.close(handle)
    for process in handles.values():
        _look_at(process.pid)
    if left:
        raise SandboxError(
            "ending the sandbox's processes",
            f"{', '.join(str(process.pid) for process in left.values())} survived SIGKILL",
            "wait until the disk that they are waiting for responds, then run again",
        )


def _signal(handles: Mapping[int, Running], number: signal.Signals, patience: float) -> dict[int, Running]:
    """Send the signal to each; returns those still alive after the time."""
    left = dict(handles)
    for handle in left:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)
    deadline = time.monotonic() + patience
    poller = select.poll()
    for handle in left:
        poller.register(handle, select.POLLIN)
    while left and (rest := deadline - time.monotonic()) > 0:
        for handle, _ in poller.poll(rest * 1000):
            poller.unregister(handle)
            del left[handle]
    return left
