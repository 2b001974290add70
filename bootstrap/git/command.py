"""Runs one git command through GitPython; run.py runs those that must start fast."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.core import git_files, process_group, verbose
from bootstrap.core.errors import GitError
from bootstrap.git.responses import UNKNOWN, Wire

OLDEST = (2, 34)
ASK_SECONDS = 120.0


@dataclass(frozen=True)
class Answer:
    """The result of a git command; `err` is its standard error as text.

    `wire` is the host's HTTP response; the last of `tries` ended `seconds` after the first began.
    """

    status: int
    out: bytes
    err: str
    wire: Wire = UNKNOWN
    tries: int = 1
    seconds: float = 0.0

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "surrogateescape").strip()


def run(
    arguments: Sequence[str],
    directory: Path,
    environ: Mapping[str, str],
    stdin: bytes = b"",
    timeout: float = 300,
) -> Answer:
    """Run `git ARGUMENTS` with exactly `environ`; a failure is an Answer, not an exception.

    After `timeout` seconds git and its children are killed. Raises GitError when git is not installed.
    """
    # `-C`, because GitPython runs git in this process's own folder, and so perhaps in one of the user's
    # repositories, if it finds `directory` inaccessible.
    # GitPython adds to this process's environment and cannot remove from it: env(1) does that. Only names
    # are in its arguments.
    surplus = [name for name in os.environ if name not in environ]
    prefix = ["env", *[part for name in surplus for part in ("-u", name)]] if surplus else []
    import tempfile

    git_files.check(directory)
    try:
        from git.cmd import Git
        from git.exc import GitCommandNotFound
    except ImportError as error:  # GitPython looks for git when it is imported
        raise _missing() from error
    try:
        with (
            verbose.call(verbose.git(arguments, directory)) as call,
            tempfile.TemporaryFile(dir=directory) as source,
        ):
            source.write(stdin)
            source.seek(0)
            with process_group.starting():
                handle: Any = Git(str(directory)).execute(
                    [*prefix, "git", "-C", str(directory), *arguments],
                    istream=source,
                    env=dict(environ),
                    as_process=True,
                    start_new_session=True,  # so that its children can be ended with it
                )
                process_group.adopt(handle.proc)
            status, out, err = _ended(handle.proc, arguments[0], timeout)
            call.ended = f"exit {status}"
    except GitCommandNotFound as error:
        raise _missing() from error
    except OSError as error:
        hint = f"free disk space and make {directory} writable, or set TMPDIR to another folder"
        raise GitError(f"running git {arguments[0]}", str(error), hint) from error
    return Answer(status, out, err)


def _ended(process: subprocess.Popen[bytes], name: str, timeout: float) -> tuple[int, bytes, str]:
    """Wait for git; it is ended when we end, and after `timeout` seconds."""
    late = ""
    with process_group.ending(process):
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process_group.kill(process)
            out, err = process.communicate()
            late = f'\nTimeout: the command "git {name}" did not complete in {timeout:.0f} s.'
    return process.returncode, out, err.decode("utf-8", "replace").rstrip("\n") + late


def ask(arguments: Sequence[str], directory: Path, environ: Mapping[str, str]) -> Answer:
    """Run a git command that only reads, and return its answer; one that cannot be run is an Answer too.

    Raises GitError when it does not end, and InputError for files that it would wait for (core/git_files.py).
    Without GitPython: importing it takes longer than such a command.
    """
    command = ["git", "-C", str(directory), *arguments]
    git_files.check(directory)
    try:
        with verbose.call(verbose.git(arguments, directory)) as call:
            process = process_group.popen(command, ".", environ)
            with process_group.ending(process):
                out, err = process.communicate(timeout=ASK_SECONDS)
            call.ended = f"exit {process.returncode}"
    except subprocess.TimeoutExpired:
        raise git_files.late(arguments[0], directory, ASK_SECONDS) from None
    except OSError as error:
        return Answer(1, b"", str(error))
    return Answer(process.returncode, out, err.decode("utf-8", "replace"))


def _missing() -> GitError:
    hint = "install git, {}.{} or newer: apt-get install git".format(*OLDEST)
    return GitError("running git", "git is not on PATH", hint)
