"""Runs git where start-up time counts: one process per call, and one that keeps running to read objects.

`command.py` does the same through GitPython, whose import alone takes longer than an image bump
may take; a CI job would pay that on every run.
"""

from __future__ import annotations

import contextlib
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bootstrap.core import git_files, process_group, verbose
from bootstrap.core.errors import GitError
from bootstrap.git import errors, retries
from bootstrap.git.command import Answer
from bootstrap.git.responses import traced
from bootstrap.git.retries import Patience

ANSWER_SECONDS = 120.0
"""How long to wait for an object of a repository on this machine."""
_PUSH_SECONDS = 30.0
"""A push gets this long even when the time is up: if it is cut off, nobody knows whether it arrived."""


class Calls:
    """git in one repository, with one environment. `shown` and `secrets` are for messages.

    `directory` need not exist yet: until then git runs in its parent. `timeout` is in seconds,
    for each call. What only reads from a host is repeated for as long as `patience` lasts. `meanwhile` is
    called once, while git waits for a host for the first time.
    """

    def __init__(
        self,
        directory: Path,
        environ: Mapping[str, str],
        shown: str,
        secrets: Sequence[str] = (),
        timeout: float = 120,
    ) -> None:
        self.directory = directory
        self.environ = environ
        self.shown = shown
        self.secrets = tuple(secrets)
        self.timeout = timeout
        self.patience = Patience()
        self.meanwhile: Callable[[], None] | None = None
        self._objects: Objects | None = None

    def at(self, directory: Path) -> Calls:
        """The same git in another repository of the same host; both share one deadline."""
        made = Calls(directory, self.environ, self.shown, self.secrets, self.timeout)
        made.patience = self.patience
        return made

    def run(self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None) -> Answer:
        """One git command; a failure is an Answer."""
        environ = {**self.environ, **extra} if extra else self.environ
        if not retries.is_remote(arguments):
            return self._once(arguments, stdin, environ, self.timeout)
        began = time.monotonic()
        if retries.is_reading(arguments):
            clean = self._clean if retries.command_of(arguments) == "clone" else lambda: None
            return self.patience.answered(
                lambda: self._asked(arguments, stdin, environ, began), clean, self._ssh
            )
        answer = self._asked(arguments, stdin, environ, began)
        if answer.status == 0 or answer.wire.status == 200:  # a refused push was authenticated, too
            self.patience.succeeded(answer.wire, self._ssh)
        return answer

    @property
    def _ssh(self) -> bool:
        return "GIT_SSH_COMMAND" in self.environ

    def _asked(
        self, arguments: Sequence[str], stdin: bytes, environ: Mapping[str, str], began: float
    ) -> Answer:
        """One command that contacts a host, with the host's HTTP response."""
        timeout = max(1.0, min(self.timeout, self.patience.left(began)))
        if retries.command_of(arguments) == "push":
            timeout = max(timeout, min(self.timeout, _PUSH_SECONDS))
        meanwhile, self.meanwhile = self.meanwhile, None
        with traced() as trace:
            answer = self._once(arguments, stdin, {**environ, **trace.environ}, timeout, meanwhile)
            wire = trace.wire()
            if (
                wire.page
            ):  # a proxy's or a login page: git says that the repository is empty, and exits with 0
                answer = replace(answer, status=answer.status or 1, err=f"{answer.err}\nfatal: {errors.PAGE}")
            return replace(answer, wire=wire)

    def _once(
        self,
        arguments: Sequence[str],
        stdin: bytes,
        environ: Mapping[str, str],
        timeout: float,
        meanwhile: Callable[[], None] | None = None,
    ) -> Answer:
        directory = self.directory if self.directory.is_dir() else self.directory.parent
        return run(arguments, directory, environ, stdin, timeout, meanwhile)

    def _clean(self) -> None:
        """Before another try to clone: git refuses a folder that a killed clone has left."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def check_run(
        self, tried: str, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> Answer:
        """Like `run`, but a failure raises an error; `tried` says what the command is for."""
        answer = self.run(*arguments, stdin=stdin, extra=extra)
        if answer.status:
            raise self.error(answer, tried)
        return answer

    def error(self, answer: Answer, tried: str) -> GitError:
        return errors.counted(errors.classify(answer.err, tried, self.shown, self.secrets), answer)

    def object(self, name: str) -> tuple[str, str, bytes] | None:
        """The id, kind and content of an object, by id or ref; None when it is not here."""
        if self._objects is None:
            self._objects = Objects(self.directory, self.environ)
        return self._objects.get(name)

    def content(self, sha: str, kind: str) -> bytes:
        """The content of an object that must be here."""
        found = self.object(sha)
        if found is None or found[1] != kind:
            hint = "run again; if it persists, the repository may be damaged"
            raise GitError(f"reading {kind} {sha[:12]}", "it does not exist", hint, self.shown)
        return found[2]

    def close(self) -> None:
        """End the process that reads objects."""
        if self._objects is not None:
            self._objects.close()
            self._objects = None


class Objects:
    """`git cat-file --batch` of one repository, kept running: an object does not cost a process.

    Ask only for what exists: git would fetch what a partial clone lacks, one object at a time.
    """

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        # No protocol is allowed here, so that reading a missing object fails instead of fetching it.
        environ = {**environ, "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
        self._directory = directory
        self._process = _start(("cat-file", "--batch"), directory, environ, subprocess.DEVNULL)

    def get(self, name: str) -> tuple[str, str, bytes] | None:
        """The id, kind and content of an object, by id or ref; None when it is not here."""
        source, answer = self._process.stdin, self._process.stdout
        assert source is not None  # noqa: S101 - both are pipes
        assert answer is not None  # noqa: S101
        try:
            source.write(name.encode() + b"\n")
            source.flush()
            # Nothing is left of the last answer; one that is a FIFO on the disk never begins.
            if not select.select([answer], [], [], ANSWER_SECONDS)[0]:
                process_group.kill(self._process)
                raise git_files.late("cat-file", self._directory, ANSWER_SECONDS)
            head = answer.readline().split()
            if len(head) != 3:
                if not head:
                    raise BrokenPipeError
                return None
            content = answer.read(int(head[2]) + 1)[:-1]
        except BrokenPipeError as error:
            hint = "run again; if it persists, the repository may be damaged"
            raise GitError(f"reading {name}", "git cat-file ended early", hint) from error
        return head[0].decode(), head[1].decode(), content

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()
        process_group.done(self._process)


def run(
    arguments: Sequence[str],
    directory: Path,
    environ: Mapping[str, str],
    stdin: bytes = b"",
    timeout: float = 120,
    meanwhile: Callable[[], None] | None = None,
) -> Answer:
    """Run `git ARGUMENTS` with exactly `environ`; a failure is an Answer, not an exception.

    `meanwhile` is called while it runs.

    After `timeout` seconds git and its children are killed; the answer says so for a command that contacts a
    host, else GitError is raised. Also raised when git is not installed, and InputError for files of git's
    own that it would wait for (core/git_files.py).
    """
    with verbose.call(verbose.git(arguments, directory)) as call:
        process = _start(arguments, directory, environ, subprocess.PIPE)
        with process_group.ending(process):
            if meanwhile is not None:
                meanwhile()
            try:
                out, err = process.communicate(stdin, timeout=timeout)
            except subprocess.TimeoutExpired:
                process_group.kill(process)
                out, err = process.communicate()
                if not retries.is_remote(arguments):
                    raise git_files.late(arguments[0], directory, timeout) from None
                err += f"\nTimeout: git {arguments[0]} took longer than {timeout:.0f} s".encode()
        call.ended = f"exit {process.returncode}"
    return Answer(process.returncode, out, err.decode("utf-8", "replace"))


def _start(
    arguments: Sequence[str], directory: Path, environ: Mapping[str, str], stderr: int
) -> subprocess.Popen[bytes]:
    git_files.check(directory)
    try:
        return process_group.popen(["git", *arguments], directory, environ, subprocess.PIPE, stderr)
    except FileNotFoundError as error:
        if not directory.is_dir():
            found = f"the folder {directory} does not exist"
            raise GitError(f"running git {arguments[0]}", found, errors.ROOM) from error
        hint = "install git, 2.34 or newer: apt-get install git"
        raise GitError("running git", "git is not on PATH", hint) from error
    except OSError as error:
        raise GitError(f"running git {arguments[0]}", str(error), errors.ROOM) from error
