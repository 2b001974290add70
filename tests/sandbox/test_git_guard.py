"""The Git host of a running sandbox ends: whoever takes its port gets nothing from Argo CD."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.sandbox import agent, embedded, git_guard, process, state
from bootstrap.sandbox.process import Spec
from tests.providers.answering import answering
from tests.sandbox.conftest import TIMEOUT
from tests.sandbox.kubernetes import made
from tests.sandbox.test_lifecycle import eventually

PROCESSES = (*embedded.CONTROL_PLANE, "redis", "gitea", "agent")
SLEEPS = (sys.executable, "-c", "import time; time.sleep(600)")


def up(invocation: Invocation) -> Any:
    output = Output(invocation, quiet=True)
    return embedded.up("own", invocation, output, processes=PROCESSES, timeout=TIMEOUT)


def is_free(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def application(url: str) -> dict[str, Any]:
    source = {"repoURL": f"{url}/platform/gitops.git", "path": ".", "targetRevision": "main"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "asks", "annotations": {"argocd.argoproj.io/refresh": "hard"}},
        "spec": {
            "project": "default",
            "source": source,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
        },
    }


def test_whoever_takes_its_port_gets_no_credential(private: Invocation) -> None:
    sandbox = up(private)
    folder = sandbox.folder
    settings = state.load(folder)
    assert settings is not None
    eventually(lambda: process.running(folder, git_guard.CLIENTS[0]) is not None, "the repository server")
    cluster = kube.connect(private, sandbox.context, sandbox.kubeconfig)
    credential = {"url": sandbox.git_url.encode(), "type": b"git", "username": b"a", "password": b"s3cret"}
    labels = {"argocd.argoproj.io/secret-type": "repo-creds"}
    kube.ensure_secret(cluster, "argocd", "creds", data=credential, generate=(), labels=labels)
    asked: list[str | None] = []

    def answer(method: str, path: str, headers: Any, body: Any) -> Any:
        asked.append(headers.get("Authorization"))
        return 401, {"WWW-Authenticate": 'Basic realm="Gitea"'}, b""

    gitea = process.running(folder, git_guard.HOST)
    assert gitea is not None
    os.kill(gitea.pid, signal.SIGKILL)
    eventually(lambda: is_free(settings.ports["gitea"]), "its port")
    with answering(answer, settings.ports["gitea"]):
        kube.apply(cluster, [made(application(sandbox.git_url))], namespace="argocd")
        eventually(lambda: process.running(folder, git_guard.CLIENTS[0]) is None, "the end of who asks it")
        for _ in range(3):
            threading.Event().wait(agent.PULSE)  # in which it looks whether all that should run does
            assert process.running(folder, git_guard.CLIENTS[0]) is None
    assert asked == []
    up(private)
    eventually(lambda: process.running(folder, git_guard.CLIENTS[0]) is not None, "the next one")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "own"
    process.end(tmp_path / "own", process.recorded(tmp_path / "own"), patience=1.0)


def test_clients_are_gone_once_the_host_is_and_not_before(folder: Path) -> None:
    for name in (git_guard.HOST, git_guard.CLIENTS[0], "argocd-server"):
        process.start(folder, Spec(name, SLEEPS))
    stop, told = threading.Event(), threading.Event()
    thread = threading.Thread(target=git_guard.watch, args=(folder, stop, told.set))
    thread.start()
    assert not told.wait(git_guard.ROUND + 0.5)
    host = process.running(folder, git_guard.HOST)
    assert host is not None
    os.kill(host.pid, signal.SIGKILL)
    assert told.wait(60)
    stop.set()
    thread.join()
    assert process.running(folder, git_guard.CLIENTS[0]) is None
    assert process.running(folder, "argocd-server") is not None
