"""A credential is sent to a port only when the sandbox's own process listens there."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.sandbox import addresses, embedded, gitea_account, listener, process, state
from bootstrap.sandbox import program_folder as bin_folder
from bootstrap.sandbox.process import Spec
from tests.providers.answering import answering

SERVES = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); s.accept()"
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[2], sys.argv[1]])"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "own"
    process.end(tmp_path / "own", process.recorded(tmp_path / "own"), patience=1.0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(question: Any) -> None:
    deadline = time.monotonic() + 60
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("code", [SERVES, CHILD], ids=["itself", "a child of its"])
def test_own_process_is_known_as_who_listens(folder: Path, code: str) -> None:
    port = free_port()
    process.start(folder, Spec("gitea", (sys.executable, "-c", code, str(port), SERVES)))
    until(lambda: listener.is_of(folder, "gitea", port))
    listener.check(folder, "gitea", port)
    assert not listener.is_of(folder, "gitea", port + 1)
    assert not listener.is_of(folder, "redis", port)


def test_another_process_on_the_port_is_reported_and_is_not_ours(folder: Path) -> None:
    process.start(folder, Spec("gitea", (sys.executable, "-c", "import time; time.sleep(600)")))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SandboxError) as told:
            listener.check(folder, "gitea", port)
    assert f"127.0.0.1:{port}" in told.value.found
    assert "nothing was sent" in told.value.found


def test_who_listens_on_every_address_is_not_mistaken_for_ours(folder: Path) -> None:
    port = free_port()
    serves = SERVES.replace("127.0.0.1", "127.0.0.2")
    process.start(folder, Spec("gitea", (sys.executable, "-c", serves, str(port))))
    with socket.create_server(("", 0)) as other:
        assert not listener.is_of(folder, "gitea", other.getsockname()[1])
    assert not listener.is_of(folder, "gitea", port)


def test_ended_process_listens_nowhere(folder: Path) -> None:
    port = free_port()
    process.start(folder, Spec("gitea", (sys.executable, "-c", SERVES, str(port))))
    until(lambda: listener.is_of(folder, "gitea", port))
    process.end(folder, ["gitea"], patience=1.0)
    with socket.create_server(("127.0.0.1", port)):
        assert not listener.is_of(folder, "gitea", port)


def test_giteas_port_taken_by_another_process_gets_no_credential(
    folder: Path, invocation: Invocation
) -> None:
    """The other one answers as Gitea would; Gitea itself is up and does not listen."""
    asked: list[tuple[str, str | None]] = []

    def answer(method: str, path: str, headers: Any, body: Any) -> Any:
        asked.append((path, headers.get("Authorization")))
        return 200, {}, b'{"sha1": "0123456789abcdef"}'

    program = folder.parent / "gitea"
    program.write_text('#!/bin/sh\ncase "$1" in web) exec sleep 600;; *) echo 0123456789abcdef;; esac\n')
    program.chmod(0o755)
    with answering(answer) as url:
        port = int(url.rpartition(":")[2])
        settings = state.Settings(
            "own",
            {**dict.fromkeys(state.PORTS, 1), "gitea": port},
            ("gitea",),
            programs={"gitea": str(program)},
        )
        programs = bin_folder.Programs({}, folder)
        with pytest.raises(SandboxError, match="does not listen"):
            embedded._start_gitea(
                folder, settings, invocation, programs, {"PATH": "/usr/bin:/bin"}, time.monotonic() + 60
            )
        state.save(folder, settings)
        with pytest.raises(SandboxError, match="does not listen"):
            listener.check_git_host(addresses.describe(folder, settings))
    assert [credential for _, credential in asked if credential] == []


def test_git_host_that_is_not_a_process_of_this_machine_is_not_asked_for(tmp_path: Path) -> None:
    ports = dict.fromkeys(state.PORTS, 1)
    settings = state.Settings("own", ports, ("gitea",))
    sandbox = addresses.describe(tmp_path, settings)
    state.save(tmp_path, settings)
    with pytest.raises(SandboxError, match="does not listen"):
        listener.check_git_host(sandbox)
    state.save(tmp_path, replace(settings, provider="kind"))
    listener.check_git_host(sandbox)


@pytest.mark.parametrize("late", [False, True], ids=["log first", "log last"])
def test_first_token_is_the_line_that_is_one_wherever_the_log_is(tmp_path: Path, late: bool) -> None:
    """Gitea's logger writes on its own time: as root, its warning came after the token under load."""
    log = (
        "2026/11/30 18:11:18 modules/setting/setting.go:190:loadRunModeFrom() [E] You are running Gitea using"
        " the root user, and have purposely chosen to skip built-in protections around this. You have been"
        " warned against this.\n"
    )
    token = "ef791a84622280b62bda7540e911f099749c0011\n"
    shown: list[str | None] = []

    def admin(arguments: Any) -> subprocess.CompletedProcess[str]:
        printed = (token + log if late else log + token) if "generate-access-token" in arguments else log
        return subprocess.CompletedProcess(arguments, 0, printed, "")

    def answer(method: str, path: str, headers: Any, body: Any) -> Any:
        shown.append(headers.get("Authorization"))
        return 200, {}, b'{"sha1": "0123456789abcdef"}'

    (tmp_path / "git").mkdir()
    with answering(answer) as url:
        gitea_account.provision(tmp_path, url, admin, Invocation(environ={}))
    assert shown[0] == f"token {token.strip()}"
