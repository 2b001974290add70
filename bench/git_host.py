"""Repositories with any number of apps on a real Gitea, and a proxy before it that counts bytes."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bootstrap.sandbox.addresses import Sandbox

BASE = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - deployment.yaml\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
spec:
  selector:
    matchLabels:
      app: {app}
  template:
    metadata:
      labels:
        app: {app}
    spec:
      containers:
        - name: {app}
          image: ghcr.io/example/{app}
"""
OVERLAY = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../../base
images:
  - name: ghcr.io/example/{app}  # set by CI
    newTag: v1.0.0
"""
ENVIRONMENTS = ("staging", "production")


@dataclass(frozen=True)
class Host:
    """A Gitea and who may push there. A repository's `address` contains the token, in the form git reads."""

    url: str
    username: str
    token_file: Path
    organisation: str

    def repository(self, name: str) -> str:
        return f"{self.url}/{self.organisation}/{name}.git"

    def address(self, name: str) -> str:
        token = self.token_file.read_text(encoding="utf-8").strip()
        return self.repository(name).replace("://", f"://{self.username}:{token}@")


def host_of(sandbox: Sandbox) -> Host:
    return Host(sandbox.git_url, sandbox.git_username, sandbox.git_token_file, sandbox.git_organisation)


def app_name(number: int) -> str:
    return f"app-{number:05d}"


def overlay(app: str, environment: str) -> str:
    return f"apps/{app}/overlays/{environment}"


def make_repository(host: Host, name: str, apps: int, later: int = 0) -> None:
    """Create a private repository with `apps` apps in one commit, and `later` commits after it.

    Each of these sets one app's image; they are a minute apart, and the last one is dated now.
    """
    token = host.token_file.read_text(encoding="utf-8").strip()
    request = urllib.request.Request(  # noqa: S310 - the address is ours
        f"{host.url}/api/v1/orgs/{host.organisation}/repos",
        json.dumps({"name": name, "private": True, "default_branch": "main"}).encode(),
        {"Authorization": f"token {token}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310
    with tempfile.TemporaryDirectory() as folder:
        run = ["git", "-C", folder]
        subprocess.run(["git", "init", "--quiet", "--bare", folder], check=True)
        stream = b"".join((*_commit(apps), *_bumps(apps, later)))
        subprocess.run([*run, "fast-import", "--quiet"], input=stream, check=True)
        push = [*run, "push", "--quiet", host.address(name), "main"]
        subprocess.run(push, check=True, stderr=subprocess.DEVNULL)


def _commit(apps: int) -> Iterator[bytes]:
    yield b"commit refs/heads/main\ncommitter Bench <bench@example.org> 1700000000 +0000\ndata 5\nFirst\n"
    yield _file("README.md", "A repository for measuring.\n")
    for number in range(apps):
        app = app_name(number)
        yield _file(f"apps/{app}/base/kustomization.yaml", BASE)
        yield _file(f"apps/{app}/base/deployment.yaml", DEPLOYMENT.format(app=app))
        for environment in ENVIRONMENTS:
            yield _file(f"{overlay(app, environment)}/kustomization.yaml", OVERLAY.format(app=app))


def _bumps(apps: int, count: int) -> Iterator[bytes]:
    now = int(time.time())
    for number in range(count):
        app, when = app_name(number % apps), now - 60 * (count - 1 - number)
        yield b"commit refs/heads/main\ncommitter Bench <bench@example.org> %d +0000\ndata 4\nSet\n" % when
        text = OVERLAY.format(app=app).replace("v1.0.0", f"v1.0.{number + 1}")
        yield _file(f"{overlay(app, ENVIRONMENTS[0])}/kustomization.yaml", text)


def _file(path: str, text: str) -> bytes:
    content = text.encode()
    return b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)


@dataclass
class Counted:
    """A host behind a proxy; `received` counts the bytes that came from it."""

    host: Host
    received: int = 0


@contextmanager
def counting(host: Host) -> Iterator[Counted]:
    """The same host on another port of this machine, with every byte counted."""
    target = urlsplit(host.url)
    listener = socket.create_server(("127.0.0.1", 0))
    found = Counted(
        Host(
            f"http://127.0.0.1:{listener.getsockname()[1]}", host.username, host.token_file, host.organisation
        )
    )

    def pump(source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with source, sink:
            try:
                while data := source.recv(1 << 16):
                    if counts:
                        found.received += len(data)
                    sink.sendall(data)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((target.hostname or "127.0.0.1", target.port or 80))
            for source, sink, counts in ((client, server, False), (server, client, True)):
                threading.Thread(target=pump, args=(source.dup(), sink.dup(), counts), daemon=True).start()
            client.close()
            server.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
