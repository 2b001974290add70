"""Programs that we started and that are still running: each leads its own process group, and ends with us.

A signal that ends this run ends them first; from then on, no thread can start another.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess  # imported where a program starts: most of what --help would take

_running: set[subprocess.Popen[Any]] = set()
_over = threading.Event()
_starts = 0
_deferred: BaseException | None = None

GRACE = 2.0
"""Seconds that a program has between SIGTERM and SIGKILL."""


class Over(KeyboardInterrupt):
    """This run is ending: nothing more is started."""


def popen(
    command: Sequence[str],
    folder: str | os.PathLike[str],
    environ: Mapping[str, str],
    stdin: int | None = None,
    stderr: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program as the leader of its group; it ends with us until `done`. Raises OSError, Over.

    Without `stdin` it reads nothing; its output comes by pipes, its errors where `stderr` says.
    """
    import subprocess

    with starting():
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if stderr is None else stderr,
            start_new_session=True,
        )
        adopt(process)
    return process


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Start a program in the block, and `adopt` it: a signal waits until then, so that it ends with us."""
    global _starts, _deferred
    check()
    main = threading.current_thread() is threading.main_thread()
    if main:
        _starts += 1
    try:
        yield
    finally:
        if main:
            _starts -= 1
            error, _deferred = _deferred, None
            if error is not None:
                raise error


def defers(error: BaseException) -> bool:
    """Whether a signal handler leaves it to `starting` to raise this."""
    global _deferred
    if _starts:
        _deferred = error
    return bool(_starts)


def adopt(process: subprocess.Popen[Any]) -> None:
    """Make a program that another library started as the leader of its group end with us until `done`."""
    _running.add(process)
    if _over.is_set():
        _signal(process, signal.SIGTERM)


@contextlib.contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Make sure that a program is gone after the block: it exits, or is ended when the block fails."""
    try:
        check()  # the run may have ended since it was started
        yield
    except BaseException:
        stop(process)
        raise
    finally:
        done(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()


def done(process: subprocess.Popen[Any]) -> None:
    """Forget a program: it has exited, or does not have to end with us."""
    _running.discard(process)


@contextlib.contextmanager
def cleaning_up() -> Iterator[None]:
    """Programs may start in the block although this run is ending: they clean up on another host."""
    over = _over.is_set()
    _over.clear()
    try:
        yield
    finally:
        if over:
            _over.set()


def check() -> None:
    """Raise Over when this run is ending."""
    if _over.is_set():
        raise Over


def kill(process: subprocess.Popen[Any]) -> None:
    """End a program and everything it started, at once; returns when it is gone."""
    _signal(process, signal.SIGKILL)
    process.wait()
    end_rest(process)


def stop(process: subprocess.Popen[Any]) -> None:
    """The same, but it may clean up first: git has locks and half-written packs."""
    import subprocess

    _signal(process, signal.SIGTERM)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        kill(process)
    end_rest(process)


def end_all() -> None:
    """Ask every program to end, and start no more from here on; safe in a signal handler.

    git removes its locks when asked; a program that is still alive when its block ends is killed.
    """
    _over.set()
    for process in tuple(_running):
        _signal(process, signal.SIGTERM)


def finish() -> None:
    """Wait for the programs that were asked to end, and kill those that do not."""
    for process in tuple(_running):
        stop(process)
        done(process)


def again() -> None:
    """Allow programs to be started again after `end_all`: the command line may be called more than once."""
    _over.clear()


def end_rest(process: subprocess.Popen[Any]) -> None:
    """Kill what it started and did not wait for: a group outlives its leader."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def _signal(process: subprocess.Popen[Any], number: signal.Signals) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
