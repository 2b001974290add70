"""A program that works on what others have written gets nothing but its folder, and an end."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core import on_path, process_group, scratch
from bootstrap.programs import confine, run
from bootstrap.programs.run import Budget, Ended, Lost
from tests.repositories import OURS, write

SHELL = "/bin/dash"
BASH = "/bin/bash"
held = pytest.mark.skipif(confine.kernel() != confine.Kernel(True, True), reason="the kernel has no Landlock")


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch.folder("test") as path:
        yield path


def sh(folder: Path, script: str, budget: Budget | None = None, read: tuple[Path, ...] = ()) -> Ended:
    return run.run((SHELL, "-c", script), folder, os.environ, read, budget=budget)


def test_no_credential_and_no_setting_of_git_or_a_cluster_is_handed_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "GIT_TOKEN",
        "GITHUB_TOKEN",
        "KUBECONFIG",
        "GIT_SSH_COMMAND",
        "GIT_CONFIG_PARAMETERS",
        "LD_X",
    ):
        monkeypatch.setenv(name, "of-the-user")
    ended = sh(folder, "env; echo $HOME; pwd")
    assert ended.complaint is None
    assert b"of-the-user" not in ended.out
    assert os.environ["HOME"].encode() not in ended.out
    assert ended.out.splitlines()[-1].decode() == str(folder)


@held
def test_only_its_folder_and_what_it_is_given_can_be_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given")
    outside = Path(os.environ["HOME"], "secret")
    outside.write_text("secret")
    for path in (outside, Path("/etc/passwd"), Path("/proc/self/environ")):
        ended = sh(folder, f"cat {path}", read=(tmp_path,))
        assert (ended.out, "Permission denied" in ended.err) == (b"", True), path
    assert sh(folder, f"cat {tmp_path}/given; echo own >x; cat x", read=(tmp_path,)).out == b"givenown\n"


@held
def test_nothing_can_be_written_but_in_its_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("as it was")
    for script in ("echo >{}/new", "echo >{}/file", "rm {}/file", "mv {}/file {}/away", "ln -s x {}/link"):
        ended = sh(folder, script.replace("{}", str(tmp_path)), read=(tmp_path,))
        assert ended.status != 0, script
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "as it was")]


@held
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_no_connection_is_made_unless_that_was_asked_for(folder: Path, family: socket.AddressFamily) -> None:
    path = f"{scratch.take('socket')}/s"
    with socket.socket(family) as server:
        server.bind(("127.0.0.1", 0) if family == socket.AF_INET else path)
        server.listen()
        server.setblocking(False)
        if family == socket.AF_INET:
            script = f"exec 3<>/dev/tcp/127.0.0.1/{server.getsockname()[1]}"
        else:
            script = f"exec /usr/bin/env python3 -c 'import socket; socket.socket(1).connect(\"{path}\")'"
        ended = run.run((BASH, "-c", script), folder, os.environ)
        assert ended.status != 0
        with pytest.raises(BlockingIOError):
            server.accept()
        if family == socket.AF_INET:
            assert run.run((BASH, "-c", script), folder, os.environ, network=True).status == 0
            server.accept()[0].close()


def test_program_that_does_not_end_is_ended_with_what_it_started(folder: Path) -> None:
    ended = sh(folder, "sleep 1000 & echo $!; while :; do :; done", Budget(lost=Lost(1)))
    assert ended.limit == "it did not end within 1 seconds of processor time"
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(int(ended.out))
        assert select.select([handle], (), (), 60)[0], "its child lives on"
        os.close(handle)


def test_what_programs_may_lose_to_limits_is_counted_for_all_of_them(folder: Path) -> None:
    budget = Budget(lost=Lost(1.5))
    assert sh(folder, "while :; do :; done", budget).limit is not None
    assert sh(folder, "echo", budget).complaint == "it was not run: others before it did not end in time"


def test_memory_output_and_files_are_bounded(folder: Path) -> None:
    assert run.run(("/usr/bin/tail", "/dev/zero"), folder, os.environ).limit == (
        "it needs more memory than 512 MB"
    )
    limit = str(sh(folder, "yes", Budget(output=10_000)).limit)
    assert "it prints more than is plausible for what was read" in limit
    truncate = ("/usr/bin/truncate", "--size=1T", str(folder / "x"))
    assert run.run(truncate, folder, os.environ).limit == "it writes more than 256 MB"
    assert (folder / "x").stat().st_size == 0


def test_output_of_all_programs_together_is_bounded(folder: Path) -> None:
    budget = run.Budget(output=6)
    assert sh(folder, "echo 12345", budget).out == b"12345\n"
    assert "printed more than is plausible" in str(sh(folder, "echo 12345", budget).complaint)


def test_program_is_not_taken_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helm").write_text("#!/bin/sh\n")
    (tmp_path / "helm").chmod(0o755)
    for path in ("", ".", ":", "./", "nowhere:"):
        assert on_path.find("helm", {"PATH": path}) is None
    assert on_path.find("helm", {"PATH": f":{tmp_path}"}) == str(tmp_path / "helm")


def test_git_of_the_current_folder_is_not_run_whatever_path_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole program, as a process: libraries that it uses look for git, too."""
    write(tmp_path, OURS, {"git": f"#!/bin/sh\ntouch {tmp_path}/ran\n"})
    (tmp_path / "git").chmod(0o755)
    for command in (["image", "list"], ["component", "list", "--cluster", "one"]):
        ended = subprocess.run(
            [sys.executable, "-I", "-m", "bootstrap", *command],
            cwd=tmp_path,
            env={**os.environ, "PATH": f".::{os.environ['PATH']}"},
            capture_output=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / "ran").exists()


def test_snap_is_not_mistaken_for_the_program(tmp_path: Path) -> None:
    (tmp_path / "snap").write_text("#!/bin/sh\n")
    (tmp_path / "snap").chmod(0o755)
    (tmp_path / "helm").symlink_to("snap")
    assert on_path.find("helm", {"PATH": str(tmp_path)}) is None


def test_run_that_is_being_ended_ends_its_programs_and_starts_no_other(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    answers: list[process_group.Over | Ended] = []

    def work() -> None:
        try:
            answers.append(sh(folder, "echo >pipe; exec sleep 1000"))
            sh(folder, "echo")
        except process_group.Over as error:
            answers.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        (folder / "pipe").read_text()  # until it runs
        process_group.end_all()
        thread.join()
    finally:
        process_group.again()
    assert isinstance(answers[-1], process_group.Over)
    assert all(isinstance(one, process_group.Over) or one.status == -15 for one in answers)
