"""Runs the Go command, reports its progress, and ends it with everything it started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bootstrap.core import process_group
from bootstrap.core.errors import SandboxError
from bootstrap.programs import confine
from bootstrap.programs.confine import Confinement

LAST_LINES = 12


class Stopped(Exception):
    """The command was ended because another one failed, which is what the user sees."""


def run(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    may: Confinement,
    doing: str,
    seen: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """Run `go build -v …` in `folder`; `seen` is called with each line, and every second with "".

    A line is a package that is compiled, a download, or a message. Raises SandboxError with the
    last messages when it fails, Stopped when `stop` was set; interrupted, the command is ended first.
    """
    messages: deque[str] = deque(maxlen=LAST_LINES)

    def read() -> None:
        if process.stderr is None:
            return
        for line in process.stderr:
            text = line.rstrip()
            if " " in text:  # else it is a package's name
                messages.append(text)
            seen(text)

    with _started(command, folder, environ, may, subprocess.PIPE) as process:
        reader = threading.Thread(target=read)
        reader.start()
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=1)
                    break
                if stop.is_set():
                    raise Stopped
                seen("")
        except BaseException:
            _end(process)
            raise
        finally:
            process_group.done(process)
            reader.join()
    if process.returncode != 0:
        failed = [line for line in messages if not line.startswith("go: downloading ")]
        raise SandboxError(
            doing,
            "\n    ".join(failed) or f"go exited with {process.returncode}",
            "check the route to the Go module proxy (GOPROXY, HTTPS_PROXY) and the disk, then run again: "
            "what is built is kept",
        )


def ask(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    may: Confinement,
    stop: threading.Event,
) -> str:
    """What a command prints; "" when it fails. It is ended, and Stopped raised, when `stop` is set."""
    with _started(command, folder, environ, may, subprocess.DEVNULL, subprocess.PIPE) as process:
        try:
            while not stop.is_set():
                with suppress(subprocess.TimeoutExpired):
                    output, _ = process.communicate(timeout=1)
                    return output if process.returncode == 0 else ""
            raise Stopped
        finally:
            _end(process)


def _started(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    may: Confinement,
    errors: int,
    output: int = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    def start() -> subprocess.Popen[str]:
        with process_group.starting():
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                text=True,
                errors="replace",
                start_new_session=True,  # so that its compilers can be ended with it
            )
            process_group.adopt(process)
        return process

    try:
        return confine.start(may, start)
    except OSError as error:
        raise SandboxError(
            f"running {command[0]}", error.strerror or str(error), "check the installation of Go"
        ) from error


def _end(process: subprocess.Popen[str]) -> None:
    process_group.done(process)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
