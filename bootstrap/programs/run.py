"""The one way to run a program on untrusted input: kustomize and helm on a repository's files.

It gets only named variables, a private folder as home and current folder, no network
unless requested, and limits: of time, memory, and what it may write. The kernel enforces
them where it can (confine.py); where it cannot, proxies that lead nowhere keep it offline.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bootstrap.core import process_group

CPU_SECONDS = 15
"""Seconds of processor time of one program: other work on the machine does not count."""
WALL_SECONDS = 120.0
LOST_SECONDS = 40.0
"""Seconds of processor time that programs ended by a limit may have spent in one run, in total."""
MEMORY = 512 << 20
"""Bytes; with network, where a chart repository's index has to be read, FETCH_MEMORY."""
FETCH_MEMORY = 2 << 30
OUTPUT, OUTPUT_FOR_EACH = 16 << 20, 20
"""Bytes that the programs of one run may print in total: a base, and an amount per byte read."""
FILE = 256 << 20
"""Maximum size of a file that a program may write, in bytes."""

_NOWHERE = "http://127.0.0.1:9"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_FOR_NETWORK = (
    *_PROXIES, "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "SSH_AUTH_SOCK",
    "HOME", "XDG_CONFIG_HOME", "DOCKER_CONFIG", "HELM_REGISTRY_CONFIG",
)  # fmt: skip
"""The user's settings that fetching may need: proxies, certificates, and logins that are bound to a host."""


@dataclass
class Lost:
    """Seconds of processor time that a run may still lose to limits, in all that it reads."""

    seconds: float = field(default_factory=lambda: LOST_SECONDS)


@dataclass
class Budget:
    """What the programs of one repository may still use: bytes to print, and seconds lost to limits.

    The seconds are counted only for programs that were ended by a limit.
    """

    output: int = OUTPUT
    lost: Lost = field(default_factory=Lost)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allowed(self) -> int:
        return int(min(CPU_SECONDS, self.lost.seconds))

    def spend(self, output: int, seconds: float) -> None:
        with self._lock:
            self.output -= output
            self.lost.seconds -= seconds


def budget(read: int, lost: Lost) -> Budget:
    """What the programs of a repository may use of which this many bytes were read."""
    return Budget(OUTPUT + OUTPUT_FOR_EACH * read, lost)


_LIMITED = re.compile(r"it (?:was not run|did not end within|needs more memory|writes more|prints more)")


def was_limited(complaint: str) -> bool:
    """Whether a program has no result because of a limit: in another run, or alone, it may have one."""
    return _LIMITED.search(complaint) is not None


@dataclass(frozen=True)
class Ended:
    """How a program ended. `limit` says which limit ended it, in words; None when it exited by itself."""

    status: int
    out: bytes
    err: str
    limit: str | None = None

    @property
    def complaint(self) -> str | None:
        """Why there is no result; None when there is one."""
        if self.limit is not None:
            return self.limit
        return (self.err.strip() or f"it ended with {self.status}") if self.status else None


_ANY = (
    *_FOR_NETWORK, "PATH", "TMPDIR", "LANG", "LC_ALL", "USER", "LOGNAME", "NETRC",
    "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "TERM",
)  # fmt: skip


def named(environ: Mapping[str, str], *starts: str) -> dict[str, str]:
    """The variables for a program of the user's own (pip, go): proxies, its folders, and its own variables.

    Its own begin with one of `starts`. Tokens for other services are not included.
    """
    return {
        name: value
        for name, value in environ.items()
        if name in _ANY or (starts and name.startswith(starts) and not name.startswith("GOOGLE"))
    }


def ask(command: Sequence[str], environ: Mapping[str, str], seconds: float, *starts: str) -> str | None:
    """What a program prints about itself, on both streams; None when it fails or does not answer.

    Not in the current folder: that may be someone's repository.
    """
    try:
        process = process_group.popen(command, "/", named(environ, *starts), stderr=subprocess.STDOUT)
    except OSError:
        return None
    with process_group.ending(process):
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process_group.kill(process)
            process.communicate()
            return None
    return output.decode("utf-8", "replace") if process.returncode == 0 else None


def run(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    read: Sequence[Path] = (),
    network: bool = False,
    budget: Budget | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Ended:
    """Run a program in the private `folder`: it may write only there, and read only there and in `read`.

    `command` begins with an absolute path. `variables` are the program's own. With `network` it may
    read whatever the user may. Raises process_group.Over when this run is ending; all else is an Ended.
    """
    budget = budget or Budget()
    seconds = budget.allowed()
    if seconds < 1:
        return Ended(-1, b"", "", "it was not run: others before it did not end in time")
    if budget.output <= 0:
        found = "it was not run: others before it printed more than is plausible for what was read"
        return Ended(-1, b"", "", found)
    try:
        process = begin(command, folder, environ, read, network, seconds, variables=variables)
    except OSError as error:
        return Ended(-1, b"", f"{Path(command[0]).name} cannot be started: {error.strerror or error}")
    with process_group.ending(process):
        out, err, limit = _read(process, budget.output)
        if limit is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(WALL_SECONDS)
        process_group.kill(process)
        status = process.returncode
    limit = limit or _limit_of(status, err, seconds)
    budget.spend(len(out), 0 if limit is None else seconds)
    return Ended(status, out, err, limit)


def begin(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    read: Sequence[Path] = (),
    network: bool = False,
    seconds: int = CPU_SECONDS,
    stdin: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[bytes]:
    """Start a program as `run` does and return it while it runs: for one that is talked to.

    `seconds` are those of processor time that it may take. Raises OSError, process_group.Over.
    """
    from bootstrap.programs import confine

    process_group.check()
    for name in ("home", "tmp"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    program = Path(command[0])
    own = (program.parent, Path(os.path.realpath(program)).parent)
    wide = network or is_wrapper(program)
    allowed = (Path("/"),) if wide else (*own, *read)
    confinement = confine.Confinement(network, allowed, (folder,))
    values = _environment(environ, folder, network, wide) | dict(variables)
    limited = _limited(command, seconds, FETCH_MEMORY if network else MEMORY)
    return confine.start(confinement, lambda: process_group.popen(limited, folder, values, stdin, stderr))


def is_wrapper(program: Path) -> bool:
    """Whether it is a script or another program's link (asdf, mise): that reads files that only it knows."""
    real = Path(os.path.realpath(program))
    try:
        with real.open("rb") as stream:
            binary = stream.read(4) == b"\x7fELF"
    except OSError:
        binary = True
    return not binary or not real.name.startswith(program.name)


def _environment(environ: Mapping[str, str], folder: Path, network: bool, wide: bool) -> dict[str, str]:
    """Only named variables: no token, no GIT_*, nothing about a cluster."""
    home, plugins = str(folder / "home"), folder / "home" / "plugins"
    made = {
        "PATH": environ.get("PATH", ""),
        "LC_ALL": "C.UTF-8",
        "HOME": environ.get("HOME", home) if wide else home,
        "TMPDIR": str(folder / "tmp"),
        "XDG_CACHE_HOME": home,
        "XDG_DATA_HOME": home,
        "HELM_CACHE_HOME": home,
        "HELM_DATA_HOME": home,
        "HELM_PLUGINS": str(plugins),
        "KUSTOMIZE_PLUGIN_HOME": str(plugins),
        # Several run in parallel and end soon: collecting garbage on every core would cost a quarter more.
        "GOMAXPROCS": "1",
        "GOGC": "400",
        "GOMEMLIMIT": f"{(FETCH_MEMORY if network else MEMORY) * 2 // 3}",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": "/dev/null",
    }
    if network:
        made |= {name: environ[name] for name in _FOR_NETWORK if name in environ}
        return made | {"GIT_ALLOW_PROTOCOL": "https:http:ssh"}
    made |= dict.fromkeys(_PROXIES, _NOWHERE)
    return made | {"XDG_CONFIG_HOME": home, "GIT_ALLOW_PROTOCOL": "none"}


def _limited(command: Sequence[str], seconds: int, memory: int) -> list[str]:
    """The command with limits from its first step: set by the shell, because ours would apply to us too."""
    limits = {"c": 0, "t": seconds, "d": memory >> 10, "f": FILE >> 9}
    lines = [f"ulimit -{flag} {value} 2>/dev/null" for flag, value in limits.items()]  # or lower already
    return ["/bin/sh", "-c", "; ".join([*lines, 'exec "$@"']), "sh", *command]


def _read(process: subprocess.Popen[bytes], most: int) -> tuple[bytes, str, str | None]:
    """Everything that it prints on both streams, or which limit it exceeded."""
    deadline = time.monotonic() + WALL_SECONDS
    streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
    parts: dict[int, list[bytes]] = {stream.fileno(): [] for stream in streams}
    size, limit = 0, None
    with selectors.DefaultSelector() as waiting, _end_of(process) as end:
        for descriptor in (*parts, end):
            waiting.register(descriptor, selectors.EVENT_READ)
        while any(descriptor in waiting.get_map() for descriptor in parts) and limit is None:
            left = deadline - time.monotonic()
            if left <= 0:
                limit = f"it did not end within {WALL_SECONDS:.0f} seconds"
                break
            for key, _ in waiting.select(left):
                if key.fd == end:  # its children may keep the streams open
                    waiting.unregister(end)
                    process_group.end_rest(process)
                    continue
                part = os.read(key.fd, 1 << 16)
                size += len(part)
                if not part:
                    waiting.unregister(key.fd)
                elif size > most:
                    limit = f"it prints more than is plausible for what was read: {size / 1e6:.0f} MB"
                parts[key.fd].append(part)
    out, err = (b"".join(parts[stream.fileno()]) for stream in streams)
    for stream in streams:
        stream.close()
    return out, err.decode("utf-8", "replace"), limit


@contextlib.contextmanager
def _end_of(process: subprocess.Popen[bytes]) -> Iterator[int]:
    """A descriptor that becomes readable when the program has ended."""
    descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _limit_of(status: int, err: str, seconds: int) -> str | None:
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"it did not end within {seconds} seconds of processor time"
    if status == -signal.SIGXFSZ or "file too large" in err:
        return f"it writes more than {FILE >> 20} MB"
    if status and (re.search(r"out of memory|cannot allocate memory|memory exhausted", err)):
        return f"it needs more memory than {MEMORY >> 20} MB"
    return None
